/* tests/check_dwconv.c - checks the depthwise window. */
#include "tests/check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TAPS = 9 };

typedef struct shape {
    size_t w, c, kh, kw, stride, dilation, pixel, ldy;
    ps_epilogue e;
} shape;

static size_t columns(const shape *s)
{
    return s->w && s->kw ? (s->w - 1) * s->stride + (s->kw - 1) * s->dilation + 1 : 0;
}

static void call(ps_dwconv_f32_fn *f, const shape *s, const float *const *rows, const float *wt, float *y)
{
    f(s->w, s->c, s->kh, s->kw, rows, (ptrdiff_t)(s->stride * s->pixel), (ptrdiff_t)(s->dilation * s->pixel),
      wt, y, (ptrdiff_t)s->ldy, &s->e);
}

static bool verify(check *c, const shape *s, const float *const *rows, const float *wt, const float *residual,
                   const float *y)
{
    for (size_t i = 0; i < s->w; i++) {
        for (size_t j = 0; j < s->c; j++) {
            double sum = 0, terms = 0;
            for (size_t t = 0; t < s->kh * s->kw; t++) {
                size_t dy = t / s->kw, dx = t % s->kw;
                double v = (double)rows[dy][(i * s->stride + dx * s->dilation) * s->pixel + j] *
                           (double)wt[t * s->c + j];
                sum += v;
                terms += fabs(v);
            }
            double r = residual ? (double)residual[i * (size_t)s->e.ldr + j] : 0.0;
            if (s->e.bias) sum += (double)s->e.bias[j], terms += fabs((double)s->e.bias[j]);
            if (s->e.act_last) sum += r, terms += fabs(r);
            double a = (double)s->e.a, b = (double)s->e.b, want = check_act(s->e.act, a, b, sum);
            double tolerance =
                2 * check_sum_tolerance(s->kh * s->kw, terms) + check_act_tolerance(s->e.act, a, b, sum);
            if (!s->e.act_last) want += r, tolerance += (double)FLT_EPSILON * (fabs(r) + fabs(want));
            char what[96];
            snprintf(what, sizeof what, "w %zu c %zu k %zux%zu stride %zu dilation %zu: pixel %zu", s->w,
                     s->c, s->kh, s->kw, s->stride, s->dilation, i);
            if (!check_near(c, what, j, y[i * s->ldy + j], want, tolerance)) return false;
        }
    }
    return true;
}

/* A part of the row, and of the channels, gives the same bits. */
static bool verify_part(check *c, const shape *s, const float *const *rows, const float *wt, const float *y)
{
    shape part = *s;
    size_t i0 = check_below(s->w), j0 = check_below(s->c);
    part.w = 1 + check_below(s->w - i0);
    part.c = 1 + check_below(s->c - j0);
    part.ldy = part.c;
    const float *at[MAX_TAPS];
    for (size_t dy = 0; dy < s->kh; dy++) at[dy] = rows[dy] + i0 * s->stride * s->pixel + j0;
    float *wt_part = check_floats(s->kh * s->kw * part.c, false),
          *again = check_floats(part.w * part.c, false);
    for (size_t t = 0; t < s->kh * s->kw; t++)
        memcpy(wt_part + t * part.c, wt + t * s->c + j0, part.c * sizeof *wt);
    if (part.e.bias) part.e.bias += j0;
    if (part.e.residual) part.e.residual += i0 * (size_t)part.e.ldr + j0;
    call((ps_dwconv_f32_fn *)c->neu, &part, at, wt_part, again);
    for (size_t i = 0; i < part.w; i++)
        if (!check_same(c, "a part", again + i * part.c, y + (i0 + i) * s->ldy + j0, part.c)) return false;
    return true;
}

