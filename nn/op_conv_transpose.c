/* nn/op_conv_transpose.c - transposed convolution, as one ordinary convolution for each phase of the stride.
 *
 * Outputs oy = q*stride + phase are reached by the taps ky with (phase + pad - ky*dilation) divisible by the stride:
 * ky = first + j*period.  Tap j reads input row q + base - j*reach, so with the taps in reverse order each phase is a
 * convolution of stride 1, written with `stride` times the output's strides.  Nothing is multiplied by inserted
 * zeros. */
#include "nn/fused.h"
#include "nn/layout.h"

#include <stdio.h>

enum { MOST_PHASES = 4096 }; /* each is a convolution of its own; networks upsample by 32 x 32 at most */

static poise_status transpose_infer(const void *params, int n_in, const ps_value *const *in,
                                    ps_value *const *out)
{
    const ps_conv_transpose_params *p = params;
    const ps_value *x = in[0], *w = in[1];
    PS_TRY(ps_fused_check(&p->fused));
    PS_TRY(ps_window_check(x, w, p->kernel, p->stride, p->dilation, p->pad));
    int32_t c = x->dim[1];
    PS_REQUIRE(p->group >= 1 && c >= 1 && c % p->group == 0, POISE_BAD_MODEL,
               "%d groups do not divide %d input channels", (int)p->group, (int)c);
    PS_REQUIRE(w->dim[0] == c, POISE_BAD_MODEL, "weights have %d input channels, input has %d",
               (int)w->dim[0], (int)c);
    int64_t size[2];
    for (int i = 0; i < 2; i++) {
        bool exists = x->rank == 4 || i == 1;
        PS_REQUIRE(p->out_pad[i] >= 0 && (exists || !p->out_pad[i]), POISE_BAD_MODEL,
                   "output padding %d must not be negative, nor pad a height that does not exist",
                   (int)p->out_pad[i]);
        int64_t have = exists ? x->dim[x->rank - 2 + i] : 1;
        size[i] = p->stride[i] * (have - 1) + p->out_pad[i] + (int64_t)p->dilation[i] * (p->kernel[i] - 1) +
                  1 - p->pad[i] - p->pad[i + 2];
    }
    int64_t o = (int64_t)w->dim[1] * p->group;
    PS_TRY(ps_image_shape(x, o, size, out[0]));
    PS_REQUIRE((int64_t)p->stride[0] * p->stride[1] <= MOST_PHASES, POISE_UNSUPPORTED,
               "strides %dx%d: their product can be %d at most", (int)p->stride[0], (int)p->stride[1], MOST_PHASES);
    PS_REQUIRE(n_in < 4 || !in[3], POISE_UNSUPPORTED, "takes no residual");
    int64_t terms = (int64_t)p->kernel[0] * p->kernel[1] * (c / p->group); /* all weights together are below 2^31 */
    PS_TRY(ps_product_types(n_in, in, (int32_t)o, terms, false, out[0]));
    return ps_bias_check(n_in > 2 ? in[2] : NULL, (int32_t)o);
}

/* One axis of one phase. */
typedef struct phase {
    int32_t first, period, count; /* taps first + j*period, j < count */
    int32_t dilation, pad, out;   /* of the ordinary convolution */
} phase;

