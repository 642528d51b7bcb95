/* ops/vec/sixteen.h - up to sixteen bytes, by loads that overlap; with memcpy and a load of what it wrote, a processor waits. */
#ifndef PS_OPS_VEC_SIXTEEN_H
#define PS_OPS_VEC_SIXTEEN_H

#include <smmintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* 1 <= k <= 8 bytes. */
static inline uint64_t bload8_k(const uint8_t *p, size_t k)
{
    uint64_t eight;
    uint32_t low, high;
    if (k >= 8) {
        memcpy(&eight, p, 8);
        return eight;
    }
    if (k >= 4) {
        memcpy(&low, p, 4);
        memcpy(&high, p + k - 4, 4);
        return (uint64_t)low | (uint64_t)high << 8 * (k - 4);
    }
    return (uint64_t)p[0] | (uint64_t)p[k / 2] << 8 * (k / 2) | (uint64_t)p[k - 1] << 8 * (k - 1);
}

/* 1 <= k bytes, 16 of them if there are more; the others are 0. */
static inline __m128i bload16_k(const uint8_t *p, size_t k)
{
    if (k >= 16) return _mm_loadu_si128((const __m128i *)(const void *)p);
    if (k <= 8) return _mm_cvtsi64_si128((int64_t)bload8_k(p, k));
    return _mm_set_epi64x((int64_t)bload8_k(p + 8, k - 8), (int64_t)bload8_k(p, 8));
}

#endif
