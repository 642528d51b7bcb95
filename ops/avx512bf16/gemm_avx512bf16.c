/* ops/avx512bf16/gemm_avx512bf16.c - matrix product of bfloat16 pairs: tiles of up to 14 rows by two vectors.
 *
 * As in gemm.inc 28 accumulators, two vectors of B and a broadcast of A fill the registers; one step of it is a pair
 * of k, so that the same loads feed twice the multiplications. */
#include "ops/avx512bf16/isa_avx512bf16.h"
#include "ops/unroll.h"
#include "ops/vec/half_avx512.h"

#include <math.h>

enum { MR = PS_AVX512BF16_MR, NR = PS_AVX512BF16_NR };

/* Up to 14 rows times one panel. */
typedef struct tile_args {
    size_t n, k, taps;
    const uint16_t *const *a;
    ptrdiff_t at, lda; /* at: from a[t] to the first row */
    const uint16_t *b;
    void *c;
    ptrdiff_t ldc;
    ps_epilogue e;
} tile_args;

typedef void tile_fn(const tile_args *g);


VINLINE void tile_sums(int mr, int nv, const tile_args *g, vf acc[][2])
{
    const uint16_t *b = g->b;
    PS_UNROLL for (int i = 0; i < mr; i++) acc[i][0] = acc[i][1] = vzero();
    for (size_t t = 0; t < g->taps; t++) {
        const uint16_t *base[(MR + 2) / 3];
        ptrdiff_t lda = g->lda;
        PS_UNROLL for (int i = 0; i < mr; i += 3) base[i / 3] = g->a[t] + (g->at + i * lda);
        for (size_t p = g->k / 2; p; p--) {
            PS_UNROLL for (int i = 0; i < mr; i += 3) PS_OPAQUE(base[i / 3]);
            PS_OPAQUE(b);
            __m512i b0 = vload_pairs(b), b1 = nv > 1 ? vload_pairs(b + 2 * VN) : _mm512_setzero_si512();
            PS_UNROLL for (int i = 0; i < mr; i++)
            {
                __m512i x = vset_pair(base[i / 3] + i % 3 * lda);
                acc[i][0] = vdot(x, b0, acc[i][0]);
                if (nv > 1) acc[i][1] = vdot(x, b1, acc[i][1]);
            }
            PS_UNROLL for (int i = 0; i < mr; i += 3) base[i / 3] += 2;
            b += 2 * NR;
        }
    }
}

/* none, ReLU and clip, bias and residual, without leaving the registers. */
VINLINE void tile_store(int mr, int nv, bool half, const tile_args *g, vf acc[][2])
{
    const ps_epilogue *e = &g->e;
    vf lo = vset(-INFINITY), hi = vset(INFINITY);
    if (e->act == PS_ACT_RELU) lo = vzero();
    if (e->act == PS_ACT_CLIP) lo = vset(e->a), hi = vset(e->b);
    bool residual = e->residual != NULL, first = residual && e->act_last, then = residual && !e->act_last;
    PS_UNROLL for (int v = 0; v < nv; v++)
    {
        size_t j = (size_t)v * VN, k = g->n - j < VN ? g->n - j : VN;
        vf bias = e->bias ? vload_k(e->bias + j, k) : vzero();
        ptrdiff_t at = (ptrdiff_t)j, r = (ptrdiff_t)j;
        PS_UNROLL for (int i = 0; i < mr; i++, at += g->ldc, r += e->ldr)
        {
            vf x = vadd(acc[i][v], bias);
            if (first) x = vadd(x, half ? vload_half_k(e->residual16 + r, k) : vload_k(e->residual + r, k));
            x = vmin(hi, vmax(lo, x));
            if (then) x = vadd(x, half ? vload_half_k(e->residual16 + r, k) : vload_k(e->residual + r, k));
            if (half)
                vstore_half_k((uint16_t *)g->c + at, x, k);
            else
                vstore_k((float *)g->c + at, x, k);
        }
    }
}

VINLINE void tile_body(int mr, int nv, const tile_args *g)
{
    vf acc[MR][2];
    tile_sums(mr, nv, g, acc);
    if (g->e.act <= PS_ACT_CLIP) {
        if (g->e.half)
            tile_store(mr, nv, true, g, acc);
        else
            tile_store(mr, nv, false, g, acc);
        return;
    }
    /* The residual may be c, so the sums wait beside it; they are still in L1 when the epilogue reads them. */
    _Alignas(64) float tile[MR * NR];
    PS_UNROLL for (int i = 0; i < mr; i++)
    {
        vstore(tile + i * NR, acc[i][0]);
        if (nv > 1) vstore(tile + i * NR + VN, acc[i][1]);
    }
    if (g->e.half)
        ps_finish_half_avx512bf16((size_t)mr, g->n, tile, NR, g->c, g->ldc, &g->e);
    else
        ps_finish_avx512bf16((size_t)mr, g->n, tile, NR, g->c, g->ldc, &g->e);
}

#define EACH(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#define TILE(mr)                                \
    static void narrow_##mr(const tile_args *g) \
    {                                           \
        tile_body(mr, 1, g);                    \
    }                                           \
    static void wide_##mr(const tile_args *g)   \
    {                                           \
        tile_body(mr, 2, g);                    \
    }
EACH(TILE)

#define NARROW(mr) [mr] = narrow_##mr,
#define WIDE(mr) [mr] = wide_##mr,
static tile_fn *const tiles[2][MR + 1] = {{EACH(NARROW)}, {EACH(WIDE)}};

/* Panels inside tiles of rows, which stay in L1; tiles differ by at most one row in height. */
void ps_gemm_bf16_avx512bf16(size_t m, size_t n, size_t k, size_t taps, const uint16_t *const *a,
                             ptrdiff_t lda, const uint16_t *b, ptrdiff_t panel, void *c, ptrdiff_t ldc,
                             const ps_epilogue *e)
{
    tile_args g = {.k = k, .taps = taps, .a = a, .lda = lda, .ldc = ldc, .e = *e};
    size_t parts = (m + MR - 1) / MR, size = e->half ? sizeof(uint16_t) : sizeof(float);
    for (size_t p = 0; p < parts; p++) {
        size_t i = m * p / parts, rows = m * (p + 1) / parts - i;
        g.at = (ptrdiff_t)i * lda;
        for (size_t j = 0; j < n; j += NR) {
            ptrdiff_t r = (ptrdiff_t)i * e->ldr + (ptrdiff_t)j;
            g.n = n - j < NR ? n - j : NR;
            g.b = b + (ptrdiff_t)(j / NR) * panel;
            g.c = (char *)c + ((ptrdiff_t)i * ldc + (ptrdiff_t)j) * (ptrdiff_t)size;
            if (e->bias) g.e.bias = e->bias + j;
            if (e->residual && e->half) g.e.residual16 = e->residual16 + r;
            if (e->residual && !e->half) g.e.residual = e->residual + r;
            tiles[g.n > VN][rows](&g);
        }
    }
}
