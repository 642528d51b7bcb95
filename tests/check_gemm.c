/* tests/check_gemm.c - checks the GEMM tile: every m and n, strides, taps, epilogues. */
#include "tests/check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct shape {
    size_t m, n, k, taps;
    ptrdiff_t lda, ldc;
    bool front;
    ps_epilogue e;
} shape;

/* A panel is 64-byte aligned, so its guard page is at its front. */
static float *panel(const shape *s, const ps_tile *tile)
{
    size_t nr = (size_t)tile->nr;
    float *b = check_floats(s->k * s->taps * nr, true);
    for (size_t i = 0; i < s->k * s->taps * nr; i++) b[i] = i % nr < s->n ? check_uniform(-1, 1) : 0.0f;
    return b;
}

static bool verify(check *c, const shape *s, const float *const *a, const float *b, const float *residual,
                   const float *got)
{
    size_t nr = (size_t)c->tile.nr;
    for (size_t i = 0; i < s->m; i++) {
        for (size_t j = 0; j < s->n; j++) {
            double sum = 0, terms = 0;
            for (size_t t = 0; t < s->taps; t++) {
                for (size_t p = 0; p < s->k; p++) {
                    double x = (double)a[t][(ptrdiff_t)i * s->lda + (ptrdiff_t)p];
                    double y = (double)b[(t * s->k + p) * nr + j];
                    sum += x * y;
                    terms += fabs(x * y);
                }
            }
            double r = residual ? (double)residual[(ptrdiff_t)i * s->e.ldr + (ptrdiff_t)j] : 0.0;
            if (s->e.bias) sum += (double)s->e.bias[j], terms += fabs((double)s->e.bias[j]);
            if (s->e.act_last) sum += r, terms += fabs(r);
            double act_a = (double)s->e.a, act_b = (double)s->e.b,
                   want = check_act(s->e.act, act_a, act_b, sum);
            /* 2: no activation is steeper (hard swish 1.5). */
            double tolerance = 2 * check_sum_tolerance(s->k * s->taps, terms) +
                               check_act_tolerance(s->e.act, act_a, act_b, sum);
            if (!s->e.act_last) want += r, tolerance += (double)FLT_EPSILON * (fabs(r) + fabs(want));
            char what[96];
            snprintf(what, sizeof what, "m %zu n %zu k %zu taps %zu %s: row %zu", s->m, s->n, s->k, s->taps,
                     check_act_names[s->e.act], i);
            if (!check_near(c, what, j, got[(ptrdiff_t)i * s->ldc + (ptrdiff_t)j], want, tolerance))
                return false;
        }
    }
    return true;
}

/* Every element alone gives the same bits as in the tile. */
static bool verify_alone(check *c, const shape *s, const float *const *a, const float *b, const float *got)
{
    ps_gemm_f32_fn *f = (ps_gemm_f32_fn *)c->neu;
    size_t i = check_below(s->m), n = 1 + check_below(s->n);
    float *row = check_floats(n, false);
    const float **at = malloc(s->taps * sizeof *at);
    for (size_t t = 0; t < s->taps; t++) at[t] = a[t] + (ptrdiff_t)i * s->lda;
    ps_epilogue e = s->e;
    if (e.residual) e.residual += (ptrdiff_t)i * e.ldr;
    f(1, n, s->k, s->taps, at, 7, b, row, 1000, &e);
    free(at);
    return check_same(c, "a row alone", row, got + (ptrdiff_t)i * s->ldc, n);
}

static void try_shape(check *c, shape s, bool in_place)
{
    ps_gemm_f32_fn *f = (ps_gemm_f32_fn *)c->neu;
    size_t rows = s.m ? s.m - 1 : 0;
    const float *a[9];
    for (size_t t = 0; t < s.taps; t++) a[t] = check_random(rows * (size_t)s.lda + s.k, s.front, -1, 1);
    const float *b = panel(&s, &c->tile);
    if (s.e.bias) s.e.bias = check_random(s.n, s.front, -1, 1);
    size_t size_c = s.m && s.n ? rows * (size_t)s.ldc + s.n : 0;
    float *y = check_floats(size_c, s.front), *residual = NULL;
    if (s.e.residual) {
        s.e.ldr = s.ldc;
        residual = check_random(size_c, s.front, -1, 1);
        s.e.residual = residual;
    }
    if (residual && in_place) {
        for (size_t i = 0; i < s.m; i++)
            memcpy(y + i * (size_t)s.ldc, residual + i * (size_t)s.ldc, s.n * sizeof *y);
        ps_epilogue e = s.e;
        e.residual = y;
        f(s.m, s.n, s.k, s.taps, a, s.lda, b, y, s.ldc, &e);
    } else {
        f(s.m, s.n, s.k, s.taps, a, s.lda, b, y, s.ldc, &s.e);
    }
    if (!size_c || !verify(c, &s, a, b, residual, y) || !check_gaps(c, y, s.m, s.n, (size_t)s.ldc)) return;
    verify_alone(c, &s, a, b, y);
}

static ps_epilogue any_epilogue(void)
{
    static const float set[1];
    return (ps_epilogue){
        .bias = check_below(2) ? set : NULL,
        .residual = check_below(2) ? set : NULL,
        .act = check_below(2) ? (ps_act)check_below(3) : (ps_act)check_below(PS_ACT_COUNT),
        .a = -0.5f,
        .b = 0.75f,
        .act_last = check_below(2),
    };
}

