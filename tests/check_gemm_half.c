/* tests/check_gemm_half.c - checks the products of bfloat16 numbers and of IEEE halves: every m and n around the tile, k, taps,
 * strides, epilogues in both types, specials. */
#include "tests/check.h"

#include "ops/bf16.h"
#include "ops/f16.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the two slots, which are functions of one type, differ in. */
typedef struct half_type {
    float (*widen)(uint16_t h);
    uint16_t (*round)(float x);
    double step, least; /* of rounding: relative, and where numbers are smallest */
    double sums;        /* how far sums may be off against the sum of their terms' sizes, beyond the roundings of floats */
    float most;         /* what is larger is cut */
} half_type;

static const half_type bf16 = {ps_bf16_widen, ps_bf16_round, 0x1p-8, 0x1p-126, 0, INFINITY};
/* 64 roundings to 11 bits of sums that are an eighth of all terms' sizes: 2^-12 / sqrt(3) of them, and 14 times that. */
static const half_type f16 = {ps_f16_widen, ps_f16_cut, 0x1p-11, 0x1p-24, 0x1p-9, PS_F16_MOST};
static const half_type *type; /* that under check */

typedef struct shape {
    size_t m, n, k, taps;
    ptrdiff_t lda, ldc;
    bool front;
    ps_epilogue e;
} shape;

enum { MAX_TAPS = 9 };

typedef struct operands {
    const uint16_t *a[MAX_TAPS], *b;
    ptrdiff_t panel;
    const void *residual;
} operands;

static uint16_t *halves(size_t n, bool front)
{
    uint16_t *x = (uint16_t *)(void *)check_bytes(n * sizeof *x, front);
    for (size_t i = 0; i < n; i++) x[i] = type->round(check_uniform(-1, 1));
    return x;
}

static size_t b_at(const operands *o, ps_tile tile, size_t q, size_t j)
{
    size_t nr = (size_t)tile.nr, kr = (size_t)tile.kr;
    return j / nr * (size_t)o->panel + (q / kr * nr + j % nr) * kr + q % kr;
}

/* Panels are 64-byte aligned, so their guard page is in front; between them is a gap that must not be read. */
static void panels(operands *o, const shape *s, ps_tile tile)
{
    size_t nr = (size_t)tile.nr, depth = s->k * s->taps, count = (s->n + nr - 1) / nr;
    o->panel = (ptrdiff_t)((depth * nr + 32 * (1 + check_below(2)) + 31) / 32 * 32);
    uint16_t *b = (uint16_t *)(void *)check_bytes(count * (size_t)o->panel * sizeof *b, true);
    for (size_t q = 0; q < depth; q++)
        for (size_t j = 0; j < count * nr; j++)
            b[b_at(o, tile, q, j)] = j < s->n ? type->round(check_uniform(-1, 1)) : 0;
    o->b = b;
}

static double at(const void *x, bool half, ptrdiff_t i)
{
    return half ? (double)type->widen(((const uint16_t *)x)[i]) : (double)((const float *)x)[i];
}

static bool verify(check *c, const shape *s, const operands *o, const void *got)
{
    double act_a = (double)s->e.a, act_b = (double)s->e.b;
    for (size_t i = 0; i < s->m; i++) {
        for (size_t j = 0; j < s->n; j++) {
            double sum = 0, terms = 0;
            for (size_t q = 0; q < s->k * s->taps; q++) {
                ptrdiff_t p = (ptrdiff_t)i * s->lda + (ptrdiff_t)(q % s->k);
                double x = (double)type->widen(o->a[q / s->k][p]),
                       y = (double)type->widen(o->b[b_at(o, c->tile, q, j)]);
                sum += x * y;
                terms += fabs(x * y);
            }
            double r = o->residual ? at(o->residual, s->e.half, (ptrdiff_t)i * s->e.ldr + (ptrdiff_t)j) : 0.0;
            if (s->e.bias) sum += (double)s->e.bias[j], terms += fabs((double)s->e.bias[j]);
            if (s->e.act_last) sum += r, terms += fabs(r);
            double want = check_act(s->e.act, act_a, act_b, sum);
            /* 2: no activation is steeper (hard swish 1.5). */
            double tolerance = 2 * (check_sum_tolerance(s->k * s->taps, terms) + type->sums * terms) +
                               check_act_tolerance(s->e.act, act_a, act_b, sum);
            if (!s->e.act_last) want += r, tolerance += (double)FLT_EPSILON * (fabs(r) + fabs(want));
            /* and 2^-12 for activations that are rough where 16 bits hide it */
            if (s->e.half) tolerance += 0x1p-12 * fabs(want - r) + type->step * (fabs(want) + tolerance) + type->least;
            char what[112];
            snprintf(what, sizeof what, "m %zu n %zu k %zu taps %zu %s %s: row %zu", s->m, s->n, s->k,
                     s->taps, s->e.half ? "half" : "float", check_act_names[s->e.act], i);
            if (!check_near(c, what, j, (float)at(got, s->e.half, (ptrdiff_t)i * s->ldc + (ptrdiff_t)j), want,
                            tolerance))
                return false;
        }
    }
    return true;
}

