/* nn/op_roi_align.c - roi_align: fixed-size maps of regions, each bin the mean or maximum of bilinear samples. */
#include "nn/indices.h"
#include "nn/op.h"
#include "nn/params.h"
#include "nn/quantised.h"
#include "nn/rules.h"

#include <math.h>

static poise_status infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    const ps_roi_align_params *p = params;
    const ps_value *x = in[0], *r = in[1], *b = in[2];
    (void)n_in;
    PS_TRY(ps_rule_real(x, "the input"));
    PS_TRY(ps_rule_type(r, "the regions", POISE_F32));
    PS_TRY(ps_index_type(b));
    PS_REQUIRE(x->rank == 4 && r->rank == 2 && b->rank == 1 && r->dim[1] == 4 && b->dim[0] == r->dim[0],
               POISE_BAD_MODEL,
               "x of rank %d, regions of rank %d, batch of rank %d: must be [n,c,h,w], [r,4], [r]", x->rank,
               r->rank, b->rank);
    PS_REQUIRE(p->out_h > 0 && p->out_w > 0 && p->sampling_ratio >= 0 && p->sampling_ratio <= 1024 &&
                   isfinite(p->spatial_scale),
               POISE_BAD_MODEL, "%dx%d bins, %d samples, scale %g", p->out_h, p->out_w, p->sampling_ratio,
               (double)p->spatial_scale);
    PS_REQUIRE(x->dim[0] > 0 && x->dim[2] > 0 && x->dim[3] > 0, POISE_BAD_MODEL, "x is empty");
    PS_TRY(ps_index_range(b, 0, 1, x->dim[0]));
    out[0]->type = ps_real_type(1, in, out[0]);
    out[0]->rank = 4;
    out[0]->dim[0] = r->dim[0];
    out[0]->dim[1] = x->dim[1];
    out[0]->dim[2] = p->out_h;
    out[0]->dim[3] = p->out_w;
    return POISE_OK;
}

static int live(const void *params, int i, int axis, const ps_value *const *in, const ps_value *out)
{
    (void)params, (void)in, (void)out;
    return i > 0 && axis == 0 ? 0 : -1;
}

/* Samples of one bin along one axis: first position, step, number. */
typedef struct samples {
    float at, step;
    int32_t n;
} samples;

static samples samples_of(const ps_roi_align_params *p, float lo, float hi, int32_t bins, int32_t bin,
                          int32_t size)
{
    float shift = p->half_pixel ? 0.5f : 0.0f;
    float from = lo * p->spatial_scale - shift, length = hi * p->spatial_scale - shift - from;
    if (!p->half_pixel && !(length > 1.0f)) length = 1.0f;
    float width = length / (float)bins,
          count = p->sampling_ratio > 0 ? (float)p->sampling_ratio : ceilf(width);
    /* a region from the network may be any size: more than four samples a pixel add nothing but time */
    float limit = p->sampling_ratio > 0 ? count : fminf(4.0f * (float)size + 16.0f, 0x1p24f);
    int32_t n = count > 0.0f ? (int32_t)fminf(count, limit) : 0;
    float step = n ? width / (float)n : 0.0f;
    return (samples){from + (float)bin * width + 0.5f * step, step, n};
}

/* Two neighbours and the weight of the second; false = the sample counts as 0. */
static bool neighbours(float at, int32_t n, int32_t *low, int32_t *high, float *w)
{
    if (!(at >= -1.0f && at <= (float)n)) return false;
    if (at < 0.0f) at = 0.0f;
    *low = (int32_t)at;
    *high = *low + 1;
    if (*low >= n - 1) {
        *low = *high = n - 1;
        at = (float)*low;
    }
    *w = at - (float)*low;
    return true;
}

/* One bin, all channels. */
static void bin(const ps_call *c, const float *x, float *y, samples v, samples h)
{
    const ps_roi_align_params *p = c->params;
    const poise_tensor *in = c->in[0];
    ptrdiff_t sx = in->stride[1], sy = c->out[0]->stride[1];
    float count = (float)v.n * (float)h.n;
    for (int32_t k = 0; k < in->dim[1]; k++) y[k * sy] = 0.0f;
    for (int32_t i = 0; i < v.n; i++)
        for (int32_t j = 0; j < h.n; j++) {
            int32_t t = 0, b = 0, l = 0, r = 0;
            float wv = 0.0f, wh = 0.0f;
            bool inside = neighbours(v.at + (float)i * v.step, in->dim[2], &t, &b, &wv) &&
                          neighbours(h.at + (float)j * h.step, in->dim[3], &l, &r, &wh);
            if (!inside && !p->max) continue;
            const float *p0 = x + t * in->stride[2] + l * in->stride[3],
                        *p1 = x + t * in->stride[2] + r * in->stride[3];
            const float *p2 = x + b * in->stride[2] + l * in->stride[3],
                        *p3 = x + b * in->stride[2] + r * in->stride[3];
            float w0 = (1 - wv) * (1 - wh), w1 = (1 - wv) * wh, w2 = wv * (1 - wh), w3 = wv * wh;
            bool first = i + j == 0;
            if (!inside) w0 = w1 = w2 = w3 = 0.0f;
            for (int32_t k = 0; k < in->dim[1]; k++) {
                float a = w0 * p0[k * sx], d = w1 * p1[k * sx], e = w2 * p2[k * sx], f = w3 * p3[k * sx];
                float *to = &y[k * sy],
                      most = fmaxf(fmaxf(a, d), fmaxf(e, f)); /* ONNX: largest weighted corner */
                if (!p->max)
                    *to += a + d + e + f;
                else if (first || most > *to)
                    *to = most;
            }
        }
    for (int32_t k = 0; !p->max && count > 0.0f && k < in->dim[1]; k++) y[k * sy] /= count;
}

static void body(void *ctx, int begin, int end, int thread)
{
    const ps_call *c = ctx;
    const ps_roi_align_params *p = c->params;
    const poise_tensor *x = c->in[0], *regions = c->in[1], *batch = c->in[2], *y = c->out[0];
    (void)thread;
    for (int r = begin; r < end; r++) {
        int32_t n = ps_index_clamp(ps_index_read(batch, r * batch->stride[0]), x->dim[0]);
        const float *box = (const float *)regions->data + r * regions->stride[0], *from = x->data;
        ptrdiff_t s = regions->stride[1];
        for (int32_t i = 0; i < p->out_h; i++)
            for (int32_t j = 0; j < p->out_w; j++)
                bin(c, from + n * x->stride[0],
                    (float *)y->data + r * y->stride[0] + i * y->stride[2] + j * y->stride[3],
                    samples_of(p, box[s], box[3 * s], p->out_h, i, x->dim[2]),
                    samples_of(p, box[0], box[2 * s], p->out_w, j, x->dim[3]));
    }
}

static void run(const ps_call *c)
{
    ps_call copy = *c;
    if (poise_tensor_count(c->out[0])) ps_parallel(c->threads, c->out[0]->dim[0], body, &copy);
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

const ps_op ps_op_roi_align = {.name = "roi_align",
                               .min_in = 3,
                               .max_in = 3,
                               .n_out = 1,
                               .order = PS_ORDER_LAST,
                               .flags = PS_OP_QUANTISED,
                               .param_bytes = sizeof(ps_roi_align_params),
                               .infer = infer,
                               .live = live,
                               .scratch = any_scratch,
                               .run = any_run};
