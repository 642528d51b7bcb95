/* ops/neonfp16/gemm_neonfp16.c - matrix product of IEEE halves: tiles of up to 8 rows by two vectors of 8.
 *
 * Sums are halves too, but of BLOCK products at most: then they move to floats in memory, which takes 8 instructions for every
 * 64 FMLA of a vector.  So the error stays that of some roundings to 11 bits (rms 8e-4 of the sum's deviation, where bfloat16's
 * factors alone cost 2.3e-3).  A sum that has left the range is infinite or no number, and made again in float. */
#include "ops/f16.h"
#include "ops/neonfp16/isa_neonfp16.h"
#include "ops/unroll.h"

#include <arm_neon.h>

enum { HALF_MR = PS_F16_MR_neonfp16, HALF_NR = PS_F16_NR_neonfp16 };
#define HALF_NAME ps_gemm_f16_neonfp16
#define HALF_FINISH ps_finish_half_neonfp16
#include "ops/tmpl/gemm_half.inc"

enum { BLOCK = 64, VN = 8, NV = HALF_NR / VN };
#define INLINE static inline __attribute__((always_inline))

/* c + b * x[lane], in assembly: compilers would make vectors of the elements of x.  Elements are of the first 16 registers. */
#define LANE(l)                                                                \
    INLINE float16x8_t lane_##l(float16x8_t x, float16x8_t b, float16x8_t c)   \
    {                                                                          \
        __asm__("fmla %0.8h, %1.8h, %2.h[" #l "]" : "+w"(c) : "w"(b), "x"(x)); \
        return c;                                                              \
    }
// clang-format off
LANE(0) LANE(1) LANE(2) LANE(3) LANE(4) LANE(5) LANE(6) LANE(7)
// clang-format on

INLINE float16x8_t load(const uint16_t *p)
{
    return vreinterpretq_f16_u16(vld1q_u16(p));
}

/* Eight of k; vectors of B are loaded right before they are used. */
#define STEP(l)                                                                                   \
    {                                                                                             \
        float16x8_t w[NV];                                                                        \
        PS_UNROLL for (int v = 0; v < nv; v++) w[v] = load(b + l * HALF_NR + v * VN);             \
        PS_UNROLL for (int i = 0; i < mr; i++) PS_UNROLL for (int v = 0; v < nv; v++) acc[i][v] = \
            lane_##l(x[i], w[v], acc[i][v]);                                                      \
        PS_STAY();                                                                                \
    }
INLINE void eight(int mr, int nv, const uint16_t *row[], const uint16_t *b, float16x8_t acc[][NV])
{
    float16x8_t x[HALF_MR];
    PS_UNROLL for (int i = 0; i < mr; i++) x[i] = load((row[i] += VN) - VN);
    STEP(0) STEP(1) STEP(2) STEP(3) STEP(4) STEP(5) STEP(6) STEP(7)
}

INLINE void one(int mr, int nv, const uint16_t *row[], const uint16_t *b, float16x8_t acc[][NV])
{
    PS_UNROLL for (int i = 0; i < mr; i++)
    {
        float16x8_t x = vreinterpretq_f16_u16(vld1q_dup_u16(row[i]++));
        PS_UNROLL for (int v = 0; v < nv; v++) acc[i][v] = lane_0(x, load(b + v * VN), acc[i][v]);
    }
}

/* Products [from, from + n), the long way for those sums that are not finite in acc; added to the tile, but for the first. */
static __attribute__((noinline)) void add_exactly(size_t rows, size_t columns, const half_tile *g,
                                                  size_t from, size_t n, const uint16_t *acc, float *tile)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++) {
            float sum = ps_f16_widen(acc[i * HALF_NR + j]);
            if (!isfinite(sum)) {
                sum = 0;
                for (size_t q = from; q < from + n; q++)
                    sum +=
                        ps_f16_widen(g->a[q / g->k][g->at + (ptrdiff_t)i * g->lda + (ptrdiff_t)(q % g->k)]) *
                        ps_f16_widen(g->b[q * HALF_NR + j]);
            }
            tile[i * HALF_NR + j] = from ? tile[i * HALF_NR + j] + sum : sum;
        }
}

