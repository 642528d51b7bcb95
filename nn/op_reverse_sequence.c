/* nn/op_reverse_sequence.c - the first lengths[b] steps of each sequence, last first. */
#include "nn/op.h"
#include "nn/params.h"
#include "nn/rules.h"

#include <stdio.h>

static poise_status infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    const ps_reverse_sequence_params *p = params;
    (void)n_in;
    PS_TRY(ps_rule_axis(p->batch_axis, in[0]->rank));
    PS_TRY(ps_rule_axis(p->time_axis, in[0]->rank));
    PS_REQUIRE(p->batch_axis != p->time_axis, POISE_BAD_MODEL, "batch and time are both axis %d",
               p->time_axis);
    PS_TRY(ps_rule_type(in[1], "the lengths", POISE_I64));
    char text[PS_SHAPE_TEXT];
    int32_t batch = in[0]->dim[p->batch_axis];
    PS_REQUIRE(in[1]->rank == 1 && in[1]->dim[0] == batch, POISE_BAD_MODEL, "the lengths are %s, must be %d",
               ps_shape_text(in[1]->rank, in[1]->dim, text), batch);
    ps_shape_like(out[0], in[0]->type, in[0]);
    return POISE_OK;
}

/* t from `at` on along `axis`, with n elements there. */
static void cut(poise_tensor *t, int axis, ptrdiff_t at, int32_t n)
{
    t->data = (char *)t->data + at * t->stride[axis] * (ptrdiff_t)poise_type_size(t->type);
    t->dim[axis] = n;
}

static void run(const ps_call *c)
{
    const ps_reverse_sequence_params *p = c->params;
    const poise_tensor *lengths = c->in[1];
    int32_t steps = c->in[0]->dim[p->time_axis];
    if (!poise_tensor_count(c->in[0])) return;
    for (ptrdiff_t b = 0; b < c->in[0]->dim[p->batch_axis]; b++) {
        int64_t given = ((const int64_t *)lengths->data)[b * lengths->stride[0]];
        int32_t n = given < 0 ? 0 : given > steps ? steps : (int32_t)given;
        poise_tensor x = *c->in[0], y = *c->out[0];
        cut(&x, p->batch_axis, b, 1);
        cut(&y, p->batch_axis, b, 1);
        if (n < steps) {
            poise_tensor rest_x = x, rest_y = y;
            cut(&rest_x, p->time_axis, n, steps - n);
            cut(&rest_y, p->time_axis, n, steps - n);
            ps_copy(&rest_x, &rest_y);
        }
        if (!n) continue;
        cut(&x, p->time_axis, n - 1, n);
        cut(&y, p->time_axis, 0, n);
        x.stride[p->time_axis] = -x.stride[p->time_axis];
        ps_copy(&x, &y);
    }
}

static void describe(const void *params, char *buf, size_t size)
{
    const ps_reverse_sequence_params *p = params;
    snprintf(buf, size, "batch axis %d time axis %d", p->batch_axis, p->time_axis);
}

const ps_op ps_op_reverse_sequence = {.name = "reverse_sequence",
                                      .min_in = 2,
                                      .max_in = 2,
                                      .n_out = 1,
                                      .order = PS_ORDER_LIKE,
                                      .flags = PS_OP_KEEPS_SCALE,
                                      .param_bytes = sizeof(ps_reverse_sequence_params),
                                      .infer = infer,
                                      .run = run,
                                      .describe = describe};
