/* tests/check_gemm_u8.c - checks the product of bytes, bit for bit: every m and n around the tile, k, taps, strides, all
 * corners of operands, weights with and without the promise of being narrow, everything that becomes of sums. */
#include "tests/check.h"

#include "ops/requant.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_TAPS = 9, LEAST_ROWS = 80 /* of a benchmark's product at once: a row of pixels */ };

/* Contents of operands. */
typedef enum contents { FULL, CORNERS, NARROW, EXTREMES, FEW, CONTENTS } contents;

typedef struct shape {
    size_t m, n, k, taps;
    ptrdiff_t lda, ldc;
    bool front;
    contents what;
    ps_requant q;
} shape;

typedef struct operands {
    const uint8_t *a[MAX_TAPS];
    const int8_t *b;
    ptrdiff_t panel;
} operands;

static uint8_t *codes(size_t n, bool front, contents what)
{
    uint8_t *x = check_bytes(n, front);
    for (size_t i = 0; i < n; i++)
        x[i] = what == EXTREMES ? 255 : what == CORNERS ? (uint8_t)(255 * check_below(2)) : (uint8_t)check_below(256);
    return x;
}

/* A weight next to `other`, the first of its pair (0 for the first itself). */
static int8_t weight(contents what, int other)
{
    static const int8_t corners[] = {-128, -127, 127, 0, 1, -1};
    int w = (int)check_below(256) - 128;
    if (what == EXTREMES) return -128;
    if (what == FEW) return (int8_t)((w & 127) - 63);
    if (what == CORNERS) return corners[check_below(sizeof corners)];
    if (what != NARROW) return (int8_t)w;
    if (check_below(3) == 0) w = w < 0 ? -128 : 127;
    if (w > 0 && other > 0 && w + other > 128) w = 128 - other;
    if (w < 0 && other < 0 && w + other < -128) w = -128 - other;
    return (int8_t)w;
}

static size_t b_at(const shape *s, ptrdiff_t panel, size_t nr, size_t q, size_t j)
{
    size_t group = s->q.eights ? 8 : 4;
    return j / nr * (size_t)panel + (q / group * nr + j % nr) * group + q % group;
}

/* Panels are 64-byte aligned, so their guard page is in front; between them is a gap that must not be read. */
static void panels(operands *o, const shape *s, size_t nr)
{
    size_t depth = s->k * s->taps, count = (s->n + nr - 1) / nr;
    o->panel = (ptrdiff_t)((depth * nr + 64 * (1 + check_below(2)) + 63) / 64 * 64);
    int8_t *b = (int8_t *)check_bytes(count * (size_t)o->panel, true);
    for (size_t q = 0; q < depth; q++)
        for (size_t j = 0; j < count * nr; j++) {
            int other = q % 2 ? b[b_at(s, o->panel, nr, q - 1, j)] : 0;
            b[b_at(s, o->panel, nr, q, j)] = j < s->n ? weight(s->what, other) : 0;
        }
    o->b = b;
}

static int32_t exact_sum(const shape *s, const operands *o, size_t nr, size_t i, size_t j)
{
    int32_t sum = 0; /* of at most 2^14 terms of at most 2^15 */
    for (size_t q = 0; q < s->k * s->taps; q++)
        sum += o->a[q / s->k][(ptrdiff_t)i * s->lda + (ptrdiff_t)(q % s->k)] * o->b[b_at(s, o->panel, nr, q, j)];
    return sum;
}

