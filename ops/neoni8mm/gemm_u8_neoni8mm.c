/* ops/neoni8mm/gemm_u8_neoni8mm.c - matrix product of bytes by usmmla, and by sudot where weights lie in fours. */
#include "ops/neoni8mm/isa_neoni8mm.h"
#include "ops/unroll.h"
#include "ops/vec/codes_neon.h"

typedef uint8x16_t vcodes16;
VINLINE vi vload_fours(const int8_t *p)
{
    return vreinterpretq_s32_s8(vld1q_s8(p));
}
VINLINE vcodes16 vload_codes(const uint8_t *p)
{
    return vld1q_u8(p);
}
VINLINE vcodes16 vload_four_codes(const uint8_t *p)
{
    uint32_t four;
    memcpy(&four, p, sizeof four);
    return vreinterpretq_u8_u32(vdupq_n_u32(four));
}
#define vdot_lane(sum, w, a, lane) vsudotq_laneq_s32(sum, vreinterpretq_s8_s32(w), a, lane)

VINLINE vcodes16 vload_pair(const uint8_t *p, const uint8_t *q)
{
    uint64_t both[2];
    memcpy(&both[0], p, 8);
    memcpy(&both[1], q, 8);
    return vreinterpretq_u8_u64(vld1q_lane_u64(&both[1], vcombine_u64(vld1_u64(&both[0]), vdup_n_u64(0)), 1));
}
VINLINE vi vdot_pairs(vi sum, vcodes16 a, vi w)
{
    return vusmmlaq_s32(sum, a, vreinterpretq_s8_s32(w));
}
/* What both rows of two pairs of columns begin with. */
VINLINE void vtwice(vi x, vi acc[2])
{
    acc[0] = vcombine_s32(vget_low_s32(x), vget_low_s32(x));
    acc[1] = vcombine_s32(vget_high_s32(x), vget_high_s32(x));
}
VINLINE void vrows_of_pairs(const vi acc[2], vi rows[2])
{
    rows[0] = vcombine_s32(vget_low_s32(acc[0]), vget_low_s32(acc[1]));
    rows[1] = vcombine_s32(vget_high_s32(acc[0]), vget_high_s32(acc[1]));
}

#define U8_LANES
#define U8_EIGHTS
#define U8_NV 4
#define U8_WAIT 24
#define UPTO6(X, nv) X(nv, 1) X(nv, 2) X(nv, 3) X(nv, 4) X(nv, 5) X(nv, 6)
#define UPTO8(X, nv) UPTO6(X, nv) X(nv, 7) X(nv, 8)
#define U8_EACH(X) UPTO8(X, 1) UPTO8(X, 2) UPTO6(X, 3) UPTO6(X, 4)
#define U8_ROWS {0, 8, 8, 6, 6}
#include "ops/tmpl/requant.inc"
#include "ops/tmpl/gemm_u8.inc"
