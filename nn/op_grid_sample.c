/* nn/op_grid_sample.c - grid_sample: an image read at points given by another tensor. */
#include "nn/op.h"
#include "nn/params.h"
#include "nn/quantised.h"
#include "nn/rules.h"

#include <math.h>

static poise_status infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    const ps_grid_sample_params *p = params;
    const ps_value *x = in[0], *g = in[1];
    char xs[PS_SHAPE_TEXT], gs[PS_SHAPE_TEXT];
    (void)n_in;
    PS_REQUIRE(p->mode >= PS_GRID_LINEAR && p->mode <= PS_GRID_CUBIC, POISE_BAD_MODEL, "mode %d is unknown",
               p->mode);
    PS_REQUIRE(p->border >= PS_BORDER_ZEROS && p->border <= PS_BORDER_REFLECT, POISE_BAD_MODEL,
               "border mode %d is unknown", p->border);
    PS_TRY(ps_rule_real(x, "x"));
    PS_TRY(ps_rule_type(g, "the grid", POISE_F32));
    PS_REQUIRE(x->rank == 4 && g->rank == 4, POISE_UNSUPPORTED, "x of rank %d, grid of rank %d: must be 4",
               x->rank, g->rank);
    PS_REQUIRE(g->dim[0] == x->dim[0] && g->dim[3] == 2, POISE_BAD_MODEL,
               "x %s, grid %s: must be [n,c,h,w], [n,h,w,2]", ps_shape_text(4, x->dim, xs),
               ps_shape_text(4, g->dim, gs));
    PS_REQUIRE(x->dim[2] > 0 && x->dim[3] > 0, POISE_BAD_MODEL, "x is empty: %s",
               ps_shape_text(4, x->dim, xs));
    out[0]->type = ps_real_type(1, in, out[0]);
    out[0]->rank = 4;
    out[0]->dim[0] = x->dim[0];
    out[0]->dim[1] = x->dim[1];
    out[0]->dim[2] = g->dim[1];
    out[0]->dim[3] = g->dim[2];
    return POISE_OK;
}

/* -1..1 to pixels of a line of n. */
static float to_pixels(float v, int32_t n, bool align)
{
    return align ? (v + 1.0f) / 2.0f * (float)(n - 1) : ((v + 1.0f) * (float)n - 1.0f) / 2.0f;
}

/* Mirrored into [lo, hi] as often as it takes. */
static float reflect(float v, float lo, float hi)
{
    float range = hi - lo;
    if (range <= 0.0f) return lo;
    float d = fmodf(fabsf(v - lo), 2.0f * range);
    return lo + (d <= range ? d : 2.0f * range - d);
}

/* The line's element that stands for `at`; -1 = nothing, which counts as 0. */
static int32_t element(const ps_grid_sample_params *p, float at, int32_t n)
{
    float top = (float)(n - 1);
    if (p->border == PS_BORDER_ZEROS) return at >= 0.0f && at <= top ? (int32_t)at : -1;
    if (p->border == PS_BORDER_REFLECT && !(at >= 0.0f && at <= top))
        at = p->align_corners ? reflect(at, 0.0f, top) : reflect(at, -0.5f, top + 0.5f);
    return !(at > 0.0f) ? 0 : at >= top ? n - 1 : (int32_t)at;
}

/* Up to four elements of a line and their weights for position v; their number. */
typedef struct taps {
    int n;
    int32_t index[4];
    float weight[4];
} taps;

static taps taps_of(const ps_grid_sample_params *p, float v, int32_t n)
{
    taps t = {.n = 1};
    v = to_pixels(v, n, p->align_corners != 0);
    if (p->border == PS_BORDER_REFLECT && p->mode != PS_GRID_CUBIC)
        v = p->align_corners ? reflect(v, 0.0f, (float)(n - 1)) : reflect(v, -0.5f, (float)n - 0.5f);
    if (p->border == PS_BORDER_EDGE && p->mode != PS_GRID_CUBIC) v = fminf(fmaxf(v, 0.0f), (float)(n - 1));
    if (p->mode == PS_GRID_NEAREST) {
        t.index[0] = element(p, nearbyintf(v), n);
        t.weight[0] = 1.0f;
        return t;
    }
    float down = floorf(v), d = v - down;
    if (p->mode == PS_GRID_LINEAR) {
        t = (taps){2, {element(p, down, n), element(p, down + 1.0f, n)}, {1.0f - d, d}};
        return t;
    }
    const float a = -0.75f;
    t.n = 4;
    for (int i = 0; i < 4; i++) {
        float s = fabsf(d - (float)(i - 1));
        t.index[i] = element(p, down + (float)(i - 1), n);
        t.weight[i] = s <= 1.0f ? ((a + 2.0f) * s - (a + 3.0f)) * s * s + 1.0f
                                : ((a * s - 5.0f * a) * s + 8.0f * a) * s - 4.0f * a;
    }
    return t;
}

static void pixel(const ps_call *c, const float *x, float *y, taps v, taps h)
{
    const poise_tensor *in = c->in[0];
    ptrdiff_t sx = in->stride[1], sy = c->out[0]->stride[1];
    const float *from[16];
    float weight[16];
    int n = 0;
    for (int i = 0; i < v.n; i++)
        for (int j = 0; j < h.n; j++) {
            if (v.index[i] < 0 || h.index[j] < 0) continue;
            from[n] = x + v.index[i] * in->stride[2] + h.index[j] * in->stride[3];
            weight[n++] = v.weight[i] * h.weight[j];
        }
    if (n == 4 && sx == 1 && sy == 1) {
        c->k->lerp4_f32((size_t)in->dim[1], from, weight, y);
        return;
    }
    for (int32_t k = 0; k < in->dim[1]; k++) {
        float sum = 0.0f;
        for (int i = 0; i < n; i++) sum += weight[i] * from[i][k * sx];
        y[k * sy] = sum;
    }
}

static void body(void *ctx, int begin, int end, int thread)
{
    const ps_call *c = ctx;
    const poise_tensor *x = c->in[0], *g = c->in[1], *y = c->out[0];
    (void)thread;
    for (int r = begin; r < end; r++) {
        int32_t n = r / y->dim[2], oy = r % y->dim[2];
        for (int32_t ox = 0; ox < y->dim[3]; ox++) {
            const float *at =
                (const float *)g->data + n * g->stride[0] + oy * g->stride[1] + ox * g->stride[2];
            taps h = taps_of(c->params, at[0], x->dim[3]),
                 v = taps_of(c->params, at[g->stride[3]], x->dim[2]);
            pixel(c, (const float *)x->data + n * x->stride[0],
                  (float *)y->data + n * y->stride[0] + oy * y->stride[2] + ox * y->stride[3], v, h);
        }
    }
}

static void run(const ps_call *c)
{
    const poise_tensor *y = c->out[0];
    ps_call copy = *c;
    if (poise_tensor_count(y)) ps_parallel(c->threads, y->dim[0] * y->dim[2], body, &copy);
}

/* Codes go through floats. */
static size_t any_scratch(const ps_call *c)
{
    return ps_float_scratch(c, NULL);
}

static void any_run(const ps_call *c)
{
    ps_float_run(c, run);
}

const ps_op ps_op_grid_sample = {.name = "grid_sample",
                                 .min_in = 2,
                                 .max_in = 2,
                                 .n_out = 1,
                                 .order = PS_ORDER_LAST,
                                 .flags = PS_OP_QUANTISED,
                                 .param_bytes = sizeof(ps_grid_sample_params),
                                 .infer = infer,
                                 .scratch = any_scratch,
                                 .run = any_run};