/* What the network asked for, in double: how far the definition in integers and floats may be from it. */
static bool verify_meaning(check *c, const shape *s, size_t j, int32_t sum, uint8_t residual, double got)
{
    const ps_requant *q = &s->q;
    double scale = (double)q->scale[j], bias = q->bias ? (double)q->bias[j] : 0.0, step = q->to_f32 ? 1.0 : 1.0 / (double)q->inv;
    double x = ((double)sum + (q->add ? q->add[j] : 0)) * scale + bias;
    double r = q->residual ? (double)q->res_scale * (residual - q->res_zero) : 0.0;
    double size = fabs(x) + fabs(bias) + fabs(r), want = check_act(q->act, (double)q->a, (double)q->b, q->act_last ? x + r : x);
    if (!q->act_last) want += r;
    if (!(fabs(x) < 1e6) || !(scale < 1e30)) return true; /* scales that are no scales have no other meaning than the definition */
    double tolerance = 1e-3 + 1e-6 * (1 + size * size), codes = want / step;
    if (q->to_f32) {
        if (fabs(got - want) <= tolerance) return true;
    } else {
        codes = fmin(fmax(codes + q->zero, 0), 255);
        if (fabs(got - codes) <= 0.5 + tolerance / step) return true;
    }
    check_fail(c, "%s of %.9g: %.9g instead of %.9g", check_act_names[q->act], x, got, q->to_f32 ? want : codes);
    return false;
}

static bool verify_element(check *c, const shape *s, const ps_requant_plan *p, const void *got, size_t i, size_t j, int32_t sum)
{
    uint8_t r = s->q.residual ? s->q.residual[(ptrdiff_t)i * s->q.ldr + (ptrdiff_t)j] : 0;
    ptrdiff_t at = (ptrdiff_t)i * s->ldc + (ptrdiff_t)j;
    float real = ps_requant_real(p, &s->q, j, sum, r), found;
    if (s->q.to_f32) {
        found = ((const float *)got)[at];
        if (isnan(real) ? isnan(found) : !memcmp(&found, &real, sizeof real))
            return verify_meaning(c, s, j, sum, r, (double)real);
    } else {
        uint8_t want = ps_requant_code(p, &s->q, real), byte = ((const uint8_t *)got)[at];
        if (want == byte) return s->q.table || verify_meaning(c, s, j, sum, r, byte);
        real = want;
        found = byte;
    }
    check_fail(c, "m %zu n %zu k %zu taps %zu %s%s%s%s%s: row %zu column %zu, sum %d: %.9g instead of %.9g", s->m, s->n, s->k,
               s->taps, check_act_names[s->q.act], s->q.to_f32 ? " to float" : "", s->q.residual ? " residual" : "",
               s->q.table ? " table" : "", s->q.narrow ? " narrow" : s->q.eights ? " eights" : "", i, j, sum, (double)found, (double)real);
    return false;
}

