/* tests/check_dwconv_u8.c - checks the depthwise window of bytes, bit for bit. */
#include "tests/check.h"

#include "ops/requant.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_TAPS = 9 };

typedef struct shape {
    size_t w, c, kh, kw, stride, dilation, pixel, ldy;
    bool front, extreme;
    ps_requant q;
} shape;

static size_t columns(const shape *s)
{
    return s->w && s->kw ? (s->w - 1) * s->stride + (s->kw - 1) * s->dilation + 1 : 0;
}

static void call(check_any_fn *f, const shape *s, const uint8_t *const *rows, const int8_t *wt, void *y)
{
    ((ps_dwconv_u8_fn *)f)(s->w, s->c, s->kh, s->kw, rows, (ptrdiff_t)(s->stride * s->pixel),
                           (ptrdiff_t)(s->dilation * s->pixel), wt, y, (ptrdiff_t)s->ldy, &s->q);
}

static uint8_t *codes(size_t n, bool front, bool extreme)
{
    uint8_t *x = check_bytes(n, front);
    for (size_t i = 0; i < n; i++) x[i] = (uint8_t)(extreme && check_below(8) ? 255 : check_below(256));
    return x;
}

/* Weights of a row of corners have mostly one sign, so that sums grow as large as they can. */
static int8_t *weights(size_t n, bool front, bool extreme)
{
    int8_t *w = (int8_t *)check_bytes(n, front);
    int8_t end = check_below(2) ? 127 : -128;
    for (size_t i = 0; i < n; i++) w[i] = extreme && check_below(8) ? end : (int8_t)((int)check_below(256) - 128);
    return w;
}

static int32_t exact_sum(const shape *s, const uint8_t *const *rows, const int8_t *wt, size_t i, size_t j)
{
    int32_t sum = 0;
    for (size_t t = 0; t < s->kh * s->kw; t++)
        sum += rows[t / s->kw][(i * s->stride + t % s->kw * s->dilation) * s->pixel + j] * wt[t * s->c + j];
    return sum;
}

static bool verify(check *c, const shape *s, const uint8_t *const *rows, const int8_t *wt, const uint8_t *residual,
                   const void *y)
{
    ps_requant_plan p;
    ps_requant_prepare(&p, &s->q);
    for (size_t i = 0; i < s->w; i++)
        for (size_t j = 0; j < s->c; j++) {
            int32_t sum = exact_sum(s, rows, wt, i, j);
            size_t at = i * s->ldy + j;
            float want = ps_requant_real(&p, &s->q, j, sum, residual ? residual[at] : 0), got;
            if (s->q.to_f32) got = ((const float *)y)[at];
            else want = ps_requant_code(&p, &s->q, want), got = ((const uint8_t *)y)[at];
            if (got == want || (isnan(got) && isnan(want))) continue;
            check_fail(c, "w %zu c %zu k %zux%zu stride %zu dilation %zu %s%s%s%s: pixel %zu channel %zu, sum %d: %.9g, not %.9g",
                       s->w, s->c, s->kh, s->kw, s->stride, s->dilation, check_act_names[s->q.act],
                       s->q.to_f32 ? " to float" : "", residual ? " residual" : "", s->q.table ? " table" : "", i, j, sum,
                       (double)got, (double)want);
            return false;
        }
    return true;
}

static bool gaps_are_whole(check *c, const shape *s, const uint8_t *y, size_t size)
{
    for (size_t i = 0; i + 1 < s->w; i++)
        for (size_t j = s->c * size; j < s->ldy * size; j++)
            if (y[i * s->ldy * size + j] != 0x99) {
                check_fail(c, "pixel %zu: wrote behind its %zu channels", i, s->c);
                return false;
            }
    return true;
}

/* Scales that spread the sums over the codes and beyond. */
static void vectors(shape *s)
{
    float usual = 1.0f / (6000.0f * sqrtf((float)(s->kh * s->kw) + 1.0f));
    s->q.scale = check_random(s->c, s->front, 0.1f * usual, 3.0f * usual);
    if (s->q.add) {
        int32_t *add = (int32_t *)(void *)check_bytes(s->c * sizeof *add, s->front);
        for (size_t j = 0; j < s->c; j++) add[j] = (int32_t)check_uniform(-1e5f, 1e5f);
        s->q.add = add;
    }
    if (s->q.bias) s->q.bias = check_random(s->c, s->front, -1, 1);
    if (s->q.table) s->q.table = codes(256, s->front, false);
}

