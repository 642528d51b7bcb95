/* nn/op_quantize.c - real numbers to 8-bit codes and back, and from codes to others.
 *
 * A code is round_half_even(x / scale) + zero, saturated (ONNX QuantizeLinear); NaN becomes the smallest one. */
#include "nn/convert_type.h"
#include "nn/move.h"
#include "nn/op.h"
#include "nn/params.h"
#include "nn/quantised.h"
#include "nn/rules.h"
#include "nn/spread.h"

#include <math.h>
#include <stdio.h>

static bool is_code(poise_type t)
{
    return t == POISE_U8 || t == POISE_I8;
}

static poise_status check_scales(const ps_quantize_params *p, const ps_value *x, const ps_value *scale, const ps_value *zero)
{
    size_t n = ps_value_count(scale);
    PS_TRY(ps_rule_type(scale, "the scale", POISE_F32));
    PS_REQUIRE(n == 1 || (p->axis >= 0 && p->axis < x->rank && n == (size_t)x->dim[p->axis]), POISE_BAD_MODEL,
               "%zu scales, it must be one, or one for each element along axis %d", n, (int)p->axis);
    PS_REQUIRE(x->scale == 0, POISE_BAD_MODEL, "has scales, but what it reads is quantised already");
    if (!zero) return POISE_OK;
    PS_TRY(ps_rule_type(zero, "the zero point", POISE_I32));
    PS_REQUIRE(ps_value_count(zero) == n, POISE_BAD_MODEL, "%zu zero points for %zu scales", ps_value_count(zero), n);
    return POISE_OK;
}

static poise_status infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    const ps_quantize_params *p = params;
    const ps_value *x = in[0], *scale = n_in > 1 ? in[1] : NULL, *zero = n_in > 2 ? in[2] : NULL;
    poise_type to = (poise_type)p->to;
    PS_REQUIRE(is_code(to) || to == POISE_F32, POISE_BAD_MODEL, "cannot give type %d", (int)p->to);
    PS_REQUIRE(scale || !zero, POISE_BAD_MODEL, "has a zero point, but no scale");
    if (scale) PS_TRY(check_scales(p, x, scale, zero));
    bool from_codes = scale ? is_code(x->type) || x->type == POISE_I32 : ps_value_is_quantised(x);
    bool real = x->type == POISE_F32 && is_code(to), back = from_codes && to == POISE_F32;
    bool again = !scale && from_codes && is_code(to);
    PS_REQUIRE(real || back || again, POISE_BAD_MODEL, "cannot go from %s%s to %s", x->scale > 0 ? "quantised " : "",
               poise_type_name(x->type), poise_type_name(to));
    if (scale)
        out[0]->scale = 0;
    else
        PS_REQUIRE(!is_code(to) || out[0]->scale > 0, POISE_BAD_MODEL, "its output has no scale");
    ps_shape_like(out[0], to, x);
    return POISE_OK;
}

static double real_of(poise_type type, const void *x, float scale, int32_t zero)
{
    if (type == POISE_F32) return (double)*(const float *)x;
    return (double)((float)(ps_load_whole(type, x) - zero) * scale);
}

static void store(poise_type type, double real, float scale, int32_t zero, void *y)
{
    if (type == POISE_F32) {
        *(float *)y = (float)real;
        return;
    }
    float low = (float)((type == POISE_I8 ? -128 : 0) - zero), high = low + 255, t = (float)real / scale;
    t = t > low ? t : low; /* NaN too */
    ps_store_whole(type, (int64_t)rintf(t < high ? t : high) + zero, y);
}

/* Scales from a tensor: y, x, scales, zeros. */
static void piece(const void *ctx, size_t n, void *const *at, const ptrdiff_t *step, int thread)
{
    const ps_call *c = ctx;
    const poise_tensor *x = c->in[0], *y = c->out[0];
    size_t sx = poise_type_size(x->type), sy = poise_type_size(y->type);
    bool has_zero = c->n_in > 2 && c->in[2];
    (void)thread;
    for (size_t i = 0; i < n; i++) {
        ptrdiff_t k = (ptrdiff_t)i;
        float scale = ((const float *)at[2])[k * step[2]];
        int32_t zero = has_zero ? ((const int32_t *)at[3])[k * step[3]] : 0;
        double real = real_of(x->type, ps_at(at[1], k * step[1], sx), scale, zero);
        store(y->type, real, scale, zero, ps_at(at[0], k * step[0], sy));
    }
}

/* One for each element along the axis, seen with the dimensions of x. */
static poise_tensor along_axis(const poise_tensor *t, const poise_tensor *x, int32_t axis)
{
    poise_tensor v = *x;
    v.type = t->type;
    v.data = t->data;
    bool one = poise_tensor_count(t) == 1;
    ptrdiff_t step = 1;
    for (int d = 0; d < t->rank; d++)
        if (t->dim[d] > 1) step = t->stride[d];
    for (int d = 0; d < x->rank; d++) v.stride[d] = !one && d == axis ? step : 0;
    return v;
}

static void run(const ps_call *c)
{
    const ps_quantize_params *p = c->params;
    const poise_tensor *x = c->in[0], *y = c->out[0];
    if (c->n_in < 2 || !c->in[1]) { /* the scales of x and y: every activation */
        ps_move_real(c->k, c->threads, x, y);
        return;
    }
    poise_tensor scale = along_axis(c->in[1], x, p->axis), zero;
    const poise_tensor *t[4] = {y, x, &scale, &zero};
    int n = c->n_in > 2 && c->in[2] ? 4 : 3;
    if (n == 4) zero = along_axis(c->in[2], x, p->axis);
    ps_walk w;
    ps_walk_init(&w, n, t);
    ps_spread(&w, c->threads, 3, piece, c);
}

static void describe(const void *params, char *buf, size_t size)
{
    const ps_quantize_params *p = params;
    snprintf(buf, size, "to %s", poise_type_name((poise_type)p->to));
}

const ps_op ps_op_quantize = {.name = "quantize",
                              .min_in = 1,
                              .max_in = 3,
                              .n_out = 1,
                              .order = PS_ORDER_LIKE,
                              .flags = PS_OP_QUANTISED | PS_OP_LAZY_FOLD,
                              .param_bytes = sizeof(ps_quantize_params),
                              .infer = infer,
                              .live = ps_live_same,
                              .run = run,
                              .describe = describe};
