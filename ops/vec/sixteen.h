/* ops/vec/sixteen.h - up to sixteen bytes, by loads that overlap. */
#ifndef PS_OPS_VEC_SIXTEEN_H
#define PS_OPS_VEC_SIXTEEN_H

#include "ops/vec/eight.h"

#include <smmintrin.h>

/* 1 <= k bytes, 16 of them if there are more; the others are 0. */
static inline __m128i bload16_k(const uint8_t *p, size_t k)
{
    if (k >= 16) return _mm_loadu_si128((const __m128i *)(const void *)p);
    if (k <= 8) return _mm_cvtsi64_si128((int64_t)bload8_k(p, k));
    return _mm_set_epi64x((int64_t)bload8_k(p + 8, k - 8), (int64_t)bload8_k(p, 8));
}

#endif