static bool verify(check *c, const shape *s, const operands *o, const void *got)
{
    ps_requant_plan p;
    ps_requant_prepare(&p, &s->q);
    for (size_t i = 0; i < s->m; i++)
        for (size_t j = 0; j < s->n; j++)
            if (!verify_element(c, s, &p, got, i, j, exact_sum(s, o, (size_t)c->tile.nr, i, j))) return false;
    return true;
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

/* Scales that spread sums of this shape over some dozen steps around zero. */
static void columns(shape *s)
{
    size_t depth = s->k * s->taps;
    float usual = 1.0f / (3000.0f * sqrtf((float)depth + 1.0f));
    float *scale = check_random(s->n, s->front, 0.2f * usual, 3.0f * usual);
    if (s->q.scale && s->n) /* any() wants strange ones */
        scale[check_below(s->n)] = (const float[]){NAN, INFINITY, 1e38f, 0, 1e-40f, -usual}[check_below(6)];
    s->q.scale = scale;
    if (s->q.add) {
        int32_t *add = (int32_t *)(void *)check_floats(s->n, s->front);
        for (size_t j = 0; j < s->n; j++) add[j] = (int32_t)check_uniform(-1e5f, 1e5f);
        s->q.add = add;
    }
    if (s->q.bias) s->q.bias = check_random(s->n, s->front, -2, 2);
    if (s->q.table) s->q.table = codes(256, s->front, FULL);
}

/* What may be said of weights beforehand, said or not. */
static void foretell(shape *s, const operands *o, size_t nr)
{
    if (check_below(2)) return;
    int32_t *sums = (int32_t *)(void *)check_floats(s->n, s->front);
    s->q.no_128 = true;
    for (size_t j = 0; j < s->n; j++) {
        sums[j] = 0;
        for (size_t q = 0; q < s->k * s->taps; q++) {
            int8_t w = o->b[b_at(s, o->panel, nr, q, j)];
            sums[j] += w;
            s->q.no_128 = s->q.no_128 && w > -128;
        }
    }
    s->q.sums = sums;
}

static void try_shape(check *c, shape s, bool in_place)
{
    ps_gemm_u8_fn *f = (ps_gemm_u8_fn *)c->neu;
    operands o = {0};
    size_t rows = s.m ? s.m - 1 : 0, size = s.q.to_f32 ? 4 : 1;
    s.q.narrow = s.what == NARROW;
    s.q.eights = c->eights && s.k % 8 == 0 && check_below(4);
    for (size_t t = 0; t < s.taps; t++) o.a[t] = codes(rows * (size_t)s.lda + s.k, s.front, s.what);
    panels(&o, &s, (size_t)c->tile.nr);
    columns(&s);
    foretell(&s, &o, (size_t)c->tile.nr);
    size_t size_c = s.m && s.n ? rows * (size_t)s.ldc + s.n : 0;
    uint8_t *y = check_bytes(size_c * size, s.front);
    if (s.q.residual) {
        s.q.ldr = s.ldc;
        s.q.residual = codes(size_c, s.front, FULL);
    }
    ps_requant q = s.q;
    if (q.residual && in_place && !q.to_f32) {
        for (size_t i = 0; i < s.m; i++)
            memcpy(y + i * (size_t)s.ldc, q.residual + i * (size_t)s.ldc, s.n);
        q.residual = y;
    }
    f(s.m, s.n, s.k, s.taps, o.a, s.lda, o.b, o.panel, y, s.ldc, &q);
    if (size_c && verify(c, &s, &o, y)) gaps_are_whole(c, &s, y, size);
}

static ps_requant any(void)
{
    static const int32_t add[1];
    static const float set[1];
    static const uint8_t bytes[1];
    static const int zeros[] = {0, 255, 128, 27};
    return (ps_requant){
        .add = check_below(3) ? add : NULL,
        .scale = check_below(8) ? NULL : set,
        .bias = check_below(3) ? set : NULL,
        .act = check_below(2) ? (ps_act)check_below(4) : (ps_act)check_below(PS_ACT_COUNT),
        .a = 0.25f,
        .b = 0.75f,
        .act_last = check_below(2),
        .residual = check_below(3) ? NULL : bytes,
        .res_scale = check_uniform(0.001f, 0.02f),
        .res_zero = zeros[check_below(4)],
        .to_f32 = check_below(4) == 0,
        .inv = check_below(20) ? check_uniform(10, 100) : 1e30f,
        .zero = zeros[check_below(4)],
        .table = check_below(4) ? NULL : bytes,
    };
}

/* Every piece of every curve, on both sides of its ends: one column's sums are 0, steps its bias. */
static void curves(check *c)
{
    enum { N = 1024 };
    ps_gemm_u8_fn *f = (ps_gemm_u8_fn *)c->neu;
    size_t nr = (size_t)c->tile.nr, count = (N + nr - 1) / nr;
    uint8_t *a = codes(4, false, FULL);
    int8_t *b = (int8_t *)check_bytes(count * nr * 4, true);
    memset(b, 0, count * nr * 4);
    for (int act = 0; act < PS_ACT_COUNT && !c->failed; act++)
        for (int zero = 0; zero < 256 && !c->failed; zero += 51) {
            float *scale = check_random(N, false, 1, 1), *bias = check_random(N, false, -20, 20), y[N];
            uint8_t code[N];
            shape s = {1, N, 4, 1, 0, N, false, FULL, {.scale = scale, .bias = bias, .act = (ps_act)act, .a = 0.5f, .b = 0.75f}};
            operands o = {{a}, b, (ptrdiff_t)(nr * 4)};
            s.q.inv = check_uniform(5, 200);
            s.q.zero = zero;
            for (int special = 0; special < 8; special++)
                bias[special] = (const float[]){0, -0.0f, INFINITY, -INFINITY, NAN, 1e38f, -1e38f, 1e-42f}[special];
            f(1, N, 4, 1, o.a, 0, b, o.panel, code, N, &s.q);
            if (!verify(c, &s, &o, code)) break;
            s.q.to_f32 = true;
            f(1, N, 4, 1, o.a, 0, b, o.panel, y, N, &s.q);
            if (!verify(c, &s, &o, y)) break;
        }
    check_release();
}

static void time_products(check *c);

void check_gemm_u8(check *c)
{
    const size_t mr = (size_t)c->tile.mr, nr = (size_t)c->tile.nr;
    const size_t ks[] = {0, 4, 8, 12, 16, 20, 28, 36, 60, 64, 68, 80, 124, 128, 132, 148};
    for (size_t m = 0; m <= 2 * mr + 1 && !c->failed; m++) {
        for (size_t n = 0; n <= 2 * nr + 1 && !c->failed; n += 1 + check_below(3)) {
            size_t k = ks[check_below(sizeof ks / sizeof *ks)], taps = check_below(4) ? 1 : check_below(MAX_TAPS + 1);
            try_shape(c,
                      (shape){m, n, k, taps, (ptrdiff_t)(k + check_below(3)), (ptrdiff_t)(n + check_below(20)),
                              check_below(2), (contents)check_below(CONTENTS), any()},
                      check_below(2));
            check_release();
        }
    }
    for (int act = 0; act < PS_ACT_COUNT && !c->failed; act++)
        for (int what = 0; what < 2 * CONTENTS && !c->failed; what++) {
            ps_requant q = any();
            q.act = (ps_act)act;
            try_shape(c, (shape){mr, nr - 1, 300, 3, 301, (ptrdiff_t)nr + 5, false, (contents)(what % CONTENTS), q}, true);
            check_release();
        }
    /* More rows than wait for each other anywhere, or are multiplied by a panel at once. */
    for (size_t m = 23; m <= 101 && !c->failed; m += 26) {
        try_shape(c, (shape){m, nr + 3, 20, 2, 24, (ptrdiff_t)nr + 7, false, FULL, any()}, check_below(2));
        check_release();
    }
    /* Rows may be one row again and again; sums as large as they get. */
    if (!c->failed) try_shape(c, (shape){mr, nr, 20, 2, 0, (ptrdiff_t)nr, false, FULL, any()}, false);
    check_release();
    if (!c->failed) try_shape(c, (shape){2, nr + 1, 16000, 1, 16000, (ptrdiff_t)nr + 1, true, EXTREMES, any()}, false);
    check_release();
    if (!c->failed) curves(c);
    if (check_benched(c)) time_products(c);
}

/* A whole product of m rows by n columns, some rows at a time, as a session runs it. */
typedef struct product {
    size_t m, k, taps, n;
    const uint8_t *a;
    const int8_t *b;
    void *c;
    ps_requant q;
} product;

static void run_product(const product *p, ps_gemm_u8_fn *f, const ps_tile *tile)
{
    size_t slab = 8 * (size_t)tile->mr < LEAST_ROWS ? LEAST_ROWS : 8 * (size_t)tile->mr, size = p->q.to_f32 ? 4 : 1;
    for (size_t i = 0; i < p->m; i += slab) {
        const uint8_t *a[MAX_TAPS];
        /* A window of `taps` pixels in a row, on an image of that many extra pixels. */
        for (size_t t = 0; t < p->taps; t++) a[t] = p->a + (i + t) * p->k;
        f(p->m - i < slab ? p->m - i : slab, p->n, p->k, p->taps, a, (ptrdiff_t)p->k, p->b,
          (ptrdiff_t)(p->k * p->taps) * tile->nr, (char *)p->c + i * p->n * size, (ptrdiff_t)p->n, &p->q);
    }
}

/* One line. */
typedef struct timing {
    const char *name;
    size_t m, k, taps, n;
    ps_act act;
    bool residual, table, to_f32, wide;
} timing;

static void time_product(check *c, const timing *t)
{
    contents what = t->wide ? FULL : NARROW;
    int8_t *b = (int8_t *)check_bytes((t->n + 63) * t->k * t->taps, true);
    for (size_t i = 0; i < (t->n + 63) * t->k * t->taps; i++) {
        b[i] = weight(what, i % 2 ? b[i - 1] : 0);
        if (!t->wide && b[i] == -128) b[i] = -127; /* as symmetric quantisation has it */
    }
    product p = {t->m, t->k, t->taps, t->n, codes((t->m + t->taps) * t->k, true, FULL), b,
                 check_bytes(t->m * t->n * 4, true),
                 {.scale = check_random(t->n, true, 1e-4f, 1e-3f), .act = t->act,
                  .inv = 20, .zero = 10, .narrow = !t->wide, .eights = c->eights && t->k % 8 == 0, .to_f32 = t->to_f32, .b = 6}};
    if (t->table) p.q.table = codes(256, true, FULL);
    if (t->residual) {
        p.q.residual = codes(t->m * t->n, true, FULL);
        p.q.ldr = (ptrdiff_t)t->n;
        p.q.res_scale = 0.01f;
    }
    CHECK_BENCH(c, t->name, 2.0 * (double)(t->m * t->k * t->taps * t->n), "GOP/s",
                run_product(&p, (ps_gemm_u8_fn *)c->neu, &c->tile),
                run_product(&p, (ps_gemm_u8_fn *)c->ref, &c->ref_tile));
    check_release();
}

static void time_products(check *c)
{
    const size_t mr = (size_t)c->tile.mr, nr = (size_t)c->tile.nr;
    const timing t[] = {
        {"3x3 64>64 80x80", 6400, 64, 9, 64, PS_ACT_NONE, 0, 0, 0, 0},
        {"3x3 64>64 80x80 wide", 6400, 64, 9, 64, PS_ACT_NONE, 0, 0, 0, 1},
        {"3x3 64>64 80x80 silu", 6400, 64, 9, 64, PS_ACT_SILU, 0, 0, 0, 0},
        {"3x3 256>256 20x20 silu", 400, 256, 9, 256, PS_ACT_SILU, 0, 0, 0, 0},
        {"3x3 16>16 160x160 silu", 25600, 16, 9, 16, PS_ACT_SILU, 0, 0, 0, 0},
        {"3x3 16>16 160x160 silu residual", 25600, 16, 9, 16, PS_ACT_SILU, 1, 0, 0, 0},
        {"3x3 64>80 80x80 silu", 6400, 64, 9, 80, PS_ACT_SILU, 0, 0, 0, 0},
        {"1x1 64>64 80x80", 6400, 64, 1, 64, PS_ACT_NONE, 0, 0, 0, 0},
        {"1x1 64>64 80x80 relu6", 6400, 64, 1, 64, PS_ACT_CLIP, 0, 0, 0, 0},
        {"1x1 64>64 80x80 silu", 6400, 64, 1, 64, PS_ACT_SILU, 0, 0, 0, 0},
        {"1x1 64>64 80x80 table", 6400, 64, 1, 64, PS_ACT_NONE, 0, 1, 0, 0},
        {"1x1 64>64 80x80 silu to float", 6400, 64, 1, 64, PS_ACT_SILU, 0, 0, 1, 0},
        {"1x1 32>32 160x160 silu", 25600, 32, 1, 32, PS_ACT_SILU, 0, 0, 0, 0},
        {"1x1 16>96 56x56 relu6", 3136, 16, 1, 96, PS_ACT_CLIP, 0, 0, 0, 0},
        {"1x1 96>24 56x56", 3136, 96, 1, 24, PS_ACT_NONE, 0, 0, 0, 0},
        {"1x1 384>1536 7x7 gelu", 49, 384, 1, 1536, PS_ACT_GELU, 0, 0, 0, 0},
        {"stem 3x12>16 320x320 silu", 102400, 12, 3, 16, PS_ACT_SILU, 0, 0, 0, 0},
        {"tile k 256", mr, 256, 1, nr, PS_ACT_NONE, 0, 0, 0, 0},
        {"tile k 64", mr, 64, 1, nr, PS_ACT_NONE, 0, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) time_product(c, &t[i]);
}