static void try_shape(check *c, shape s, bool front)
{
    const float *rows[MAX_TAPS];
    size_t n = columns(&s), size_x = n && s.c ? (n - 1) * s.pixel + s.c : 0;
    for (size_t dy = 0; dy < s.kh; dy++) rows[dy] = check_random(size_x, front, -1, 1);
    const float *wt = check_random(s.kh * s.kw * s.c, front, -1, 1);
    size_t size_y = s.w && s.c ? (s.w - 1) * s.ldy + s.c : 0;
    float *y = check_floats(size_y, front), *residual = NULL;
    bool in_place = check_below(2);
    if (s.e.bias) s.e.bias = check_random(s.c, front, -1, 1);
    if (s.e.residual) {
        residual = check_random(size_y, front, -1, 1);
        s.e.residual = residual;
        s.e.ldr = (ptrdiff_t)s.ldy;
    }
    if (residual && in_place) {
        for (size_t i = 0; i < s.w; i++)
            if (s.c) memcpy(y + i * s.ldy, residual + i * s.ldy, s.c * sizeof *y);
        shape on_itself = s;
        on_itself.e.residual = y;
        call((ps_dwconv_f32_fn *)c->neu, &on_itself, rows, wt, y);
    } else {
        call((ps_dwconv_f32_fn *)c->neu, &s, rows, wt, y);
    }
    if (!size_y || !verify(c, &s, rows, wt, residual, y) || !check_gaps(c, y, s.w, s.c, s.ldy)) return;
    verify_part(c, &s, rows, wt, y);
}

static ps_epilogue any_epilogue(void)
{
    static const float set[1];
    return (ps_epilogue){
        .bias = check_below(2) ? set : NULL,
        .residual = check_below(2) ? set : NULL,
        .act = (ps_act)check_below(PS_ACT_COUNT),
        .a = -0.5f,
        .b = 0.75f,
        .act_last = check_below(2),
    };
}

static void time_row(check *c, size_t k, size_t stride, size_t channels, ps_act act)
{
    shape s = {80, channels, k, k, stride, 1, channels, channels, {.act = act}};
    const float *rows[MAX_TAPS], *wt = check_random(k * k * channels, true, -1, 1);
    for (size_t dy = 0; dy < k; dy++) rows[dy] = check_random(columns(&s) * channels, true, -1, 1);
    float *y = check_floats(s.w * channels, true);
    char label[64];
    snprintf(label, sizeof label, "%zux%zu s%zu, 80 pixels, %zu ch%s%s", k, k, stride, channels,
             act ? " " : "", act ? check_act_names[act] : "");
    CHECK_BENCH(c, label, 2.0 * (double)(k * k * s.w * channels), "GFLOP/s",
                call((ps_dwconv_f32_fn *)c->neu, &s, rows, wt, y),
                call((ps_dwconv_f32_fn *)c->ref, &s, rows, wt, y));
    check_release();
}

void check_dwconv_f32(check *c)
{
    static const size_t taps[] = {0, 1, 2, 3, 5, 7, 9};
    for (int round = 0; round < 1500 && !c->failed; round++) {
        size_t k = taps[check_below(7)], ch = check_below(70);
        shape s = {check_below(28),    ch, k,  check_below(4) ? k : taps[check_below(7)],
                   1 + check_below(3), 1,  ch, ch,
                   any_epilogue()};
        if (!check_below(4)) s.dilation = 1 + check_below(3);
        if (check_below(2)) s.pixel += check_below(20), s.ldy += check_below(20);
        try_shape(c, s, check_below(2));
        check_release();
    }
    if (!check_benched(c)) return;
    for (size_t k = 3; k <= 7; k += 2) {
        time_row(c, k, 1, 64, PS_ACT_NONE);
        time_row(c, k, 2, 64, PS_ACT_NONE);
    }
    time_row(c, 3, 1, 64, PS_ACT_SILU);
    time_row(c, 7, 1, 96, PS_ACT_NONE);
    time_row(c, 3, 1, 24, PS_ACT_CLIP);
}
