/* ops/vec/lookup_neon.h - tables of 256 bytes in NEON: in 16 registers of ARMv8, in memory with ARMv7. */
#ifndef PS_OPS_VEC_LOOKUP_NEON_H
#define PS_OPS_VEC_LOOKUP_NEON_H

#include <arm_neon.h>
#include <string.h>

#define LOOKUP static inline __attribute__((always_inline, unused))

#ifdef __aarch64__
typedef struct vtable256 {
    uint8x16x4_t a, b, c, d; /* no array: GCC keeps one in memory */
} vtable256;

/* 64 bytes in registers that follow each other; GCC before 10 puts them there one by one. */
LOOKUP uint8x16x4_t vtable64_of(const uint8_t *t)
{
#if defined(__clang__) || __GNUC__ >= 10
    return vld1q_u8_x4(t);
#else
    return (uint8x16x4_t){{vld1q_u8(t), vld1q_u8(t + 16), vld1q_u8(t + 32), vld1q_u8(t + 48)}};
#endif
}

LOOKUP vtable256 vtable256_of(const uint8_t *t)
{
    return (vtable256){vtable64_of(t), vtable64_of(t + 64), vtable64_of(t + 128), vtable64_of(t + 192)};
}

/* The bytes of the table at x.  An index beyond a part gives 0, or leaves what is there. */
LOOKUP uint8x16_t vlookup(uint8x16_t x, const vtable256 *t)
{
    uint8x16_t y = vqtbl4q_u8(t->a, x);
    y = vqtbx4q_u8(y, t->b, vsubq_u8(x, vdupq_n_u8(64)));
    y = vqtbx4q_u8(y, t->c, vsubq_u8(x, vdupq_n_u8(128)));
    return vqtbx4q_u8(y, t->d, vsubq_u8(x, vdupq_n_u8(192)));
}
#else
typedef const uint8_t *vtable256;

LOOKUP vtable256 vtable256_of(const uint8_t *t)
{
    return t;
}

LOOKUP uint8x16_t vlookup(uint8x16_t x, const vtable256 *t)
{
    uint8_t some[16];
    vst1q_u8(some, x);
    for (int i = 0; i < 16; i++) some[i] = (*t)[some[i]];
    return vld1q_u8(some);
}
#endif
#undef LOOKUP

#endif