/* Any row gives the same bits alone, with fewer columns and with other strides. */
static bool verify_alone(check *c, const shape *s, const operands *o, const void *got)
{
    ps_gemm_bf16_fn *f = (ps_gemm_bf16_fn *)c->neu;
    size_t i = check_below(s->m), n = 1 + check_below(s->n), size = s->e.half ? 2 : 4;
    uint8_t *row = check_bytes(n * size, false);
    const uint16_t *a[MAX_TAPS];
    for (size_t t = 0; t < s->taps; t++) a[t] = o->a[t] + (ptrdiff_t)i * s->lda;
    ps_epilogue e = s->e;
    if (o->residual && e.half) e.residual16 += (ptrdiff_t)i * e.ldr;
    if (o->residual && !e.half) e.residual += (ptrdiff_t)i * e.ldr;
    f(1, n, s->k, s->taps, a, 8, o->b, o->panel, row, 1000, &e);
    if (!memcmp(row, (const uint8_t *)got + i * (size_t)s->ldc * size, n * size)) return true;
    check_fail(c, "m %zu n %zu k %zu taps %zu: row %zu alone has other bits", s->m, s->n, s->k, s->taps, i);
    return false;
}

static bool gaps_are_whole(check *c, const shape *s, const uint8_t *y, size_t size)
{
    for (size_t i = 0; i + 1 < s->m; i++)
        for (size_t j = s->n * size; j < (size_t)s->ldc * size; j++)
            if (y[i * (size_t)s->ldc * size + j] != 0x99) {
                check_fail(c, "row %zu: wrote behind its %zu elements", i, s->n);
                return false;
            }
    return true;
}

static void try_shape(check *c, shape s, bool in_place)
{
    ps_gemm_bf16_fn *f = (ps_gemm_bf16_fn *)c->neu;
    operands o = {0};
    size_t rows = s.m ? s.m - 1 : 0, size = s.e.half ? 2 : 4;
    for (size_t t = 0; t < s.taps; t++) o.a[t] = halves(rows * (size_t)s.lda + s.k, s.front);
    panels(&o, &s, c->tile);
    if (s.e.bias) s.e.bias = check_random(s.n, s.front, -1, 1);
    size_t size_c = s.m && s.n ? rows * (size_t)s.ldc + s.n : 0;
    uint8_t *y = check_bytes(size_c * size, s.front);
    if (s.e.residual) {
        s.e.ldr = s.ldc;
        o.residual = s.e.half ? (const void *)halves(size_c, s.front)
                              : (const void *)check_random(size_c, s.front, -1, 1);
        if (s.e.half)
            s.e.residual16 = o.residual;
        else
            s.e.residual = o.residual;
    }
    ps_epilogue e = s.e;
    if (o.residual && in_place) {
        for (size_t i = 0; i < s.m; i++)
            memcpy(y + i * (size_t)s.ldc * size, (const uint8_t *)o.residual + i * (size_t)s.ldc * size,
                   s.n * size);
        if (e.half)
            e.residual16 = (const uint16_t *)(void *)y;
        else
            e.residual = (const float *)(void *)y;
    }
    f(s.m, s.n, s.k, s.taps, o.a, s.lda, o.b, o.panel, y, s.ldc, &e);
    if (!size_c || !verify(c, &s, &o, y) || !gaps_are_whole(c, &s, y, size)) return;
    verify_alone(c, &s, &o, y);
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
        .half = check_below(2),
    };
}