/* Moves sums of n products to the tile and begins anew. */
INLINE void widen(int mr, int nv, const half_tile *g, size_t from, size_t n, float16x8_t acc[][NV],
                  float *tile)
{
    const float16x8_t zero = vreinterpretq_f16_u16(vdupq_n_u16(0));
    float16x8_t bad = zero; /* becomes NaN by what is not finite */
    PS_UNROLL for (int i = 0; i < mr; i++) PS_UNROLL for (int v = 0; v < nv; v++) bad =
        vfmaq_f16(bad, acc[i][v], zero);
    if (vminvq_u16(vceqq_f16(bad, bad)) == 0) {
        uint16_t all[HALF_MR * HALF_NR];
        PS_UNROLL for (int i = 0; i < mr; i++) PS_UNROLL for (int v = 0; v < nv; v++)
            vst1q_u16(all + i * HALF_NR + v * VN, vreinterpretq_u16_f16(acc[i][v]));
        add_exactly((size_t)mr, (size_t)nv * VN, g, from, n, all, tile);
    } else {
        PS_UNROLL for (int i = 0; i < mr; i++) PS_UNROLL for (int v = 0; v < nv; v++)
        {
            float *to = tile + i * HALF_NR + v * VN;
            float32x4_t low = vcvt_f32_f16(vget_low_f16(acc[i][v])), high = vcvt_high_f32_f16(acc[i][v]);
            if (from) low = vaddq_f32(vld1q_f32(to), low), high = vaddq_f32(vld1q_f32(to + 4), high);
            vst1q_f32(to, low);
            vst1q_f32(to + 4, high);
        }
    }
    PS_UNROLL for (int i = 0; i < mr; i++) PS_UNROLL for (int v = 0; v < nv; v++) acc[i][v] = zero;
}

INLINE void tile_sums(int mr, int nv, const half_tile *g, float *tile)
{
    const uint16_t *b = g->b, *row[HALF_MR];
    float16x8_t acc[HALF_MR][NV];
    size_t from = 0, n = 0; /* products behind and in acc */
    PS_UNROLL for (int i = 0; i < mr; i++) PS_UNROLL for (int v = 0; v < nv; v++) acc[i][v] =
        vreinterpretq_f16_u16(vdupq_n_u16(0));
    for (size_t t = 0; t < g->taps; t++) {
        PS_UNROLL for (int i = 0; i < mr; i++) row[i] = g->a[t] + (g->at + i * g->lda);
        for (size_t p = g->k, m; p; p -= m) {
            if (n == BLOCK) {
                widen(mr, nv, g, from, n, acc, tile);
                from += n, n = 0;
            }
            m = p < BLOCK - n ? p : BLOCK - n;
            n += m;
            size_t q = m;
            for (; q >= VN; q -= VN, b += VN * HALF_NR) eight(mr, nv, row, b, acc);
            for (; q; q--, b += HALF_NR) one(mr, nv, row, b, acc);
        }
    }
    widen(mr, nv, g, from, n, acc, tile);
}

#define EACH(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8)
#define TILE(mr)                                             \
    static void narrow_##mr(const half_tile *g, float *tile) \
    {                                                        \
        tile_sums(mr, 1, g, tile);                           \
    }                                                        \
    static void wide_##mr(const half_tile *g, float *tile)   \
    {                                                        \
        tile_sums(mr, 2, g, tile);                           \
    }
EACH(TILE)

static void half_sums(size_t rows, size_t n, const half_tile *g, float *tile)
{
#define NARROW(mr) [mr] = narrow_##mr,
#define WIDE(mr) [mr] = wide_##mr,
    static void (*const tiles[2][HALF_MR + 1])(const half_tile *, float *) = {{EACH(NARROW)}, {EACH(WIDE)}};
    tiles[n > VN][rows](g, tile);
}