static void try_shape(check *c, shape s)
{
    const uint8_t *rows[MAX_TAPS], *residual = NULL;
    size_t n = columns(&s), size_x = n && s.c ? (n - 1) * s.pixel + s.c : 0, size = s.q.to_f32 ? sizeof(float) : 1;
    for (size_t dy = 0; dy < s.kh; dy++) rows[dy] = codes(size_x, s.front, s.extreme);
    const int8_t *wt = weights(s.kh * s.kw * s.c, s.front, s.extreme);
    size_t size_y = s.w && s.c ? (s.w - 1) * s.ldy + s.c : 0;
    uint8_t *y = check_bytes(size_y * size, s.front);
    vectors(&s);
    if (s.q.residual) s.q.residual = residual = codes(size_y, s.front, false), s.q.ldr = (ptrdiff_t)s.ldy;
    shape run = s;
    if (residual && size == 1 && check_below(2)) {
        for (size_t i = 0; i < s.w && s.c; i++) memcpy(y + i * s.ldy, residual + i * s.ldy, s.c);
        run.q.residual = y;
    }
    call(c->neu, &run, rows, wt, y);
    if (!size_y || !verify(c, &s, rows, wt, residual, y)) return;
    gaps_are_whole(c, &s, y, size);
}

static ps_requant any(void)
{
    static const int32_t add[1];
    static const float set[1];
    static const uint8_t bytes[1];
    static const int zeros[] = {0, 255, 128, 27};
    return (ps_requant){
        .add = check_below(3) ? add : NULL,
        .bias = check_below(3) ? set : NULL,
        .act = check_below(2) ? (ps_act)check_below(4) : (ps_act)check_below(PS_ACT_COUNT),
        .a = 0.25f,
        .b = 0.75f,
        .act_last = check_below(2),
        .residual = check_below(3) ? NULL : bytes,
        .res_scale = check_uniform(0.001f, 0.02f),
        .res_zero = zeros[check_below(4)],
        .to_f32 = check_below(5) == 0,
        .inv = check_uniform(10, 200),
        .zero = zeros[check_below(4)],
        .table = check_below(4) ? NULL : bytes,
    };
}

static void time_row(check *c, size_t w, size_t k, size_t stride, size_t channels, ps_act act)
{
    shape s = {w, channels, k, k, stride, 1, channels, channels, true, false, {.act = act, .inv = 20, .zero = 10, .b = 6}};
    const uint8_t *rows[MAX_TAPS];
    const int8_t *wt = weights(k * k * channels, true, false);
    for (size_t dy = 0; dy < k; dy++) rows[dy] = codes(columns(&s) * channels, true, false);
    s.q.bias = check_random(channels, true, -1, 1);
    s.q.scale = check_random(channels, true, 1e-4f, 1e-3f);
    uint8_t *y = check_bytes(s.w * channels, true);
    char label[64];
    snprintf(label, sizeof label, "%zux%zu s%zu, %zu pixels, %zu ch%s%s", k, k, stride, w, channels,
             act ? " " : "", act ? check_act_names[act] : "");
    CHECK_BENCH(c, label, 2.0 * (double)(k * k * w * channels), "GOP/s", call(c->neu, &s, rows, wt, y),
                call(c->ref, &s, rows, wt, y));
    check_release();
}

void check_dwconv_u8(check *c)
{
    static const size_t taps[] = {0, 1, 2, 3, 5, 7, 9};
    for (int round = 0; round < 2500 && !c->failed; round++) {
        size_t k = taps[check_below(7)], ch = check_below(check_below(3) ? 70 : 200);
        shape s = {check_below(28),    ch, k,  check_below(4) ? k : taps[check_below(7)],
                   1 + check_below(3), 1,  ch, ch,
                   check_below(2),     !check_below(4), any()};
        if (!check_below(4)) s.dilation = 1 + check_below(3);
        if (check_below(2)) s.pixel += check_below(20), s.ldy += check_below(20);
        try_shape(c, s);
        check_release();
    }
    if (!check_benched(c)) return;
    for (size_t k = 3; k <= 7; k += 2) {
        time_row(c, 80, k, 1, 64, PS_ACT_NONE);
        time_row(c, 80, k, 2, 64, PS_ACT_NONE);
    }
    time_row(c, 80, 3, 1, 64, PS_ACT_SILU);
    time_row(c, 80, 7, 1, 96, PS_ACT_NONE);
    time_row(c, 80, 3, 1, 24, PS_ACT_CLIP);
    time_row(c, 56, 3, 1, 144, PS_ACT_CLIP);
    time_row(c, 14, 3, 1, 576, PS_ACT_CLIP);
    time_row(c, 7, 3, 1, 960, PS_ACT_CLIP);
}
