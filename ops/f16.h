/* ops/f16.h - IEEE 754 binary16: sign, 5 bits of exponent (bias 15), 10 bits of fraction; its conversions. */
#ifndef PS_OPS_F16_H
#define PS_OPS_F16_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define PS_F16_MOST 65504.0f /* the largest */

static inline float ps_f16_widen(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, e = h >> 10 & 31, m = h & 1023, bits;
    float x = (float)m * 0x1p-24f; /* a denormal */
    memcpy(&bits, &x, sizeof bits);
    if (e) bits = (e == 31 ? 255 : e + 112) << 23 | m << 13;
    bits |= sign;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* To the nearest, ties to even; NaN stays NaN, what is too large becomes infinity. */
static inline uint16_t ps_f16_round(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    uint16_t sign = (uint16_t)(bits >> 48 & 0x8000);
    double a = fabs(v);
    if (a != a) return sign | 0x7E00;
    if (a >= 65520) return sign | 0x7C00; /* half a step above the largest */
    /* Below 2^-14 halves are multiples of 2^-24.  Above, the low 42 bits of the fraction go: add just
     * under half of their range, one more when the bit that stays is odd. */
    if (a < 0x1p-14) return (uint16_t)(sign | (uint16_t)nearbyint(a * 0x1p24));
    bits &= 0x7FFFFFFFFFFFFFFFull;
    bits += (1ull << 41) - 1 + (bits >> 42 & 1);
    return (uint16_t)(sign | (uint16_t)((bits >> 42) - ((1023ull - 15) << 10)));
}

/* The same for values of a network: what is too large, infinity too, becomes the largest, so that no sum of it is NaN. */
static inline uint16_t ps_f16_cut(float x)
{
    return ps_f16_round((double)(x > PS_F16_MOST ? PS_F16_MOST : x < -PS_F16_MOST ? -PS_F16_MOST : x));
}

#endif