/* One element of A against one of B, as bits: what sums with their product must become. */
static void special(check *c, size_t i, uint16_t left, uint16_t right, float want)
{
    ps_gemm_bf16_fn *f = (ps_gemm_bf16_fn *)c->neu;
    const size_t k = 72, n = 3, nr = (size_t)c->tile.nr;
    for (int half = 0; half < 2; half++) {
        size_t p = check_below(k);
        operands o = {.panel = (ptrdiff_t)(k * nr)};
        uint16_t *a = (uint16_t *)(void *)check_bytes(k * 2, false);
        uint16_t *b = (uint16_t *)(void *)check_bytes(k * nr * 2, true);
        memset(a, 0, k * 2);
        memset(b, 0, k * nr * 2);
        a[p] = left;
        b[b_at(&o, c->tile, p, 1)] = right;
        float y[3];
        uint16_t y16[3];
        const uint16_t *taps = a;
        const ps_epilogue e = {.half = half};
        f(1, n, k, 1, &taps, 0, b, o.panel, half ? (void *)y16 : (void *)y, 3, &e);
        float most = half ? type->most : INFINITY, got = half ? type->widen(y16[1]) : y[1];
        float cut = want > most ? most : want < -most ? -most : want;
        if (!check_near(c, "special", i, got, (double)cut, 0)) return;
        check_release();
    }
}

