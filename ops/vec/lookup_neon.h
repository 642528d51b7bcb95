/* ops/vec/lookup_neon.h - tables of 256 bytes in NEON. */
#ifndef PS_OPS_VEC_LOOKUP_NEON_H
#define PS_OPS_VEC_LOOKUP_NEON_H

#include <arm_neon.h>

/* table[x[i]] */
static inline __attribute__((always_inline, unused)) uint8x16_t vlookup(uint8x16_t x, const uint8_t *table)
{
#ifdef __aarch64__
    /* An index beyond a table of 64 gives 0, or leaves what is there. */
    uint8x16_t y = vdupq_n_u8(0);
    for (int i = 0; i < 256; i += 64) {
        const uint8x16x4_t part = {{vld1q_u8(table + i), vld1q_u8(table + i + 16), vld1q_u8(table + i + 32), vld1q_u8(table + i + 48)}};
        y = vqtbx4q_u8(y, part, vsubq_u8(x, vdupq_n_u8((uint8_t)i)));
    }
    return y;
#else
    uint8_t some[16];
    vst1q_u8(some, x);
    for (int i = 0; i < 16; i++) some[i] = table[some[i]];
    return vld1q_u8(some);
#endif
}

#endif
