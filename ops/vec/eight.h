/* ops/vec/eight.h - up to eight bytes, by loads that overlap; with memcpy and a load of what it wrote, a processor waits. */
#ifndef PS_OPS_VEC_EIGHT_H
#define PS_OPS_VEC_EIGHT_H

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

#endif
