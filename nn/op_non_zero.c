/* nn/op_non_zero.c - non_zero: coordinates of the elements that are not zero, in row-major order. */
#include "nn/indices.h"
#include "nn/move.h"
#include "nn/op.h"

#include <string.h>

static poise_status infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    (void)params, (void)n_in;
    PS_REQUIRE(in[0]->rank >= 1, POISE_UNSUPPORTED, "a scalar has no coordinates");
    PS_REQUIRE(in[0]->type != POISE_F16 && in[0]->type != POISE_F64, POISE_UNSUPPORTED, "%s elements",
               poise_type_name(in[0]->type));
    out[0]->type = POISE_I64;
    out[0]->rank = 2;
    out[0]->dim[0] = in[0]->rank;
    out[0]->dim[1] = (int32_t)ps_value_count(in[0]);
    return POISE_OK;
}

static int live(const void *params, int i, int axis, const ps_value *const *in, const ps_value *out)
{
    (void)params, (void)axis, (void)in, (void)out;
    return i < 0 ? 1 : -1;
}

static bool is_zero(poise_type type, const void *at)
{
    static const uint8_t zero[8];
    if (type == POISE_F32) return *(const float *)at == 0.0f; /* -0 is zero too */
    return !memcmp(at, zero, poise_type_size(type));
}

static void run(const ps_call *c)
{
    const poise_tensor *x = c->in[0], *y = c->out[0];
    size_t count = poise_tensor_count(x), size = poise_type_size(x->type);
    int64_t *to = y->data;
    int32_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_zero(x->type, ps_at(x->data, ps_offset(x, x->rank, i), size))) continue;
        size_t left = i;
        for (int d = x->rank; d-- > 0; left /= (size_t)x->dim[d])
            to[d * y->stride[0] + found * y->stride[1]] = (int64_t)(left % (size_t)x->dim[d]);
        found++;
    }
    if (c->live) *c->live = found;
    for (int32_t i = found; i < y->dim[1]; i++)
        for (int d = 0; d < x->rank; d++) to[d * y->stride[0] + i * y->stride[1]] = 0;
}

const ps_op ps_op_non_zero = {.name = "non_zero",
                              .min_in = 1,
                              .max_in = 1,
                              .n_out = 1,
                              .order = PS_ORDER_ROW,
                              .infer = infer,
                              .live = live,
                              .run = run};