static void time_product(check *c, const char *name, size_t m, size_t k, size_t taps, size_t n, ps_act act);

void check_gemm_f32(check *c)
{
    const size_t mr = (size_t)c->tile.mr, nr = (size_t)c->tile.nr, ks[] = {0, 1, 2, 3, 5, 16, 37, 64};
    for (size_t m = 0; m <= mr && !c->failed; m++) {
        for (size_t n = 0; n <= nr && !c->failed; n++) {
            size_t k = ks[check_below(sizeof ks / sizeof *ks)],
                   taps = check_below(4) ? 1 : 1 + check_below(9);
            try_shape(c,
                      (shape){m, n, k, taps, (ptrdiff_t)(k + check_below(3)),
                              (ptrdiff_t)(n + check_below(20)), check_below(2), any_epilogue()},
                      check_below(2));
            check_release();
        }
    }
    for (int act = 0; act < PS_ACT_COUNT && !c->failed; act++) {
        ps_epilogue e = any_epilogue();
        e.act = (ps_act)act;
        try_shape(c, (shape){mr, nr - 1, 300, 3, 301, (ptrdiff_t)nr + 5, false, e}, true);
        check_release();
    }
    /* Rows may be one row again and again, or lie backwards. */
    if (!c->failed) try_shape(c, (shape){mr, nr, 20, 2, 0, (ptrdiff_t)nr, false, any_epilogue()}, false);
    check_release();
    if (!check_benched(c)) return;
    const size_t depths[] = {27, 32, 64, 128, 256, 1152};
    for (int i = 0; i < 12; i++) {
        size_t k = depths[i / 2];
        char name[32];
        snprintf(name, sizeof name, "k %zu, 784x64%s", k, i % 2 ? " silu" : "");
        time_product(c, name, 784, k, 1, 64, i % 2 ? PS_ACT_SILU : PS_ACT_NONE);
    }
    time_product(c, "3x3 16>8 160x160 silu", 25600, 16, 9, 8, PS_ACT_SILU);
    time_product(c, "3x3 64>64 80x80", 6400, 64, 9, 64, PS_ACT_NONE);
    time_product(c, "3x3 64>64 80x80 silu", 6400, 64, 9, 64, PS_ACT_SILU);
    time_product(c, "3x3 256>256 20x20", 400, 256, 9, 256, PS_ACT_NONE);
    time_product(c, "3x3 16>16 160x160", 25600, 16, 9, 16, PS_ACT_NONE);
    time_product(c, "3x3 16>16 160x160 silu", 25600, 16, 9, 16, PS_ACT_SILU);
    time_product(c, "1x1 64>64 80x80", 6400, 64, 1, 64, PS_ACT_NONE);
    time_product(c, "1x1 64>64 80x80 relu", 6400, 64, 1, 64, PS_ACT_RELU);
    time_product(c, "1x1 64>64 80x80 silu", 6400, 64, 1, 64, PS_ACT_SILU);
    time_product(c, "1x1 384>1536 7x7 gelu", 49, 384, 1, 1536, PS_ACT_GELU);
    time_product(c, "1x1 32>32 160x160 silu", 25600, 32, 1, 32, PS_ACT_SILU);
    time_product(c, "stem 27>16 320x320 silu", 102400, 27, 1, 16, PS_ACT_SILU);
    time_product(c, "tile k 256", mr, 256, 1, nr, PS_ACT_NONE);
    time_product(c, "tile k 64", mr, 64, 1, nr, PS_ACT_NONE);
}

/* A whole product of m rows by n columns, panels inside slabs of rows, as a session runs it. */
typedef struct product {
    size_t m, k, taps, n;
    const float *a, *b;
    float *c;
    ps_epilogue e;
} product;

static void run_product(const product *p, ps_gemm_f32_fn *f, const ps_tile *tile)
{
    size_t mr = (size_t)tile->mr, nr = (size_t)tile->nr, slab = 8 * mr;
    for (size_t i0 = 0; i0 < p->m; i0 += slab) {
        size_t end = i0 + slab < p->m ? i0 + slab : p->m;
        for (size_t j = 0; j < p->n; j += nr) {
            ps_epilogue e = p->e;
            e.bias += j;
            for (size_t i = i0; i < end; i += mr) {
                const float *a[9];
                /* A window of `taps` pixels in a row, on an image of that many extra pixels. */
                for (size_t t = 0; t < p->taps; t++) a[t] = p->a + (i + t) * p->k;
                f(end - i < mr ? end - i : mr, p->n - j < nr ? p->n - j : nr, p->k, p->taps, a,
                  (ptrdiff_t)p->k, p->b + j * p->k * p->taps, p->c + i * p->n + j, (ptrdiff_t)p->n, &e);
            }
        }
    }
}

static void time_product(check *c, const char *name, size_t m, size_t k, size_t taps, size_t n, ps_act act)
{
    product p = {m,
                 k,
                 taps,
                 n,
                 check_random((m + taps) * k, true, -1, 1),
                 check_random((n + 63) * k * taps, true, -1, 1),
                 check_floats(m * n, true),
                 {.bias = check_random(n, true, -1, 1), .act = act}};
    CHECK_BENCH(c, name, 2.0 * (double)(m * k * taps * n), "GFLOP/s",
                run_product(&p, (ps_gemm_f32_fn *)c->neu, &c->tile),
                run_product(&p, (ps_gemm_f32_fn *)c->ref, &c->ref_tile));
    check_release();
}