static int32_t common_divisor(int32_t a, int32_t b)
{
    while (b) {
        int32_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}

static phase phase_of(const ps_conv_transpose_params *p, int axis, int32_t number, int32_t out)
{
    int32_t s = p->stride[axis], d = p->dilation[axis], g = common_divisor(s, d);
    phase f = {.period = s / g, .dilation = d / g, .out = (out - number - 1) / s + 1};
    int64_t at = (int64_t)number + p->pad[axis];
    while (f.first < p->kernel[axis] && f.first < f.period && (at - (int64_t)f.first * d) % s) f.first++;
    if (f.first >= p->kernel[axis] || f.first >= f.period) return f;
    f.count = (p->kernel[axis] - 1 - f.first) / f.period + 1;
    int64_t base = (at - (int64_t)f.first * d) / s;
    f.pad = (int32_t)((int64_t)(f.count - 1) * f.dilation - base);
    return f;
}

static int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

typedef struct phases {
    ps_conv v;    /* of all phases: strides of the whole output */
    int32_t n[2]; /* phases that have outputs */
    int32_t out[2];
} phases;

static phases phases_of(const ps_call *c)
{
    const ps_conv_transpose_params *p = c->params;
    const poise_tensor *x = c->in[0], *y = c->out[0];
    phases s = {.out = {ps_image_height(y), y->dim[y->rank - 1]}};
    s.v = (ps_conv){.k = c->k,
                    .threads = c->threads,
                    .batch_rank = 1,
                    .batch = {x->dim[0]},
                    .in = {ps_image_height(x), x->dim[x->rank - 1]},
                    .c = x->dim[1],
                    .o = y->dim[1],
                    .group = p->group,
                    .stride = {1, 1},
                    .fused = p->fused,
                    .xs = ps_image_strides(x),
                    .ys = ps_image_strides(y)};
    ps_product_set(c, &s.v);
    s.v.ys.row *= p->stride[0];
    s.v.ys.pixel *= p->stride[1];
    for (int i = 0; i < 2; i++) s.n[i] = least(p->stride[i], s.out[i]);
    return s;
}

/* The convolution of phase (py, px), its weights, and where its output begins.  A phase without taps is a 1x1
 * window that never meets the input: *packed is then 0 for floats.  Codes read a pixel of zero points with weights of 0. */
static ps_conv phase_conv(const ps_call *c, const phases *s, int32_t py, int32_t px, ps_weights *w,
                          size_t *packed, ptrdiff_t *offset)
{
    const ps_conv_transpose_params *p = c->params;
    const poise_tensor *t = c->in[1], *y = c->out[0];
    ps_conv v = s->v;
    ptrdiff_t step[2] = {t->rank == 4 ? t->stride[2] : 0, t->stride[t->rank - 1]}, at = 0;
    *w = ps_product_weights(c);
    w->group = t->dim[0] / p->group * t->stride[0];
    w->o = t->stride[1];
    w->c = t->stride[0];
    bool empty = false;
    for (int i = 0; i < 2; i++) {
        phase f = phase_of(p, i, i ? px : py, s->out[i]);
        v.out[i] = f.out;
        v.kernel[i] = f.count;
        v.dilation[i] = f.dilation;
        v.pad[i] = f.pad;
        w->kernel[i] = -f.period * step[i];
        at += (f.first + (ptrdiff_t)(f.count - 1) * f.period) * step[i];
        empty |= f.count == 0;
    }
    w->at = t->data && !empty ? (const char *)t->data + at * (ptrdiff_t)poise_type_size(t->type) : NULL;
    if (empty) {
        v.kernel[0] = v.kernel[1] = v.dilation[0] = v.dilation[1] = 1;
        v.pad[0] = v.out[0];
        v.pad[1] = 0;
    }
    *packed = empty && v.x_type != POISE_U8 ? 0 : ps_conv_packed(&v);
    *offset = (y->rank == 4 ? py * y->stride[2] : 0) + px * y->stride[y->rank - 1];
    return v;
}

static size_t packed_floats(const ps_call *c)
{
    phases s = phases_of(c);
    ps_weights w;
    size_t all = 0, n;
    ptrdiff_t offset;
    for (int32_t py = 0; py < s.n[0]; py++) {
        for (int32_t px = 0; px < s.n[1]; px++) {
            phase_conv(c, &s, py, px, &w, &n, &offset);
            if (!ps_size_add(&all, all, n)) return SIZE_MAX;
        }
    }
    return all ? all : PS_ALIGN / sizeof(float);
}

static void pack_phases(const ps_call *c, float *dst)
{
    phases s = phases_of(c);
    ps_weights w;
    size_t n;
    ptrdiff_t offset;
    for (int32_t py = 0; py < s.n[0]; py++) {
        for (int32_t px = 0; px < s.n[1]; px++) {
            ps_conv v = phase_conv(c, &s, py, px, &w, &n, &offset);
            if (n) ps_conv_pack(&v, &w, dst);
            dst += n;
        }
    }
}

static size_t transpose_packed(const ps_call *c)
{
    return c->in[1]->data ? ps_size_cap(packed_floats(c), sizeof(float)) : 0;
}

static void transpose_pack(const ps_call *c, void *dst)
{
    pack_phases(c, dst);
}

/* That of all phases, or none. */
static unsigned transpose_layout(const ps_call *c)
{
    phases s = phases_of(c);
    unsigned layout = 0;
    ps_weights w;
    size_t n;
    ptrdiff_t offset;
    for (int32_t py = 0; py < s.n[0]; py++) {
        for (int32_t px = 0; px < s.n[1]; px++) {
            ps_conv v = phase_conv(c, &s, py, px, &w, &n, &offset);
            if (layout && layout != ps_conv_layout(&v)) return 0;
            layout = ps_conv_layout(&v);
        }
    }
    return layout;
}

static size_t transpose_scratch(const ps_call *c)
{
    phases s = phases_of(c);
    ps_front f = ps_front_of(c, c->in[1]->data != NULL, ps_size_cap(packed_floats(c), sizeof(float)));
    ps_weights w;
    size_t most = 0, n;
    ptrdiff_t offset;
    for (int32_t py = 0; py < s.n[0]; py++) {
        for (int32_t px = 0; px < s.n[1]; px++) {
            ps_conv v = phase_conv(c, &s, py, px, &w, &n, &offset);
            size_t bytes = ps_conv_scratch(&v);
            if (bytes > most) most = bytes;
        }
    }
    return ps_front_bytes(&f, most);
}

static void transpose_run(const ps_call *c)
{
    phases s = phases_of(c);
    ps_front f = ps_front_of(c, c->packed != NULL, ps_size_cap(packed_floats(c), sizeof(float)));
    uint8_t *at = c->scratch;
    s.v.x = c->in[0]->data;
    s.v.bias = ps_bias_dense(c->n_in > 2 ? c->in[2] : NULL, (float *)(void *)at);
    s.v.scratch = at + f.bias + f.weights;
    const float *weights = c->packed;
    if (!weights) {
        pack_phases(c, (float *)(void *)(at + f.bias));
        weights = (const float *)(void *)(at + f.bias);
    }
    for (int32_t py = 0; py < s.n[0]; py++) {
        for (int32_t px = 0; px < s.n[1]; px++) {
            ps_weights w;
            size_t n;
            ptrdiff_t offset;
            ps_conv v = phase_conv(c, &s, py, px, &w, &n, &offset);
            v.weights = weights;
            v.y = (char *)c->out[0]->data + offset * (ptrdiff_t)ps_size_of(v.y_type);
            ps_conv_run(&v);
            weights += n;
        }
    }
}

static uint64_t transpose_macs(const void *params, int n_in, const ps_value *const *in, const ps_value *out)
{
    (void)params;
    (void)n_in;
    (void)out;
    const ps_value *w = in[1];
    uint64_t n = ps_value_count(in[0]), per = 1;
    for (int i = 1; i < w->rank; i++) per *= (uint64_t)w->dim[i];
    return n * per; /* both below 2^31 */
}

static void transpose_describe(const void *params, char *buf, size_t size)
{
    const ps_conv_transpose_params *p = params;
    char act[PS_FUSED_TEXT];
    snprintf(buf, size, "%dx%d s%dx%d p%d,%d,%d,%d d%dx%d +%d,%d g%d%s", (int)p->kernel[0], (int)p->kernel[1],
             (int)p->stride[0], (int)p->stride[1], (int)p->pad[0], (int)p->pad[1], (int)p->pad[2],
             (int)p->pad[3], (int)p->dilation[0], (int)p->dilation[1], (int)p->out_pad[0], (int)p->out_pad[1],
             (int)p->group, ps_fused_text(&p->fused, act));
}

const ps_op ps_op_conv_transpose = {
    .name = "conv_transpose",
    .min_in = 2,
    .max_in = 6,
    .n_out = 1,
    .order = PS_ORDER_LAST,
    .flags = PS_OP_QUANTISED,
    .param_bytes = sizeof(ps_conv_transpose_params),
    .infer = transpose_infer,
    .packed = transpose_packed,
    .pack = transpose_pack,
    .packs = ps_product_packs,
    .layout = transpose_layout,
    .scratch = transpose_scratch,
    .run = transpose_run,
    .macs = transpose_macs,
    .describe = transpose_describe,
};
