/* nn/half.h - the two types of 16 bits that values of a network may be stored in (bfloat16, IEEE half), one as the other: the
 * fast precision takes that which the processor multiplies. */
#ifndef PS_NN_HALF_H
#define PS_NN_HALF_H

#include "ops/bf16.h"
#include "ops/f16.h"
#include "ops/kernels.h"
#include "poise.h"

/* What the fast precision stores: bf16 where both are fast, for its range; POISE_NONE where neither is. */
static inline poise_type ps_half_type(const ps_kernels *k)
{
    return k->fast & PS_FAST_BF16 ? POISE_BF16 : k->fast & PS_FAST_F16 ? POISE_F16 : POISE_NONE;
}

static inline bool ps_is_half(poise_type t)
{
    return t == POISE_BF16 || t == POISE_F16;
}

static inline ps_tile ps_half_tile(const ps_kernels *k, poise_type t)
{
    return t == POISE_BF16 ? k->gemm_bf16_tile : k->gemm_f16_tile;
}

static inline float ps_half_widen(poise_type t, uint16_t h)
{
    return t == POISE_BF16 ? ps_bf16_widen(h) : ps_f16_widen(h);
}

static inline uint16_t ps_half_round(poise_type t, float x)
{
    return t == POISE_BF16 ? ps_bf16_round(x) : ps_f16_cut(x);
}

/* n elements of type t to floats, and back. */
static inline void ps_half_to_floats(const ps_kernels *k, poise_type t, size_t n, const uint16_t *x, float *y)
{
    (t == POISE_BF16 ? k->f32_from_bf16 : k->f32_from_f16)(n, x, y);
}

static inline void ps_half_from_floats(const ps_kernels *k, poise_type t, size_t n, const float *x, uint16_t *y)
{
    (t == POISE_BF16 ? k->bf16_from_f32 : k->f16_from_f32)(n, x, y);
}

#endif
