/* ops/neondot/gemm_u8_neondot.c - matrix product of bytes by sdot, from the template. */
#include "ops/neondot/isa_neondot.h"
#include "ops/unroll.h"
#include "ops/vec/codes_neon.h"

/* sdot multiplies signed bytes: codes less 128, which is their highest bit turned. */
typedef int8x16_t vcodes16;
VINLINE vcodes16 vload_codes(const uint8_t *p)
{
    return vreinterpretq_s8_u8(veorq_u8(vld1q_u8(p), vdupq_n_u8(128)));
}
VINLINE vcodes16 vload_four_codes(const uint8_t *p)
{
    uint32_t four;
    memcpy(&four, p, sizeof four);
    return vreinterpretq_s8_u8(veorq_u8(vreinterpretq_u8_u32(vdupq_n_u32(four)), vdupq_n_u8(128)));
}
VINLINE vi vload_fours(const int8_t *p)
{
    return vreinterpretq_s32_s8(vld1q_s8(p));
}
#define vdot_lane(sum, w, a, lane) vdotq_laneq_s32(sum, vreinterpretq_s8_s32(w), a, lane)
VINLINE vi vdot_ones(vi sum, vi w)
{
    return vdotq_s32(sum, vreinterpretq_s8_s32(w), vdupq_n_s8(1));
}
VINLINE vi vtimes_128(vi x)
{
    return vshlq_n_s32(x, 7);
}

#define U8_LANES
#define U8_LESS_128
#define U8_NV 4
#define U8_WAIT 24
#define UPTO6(X, nv) X(nv, 1) X(nv, 2) X(nv, 3) X(nv, 4) X(nv, 5) X(nv, 6)
#define UPTO8(X, nv) UPTO6(X, nv) X(nv, 7) X(nv, 8)
#define U8_EACH(X) UPTO8(X, 1) UPTO8(X, 2) UPTO6(X, 3) UPTO6(X, 4)
#define U8_ROWS {0, 8, 8, 6, 6}
#include "ops/tmpl/requant.inc"
#include "ops/tmpl/gemm_u8.inc"
