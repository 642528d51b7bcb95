/* ops/bf16.h - the upper half of a float: bfloat16, its two conversions. */
#ifndef PS_OPS_BF16_H
#define PS_OPS_BF16_H

#include <stdint.h>
#include <string.h>

static inline float ps_bf16_widen(uint16_t h)
{
    uint32_t bits = (uint32_t)h << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* To the nearest, ties to even.  As the instructions of x86 do it: denormals become zero of their sign, NaN stays
 * NaN (and quiet).  Written without branches, so that loops over it become vectors. */
static inline uint16_t ps_bf16_round(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint32_t size = bits & 0x7FFFFFFFu, near = bits + 0x7FFFu + (bits >> 16 & 1u);
    near = size > 0x7F800000u ? bits | 0x400000u : near;
    near = size < 0x00800000u ? bits & 0x80000000u : near;
    return (uint16_t)(near >> 16);
}

#endif
