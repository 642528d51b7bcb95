/* nn/op_tile.c - tile: whole copies of a tensor side by side. */
#include "nn/move.h"
#include "nn/op.h"
#include "nn/params.h"
#include "nn/widen.h"

static poise_status infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    const ps_shape_params *p = params;
    (void)n_in;
    PS_REQUIRE(p->rank == in[0]->rank, POISE_BAD_MODEL, "%d repeats for a tensor of rank %d", p->rank,
               in[0]->rank);
    out[0]->type = in[0]->type;
    out[0]->rank = p->rank;
    for (int i = 0; i < p->rank; i++) {
        int64_t n = (int64_t)in[0]->dim[i] * p->dim[i];
        PS_REQUIRE(p->dim[i] >= 0 && n <= INT32_MAX, POISE_BAD_MODEL,
                   "%d repeats of %d elements in dimension %d", p->dim[i], in[0]->dim[i], i);
        out[0]->dim[i] = (int32_t)n;
    }
    return POISE_OK;
}

static int live(const void *params, int i, int axis, const ps_value *const *in, const ps_value *out)
{
    const ps_shape_params *p = params;
    (void)in, (void)out;
    return i == 0 && p->dim[axis] == 1 ? axis : -1;
}

static void run(const ps_call *c)
{
    const ps_shape_params *p = c->params;
    const poise_tensor *x = c->in[0], *y = c->out[0];
    ps_nest n = {0};
    for (int i = 0; i < x->rank; i++) {
        ps_nest_push(&n, x->dim[i], x->stride[i], y->stride[i]);
        ps_nest_push(&n, p->dim[i], 0, y->stride[i] * x->dim[i]);
    }
    ps_move_nest(c->k, c->threads, poise_type_size(y->type), x->data, y->data, &n);
}

const ps_op ps_op_tile = {.name = "tile",
                          .min_in = 1,
                          .max_in = 1,
                          .n_out = 1,
                          .order = PS_ORDER_LIKE,
                          .flags = PS_OP_KEEPS_SCALE,
                          .param_bytes = sizeof(ps_shape_params),
                          .infer = infer,
                          .live = live,
                          .run = run,
                          .narrow = ps_narrow_first};