/* Infinities, NaN and denormals, which count as 0. */
static void specials_bf16(check *c)
{
    const float inf = INFINITY, tiny = 0x1p-130f;
    const float cases[][3] = {{inf, 1, inf},    {inf, -1, -inf},    {inf, 0, NAN},
                              {NAN, 1, NAN},    {1, NAN, NAN},      {tiny, 1e30f, 0},
                              {1e30f, tiny, 0}, {0x1p127f, 4, inf}, {0x1p-100f, 0x1p-100f, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases && !c->failed; i++) {
        uint32_t bits[2]; /* NaN and denormals as they are: ps_bf16_round would make zeros of the latter */
        memcpy(bits, cases[i], sizeof bits);
        special(c, i, (uint16_t)(bits[0] >> 16), (uint16_t)(bits[1] >> 16), cases[i][2]);
    }
}

/* Denormals count, and a product may be larger than any half. */
static void specials_f16(check *c)
{
    enum { INF = 0x7C00, NOT = 0x7E00, ONE = 0x3C00, MOST = 0x7BFF, MINUS = 0x8000 };
    static const struct {
        uint16_t a, b;
        float want;
    } cases[] = {{INF, ONE, INFINITY}, {INF, ONE | MINUS, -INFINITY},           {INF, 0, NAN},           {NOT, ONE, NAN},
                 {ONE, NOT, NAN},      {1, ONE, 0x1p-24f},                      {ONE, 3 | MINUS, -0x3p-24f}, {MOST, ONE, PS_F16_MOST},
                 {MOST, MOST, PS_F16_MOST * PS_F16_MOST}, {MOST, MOST | MINUS, -PS_F16_MOST * PS_F16_MOST}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases && !c->failed; i++)
        special(c, i, cases[i].a, cases[i].b, cases[i].want);
}

/* Sums of halves that overflow, in one column of some, and come back. */
static void large_sums(check *c)
{
    enum { K = 160, N = 5 };
    ps_gemm_f16_fn *f = (ps_gemm_f16_fn *)c->neu;
    operands o = {.panel = (ptrdiff_t)(K * (size_t)c->tile.nr)};
    uint16_t *a = halves(K, false), *b = (uint16_t *)(void *)check_bytes((size_t)o.panel * 2, true);
    memset(b, 0, (size_t)o.panel * 2);
    double want[N] = {0}, terms[N] = {0};
    for (size_t p = 0; p < K; p++)
        for (size_t j = 0; j < N; j++) {
            float x = j == 2 ? (p % 80 < 40 ? 60000.0f : -60000.0f) : check_uniform(-1, 1);
            a[p] = ps_f16_cut(1 + (float)(p % 8));
            b[b_at(&o, c->tile, p, j)] = ps_f16_cut(x);
            want[j] += (1 + (double)(p % 8)) * (double)ps_f16_widen(ps_f16_cut(x));
            terms[j] += (1 + (double)(p % 8)) * fabs((double)x);
        }
    float y[N];
    const uint16_t *taps = a;
    f(1, N, K, 1, &taps, 0, b, o.panel, y, N, &(ps_epilogue){0});
    for (size_t j = 0; j < N; j++)
        if (!check_near(c, "large sums", j, y[j], want[j], 0x1p-9 * terms[j])) return;
    check_release();
}

static void time_product(check *c, const char *name, size_t m, size_t k, size_t taps, size_t n, ps_act act);

static void check_products(check *c, const half_type *t)
{
    type = t;
    const size_t mr = (size_t)c->tile.mr, nr = (size_t)c->tile.nr, kr = (size_t)c->tile.kr;
    const size_t ks[] = {0, 2, 4, 6, 14, 16, 30, 32, 34, 48, 62, 64, 66, 74, 96, 130};
    for (size_t m = 0; m <= 2 * mr + 1 && !c->failed; m++) {
        for (size_t n = 0; n <= 2 * nr + 1 && !c->failed; n += 1 + check_below(3)) {
            size_t k = ks[check_below(sizeof ks / sizeof *ks)] / kr * kr,
                   taps = check_below(4) ? 1 : check_below(MAX_TAPS + 1);
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
    /* Rows may be one row again and again. */
    if (!c->failed) try_shape(c, (shape){mr, nr, 20, 2, 0, (ptrdiff_t)nr, false, any_epilogue()}, false);
    check_release();
    if (!c->failed) (t == &bf16 ? specials_bf16 : specials_f16)(c);
    if (!c->failed && t == &f16) large_sums(c);
    if (!check_benched(c)) return;
    time_product(c, "3x3 64>64 80x80", 6400, 64, 9, 64, PS_ACT_NONE);
    time_product(c, "3x3 64>64 80x80 silu", 6400, 64, 9, 64, PS_ACT_SILU);
    time_product(c, "3x3 256>256 20x20", 400, 256, 9, 256, PS_ACT_NONE);
    time_product(c, "3x3 16>16 160x160 silu", 25600, 16, 9, 16, PS_ACT_SILU);
    time_product(c, "1x1 64>64 80x80", 6400, 64, 1, 64, PS_ACT_NONE);
    time_product(c, "1x1 64>64 80x80 silu", 6400, 64, 1, 64, PS_ACT_SILU);
    time_product(c, "1x1 384>1536 7x7 gelu", 49, 384, 1, 1536, PS_ACT_GELU);
    time_product(c, "1x1 32>32 160x160 silu", 25600, 32, 1, 32, PS_ACT_SILU);
    time_product(c, "stem 3x12>16 320x320 silu", 102400, 12, 3, 16, PS_ACT_SILU);
    time_product(c, "tile k 256", mr, 256, 1, nr, PS_ACT_NONE);
    time_product(c, "tile k 64", mr, 64, 1, nr, PS_ACT_NONE);
}

void check_gemm_bf16(check *c)
{
    check_products(c, &bf16);
}

void check_gemm_f16(check *c)
{
    check_products(c, &f16);
}

/* A whole product of m rows by n columns, some rows at a time, as a session runs it. */
typedef struct product {
    size_t m, k, taps, n;
    const uint16_t *a, *b;
    uint16_t *c;
    ps_epilogue e;
} product;

static void run_product(const product *p, ps_gemm_bf16_fn *f, const ps_tile *tile)
{
    size_t slab = 8 * (size_t)tile->mr;
    for (size_t i = 0; i < p->m; i += slab) {
        const uint16_t *a[MAX_TAPS];
        /* A window of `taps` pixels in a row, on an image of that many extra pixels. */
        for (size_t t = 0; t < p->taps; t++) a[t] = p->a + (i + t) * p->k;
        f(p->m - i < slab ? p->m - i : slab, p->n, p->k, p->taps, a, (ptrdiff_t)p->k, p->b,
          (ptrdiff_t)(p->k * p->taps) * tile->nr, p->c + i * p->n, (ptrdiff_t)p->n, &p->e);
    }
}

static void time_product(check *c, const char *name, size_t m, size_t k, size_t taps, size_t n, ps_act act)
{
    product p = {m,
                 k,
                 taps,
                 n,
                 halves((m + taps) * k, true),
                 halves((n + 63) * k * taps, true),
                 halves(m * n, true),
                 {.bias = check_random(n, true, -1, 1), .act = act, .half = true}};
    CHECK_BENCH(c, name, 2.0 * (double)(m * k * taps * n), "GFLOP/s",
                run_product(&p, (ps_gemm_bf16_fn *)c->neu, &c->tile),
                run_product(&p, (ps_gemm_bf16_fn *)c->ref, &c->ref_tile));
    check_release();
}
