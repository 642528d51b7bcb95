/* ops/neonbf16/gemm_neonbf16.c - matrix product of bfloat16: tiles of up to 8 x 8 sums.
 *
 * BFMMLA multiplies 2 rows of 4 with 4 x 2 and adds to 2 x 2 sums: 16 products, twice those of BFDOT.  So panels have 4 rows of
 * k side by side, and two rows of A are zipped by fours: 32 BFMMLA for 8 steps of k, with 8 + 8 loads and 8 zips. */
#include "ops/neonbf16/isa_neonbf16.h"
#include "ops/unroll.h"

#include <arm_neon.h>

enum { HALF_MR = PS_BF16_MR_neonbf16, HALF_NR = PS_BF16_NR_neonbf16, HALF_KR = PS_BF16_KR_neonbf16 };
#define HALF_NAME ps_gemm_bf16_neonbf16
#define HALF_FINISH ps_finish_half_neonbf16
#include "ops/tmpl/gemm_half.inc"

enum { PAIRS = HALF_NR / 2 }; /* vectors of two columns by 4 of k in a row of a panel */
#define INLINE static inline __attribute__((always_inline))

/* In assembly: compilers would move sums from register to register. */
INLINE float32x4_t bfmmla(float32x4_t c, uint64x2_t a, uint16x8_t b)
{
    __asm__("bfmmla %0.4s, %1.8h, %2.8h" : "+w"(c) : "w"(a), "w"(b));
    return c;
}

/* 4 of k: x[i] are those of rows 2i and 2i + 1.  Vectors of B are loaded right before they are used. */
INLINE void multiply(int pairs, const uint64x2_t x[], const uint16_t *b, float32x4_t acc[][PAIRS])
{
    PS_UNROLL for (int j = 0; j < PAIRS; j += 2)
    {
        uint16x8_t y = vld1q_u16(b + 8 * j), z = vld1q_u16(b + 8 * j + 8);
        PS_UNROLL for (int i = 0; i < pairs; i++)
        {
            acc[i][j] = bfmmla(acc[i][j], x[i], y);
            acc[i][j + 1] = bfmmla(acc[i][j + 1], x[i], z);
        }
        PS_STAY();
    }
}

INLINE void tap_sums(int pairs, size_t k, const uint16_t *const row[], const uint16_t *b,
                     float32x4_t acc[][PAIRS])
{
    uint64x2_t low[HALF_MR / 2], high[HALF_MR / 2];
    size_t p = 0;
    for (; p + 8 <= k; p += 8, b += 2 * HALF_NR * HALF_KR) {
        PS_UNROLL for (int i = 0; i < pairs; i++)
        {
            uint64x2_t even = vreinterpretq_u64_u16(vld1q_u16(row[2 * i] + p));
            uint64x2_t odd = vreinterpretq_u64_u16(vld1q_u16(row[2 * i + 1] + p));
            low[i] = vzip1q_u64(even, odd);
            high[i] = vzip2q_u64(even, odd);
        }
        multiply(pairs, low, b, acc);
        multiply(pairs, high, b + HALF_NR * HALF_KR, acc);
    }
    if (p == k) return;
    PS_UNROLL for (int i = 0; i < pairs; i++) low[i] =
        vreinterpretq_u64_u16(vcombine_u16(vld1_u16(row[2 * i] + p), vld1_u16(row[2 * i + 1] + p)));
    multiply(pairs, low, b, acc);
}

/* The last of an odd number of rows is its own partner. */
INLINE void tile_sums(int pairs, size_t rows, const half_tile *g, float *tile)
{
    float32x4_t acc[HALF_MR / 2][PAIRS];
    const uint16_t *row[HALF_MR], *b = g->b;
    PS_UNROLL for (int i = 0; i < pairs * PAIRS; i++) acc[i / PAIRS][i % PAIRS] = vdupq_n_f32(0.0f);
    for (size_t t = 0; t < g->taps; t++, b += g->k * HALF_NR) {
        PS_UNROLL for (int i = 0; i < 2 * pairs; i++) row[i] =
            g->a[t] + (g->at + (i < (int)rows ? i : i - 1) * g->lda);
        tap_sums(pairs, g->k, row, b, acc);
    }
    PS_UNROLL for (int i = 0; i < pairs; i++, tile += 2 * HALF_NR)
        PS_UNROLL for (int j = 0; j < PAIRS; j += 2)
    {
        float64x2_t x = vreinterpretq_f64_f32(acc[i][j]), y = vreinterpretq_f64_f32(acc[i][j + 1]);
        vst1q_f32(tile + 2 * j, vreinterpretq_f32_f64(vzip1q_f64(x, y)));
        vst1q_f32(tile + HALF_NR + 2 * j, vreinterpretq_f32_f64(vzip2q_f64(x, y)));
    }
}

static void half_sums(size_t rows, size_t n, const half_tile *g, float *tile)
{
    (void)n;
    switch ((rows + 1) / 2) {
    case 1: tile_sums(1, rows, g, tile); break;
    case 2: tile_sums(2, rows, g, tile); break;
    case 3: tile_sums(3, rows, g, tile); break;
    default: tile_sums(4, rows, g, tile); break;
    }
}
