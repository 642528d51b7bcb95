/* nn/op_concat.c - concat: inputs one after the other along an axis.
 *
 * The plan may let the producer of an input write straight into its place in the output, with the output's
 * strides: run() finds such an input already there and leaves it alone.  An input that is quantised otherwise than the
 * output has a place of its own and is copied. */
#include "nn/move.h"
#include "nn/op.h"
#include "nn/params.h"
#include "nn/quantised.h"
#include "nn/widen.h"

/* Of one scale, inputs give it to an output without a wish. */
static void set_type(bool reals, int n_in, const ps_value *const *in, ps_value *out)
{
    bool same = reals && out->scale == 0;
    for (int i = 0; i < n_in; i++)
        same = same && in[i]->type == in[0]->type && in[i]->scale == in[0]->scale && in[i]->zero == in[0]->zero;
    if (same) ps_scale_like(out, in[0]);
    out->type = reals ? ps_real_type(n_in, in, out) : in[0]->type;
}

static poise_status infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    const ps_axis_params *p = params;
    char a[PS_SHAPE_TEXT], b[PS_SHAPE_TEXT];
    PS_REQUIRE(p->axis >= 0 && p->axis < in[0]->rank, POISE_BAD_MODEL, "axis %d of a tensor of rank %d",
               p->axis, in[0]->rank);
    int64_t n = 0;
    bool reals = false; /* some are quantised: each as it likes, and f32 among them */
    for (int i = 0; i < n_in; i++) reals = reals || (in[i] && ps_value_is_quantised(in[i]));
    for (int i = 0; i < n_in; i++) {
        PS_REQUIRE(in[i], POISE_BAD_MODEL, "input %d is absent", i);
        if (reals)
            PS_TRY(ps_rule_real(in[i], "an input"));
        else
            PS_REQUIRE(in[i]->type == in[0]->type, POISE_BAD_MODEL, "input %d is %s, input 0 is %s", i,
                       poise_type_name(in[i]->type), poise_type_name(in[0]->type));
        bool same = in[i]->rank == in[0]->rank;
        for (int d = 0; same && d < in[0]->rank; d++) same = d == p->axis || in[i]->dim[d] == in[0]->dim[d];
        PS_REQUIRE(same, POISE_BAD_MODEL, "input %d is %s, which does not continue %s along axis %d", i,
                   ps_shape_text(in[i]->rank, in[i]->dim, a), ps_shape_text(in[0]->rank, in[0]->dim, b),
                   p->axis);
        n += in[i]->dim[p->axis];
    }
    PS_REQUIRE(n <= INT32_MAX, POISE_BAD_MODEL, "%lld elements along axis %d", (long long)n, p->axis);
    set_type(reals, n_in, in, out[0]);
    out[0]->rank = in[0]->rank;
    for (int d = 0; d < in[0]->rank; d++) out[0]->dim[d] = in[0]->dim[d];
    out[0]->dim[p->axis] = (int32_t)n;
    return POISE_OK;
}

static int live(const void *params, int i, int axis, const ps_value *const *in, const ps_value *out)
{
    const ps_axis_params *p = params;
    (void)i, (void)in, (void)out;
    return axis == p->axis ? -1 : axis;
}

static void run(const ps_call *c)
{
    const ps_axis_params *p = c->params;
    poise_tensor part = *c->out[0];
    size_t size = poise_type_size(part.type);
    for (int i = 0; i < c->n_in; i++) {
        const poise_tensor *x = c->in[i];
        part.dim[p->axis] = x->dim[p->axis];
        if (!ps_same_numbers(x, &part))
            ps_move_real(c->k, c->threads, x, &part);
        else if (x->data != part.data || !ps_same_strides(x, &part))
            ps_move(c->k, c->threads, x, &part);
        part.data = ps_at(part.data, part.dim[p->axis] * part.stride[p->axis], size);
    }
}

const ps_op ps_op_concat = {.name = "concat",
                            .min_in = 1,
                            .max_in = PS_MANY,
                            .n_out = 1,
                            .order = PS_ORDER_LIKE,
                            .flags = PS_OP_CONCAT | PS_OP_QUANTISED,
                            .param_bytes = sizeof(ps_axis_params),
                            .infer = infer,
                            .live = live,
                            .run = run,
                            .narrow = ps_narrow_all};
