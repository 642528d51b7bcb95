/* ops/codes.h - how a number becomes a code: the one rule of all kernels between floats and bytes, on every ISA. */
#ifndef PS_OPS_CODES_H
#define PS_OPS_CODES_H

#include <stdint.h>

/* Adding and subtracting it rounds a float within +-2^22 to a whole number, halves to even. */
#define PS_CODE_SHIFT 12582912.0f /* 1.5 * 2^23 */

/* The code of t, a number in units of the scale; zero 0..255.  NaN becomes 0. */
static inline uint8_t ps_code(float t, int32_t zero)
{
    float low = (float)-zero, top = (float)(255 - zero);
    t = t > low ? t : low;
    t = t < top ? t : top;
    return (uint8_t)((int32_t)(t + PS_CODE_SHIFT - PS_CODE_SHIFT) + zero);
}

#endif
