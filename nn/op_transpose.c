/* nn/op_transpose.c - transpose: dimensions in another order. */
#include "nn/move.h"
#include "nn/op.h"
#include "nn/params.h"
#include "nn/widen.h"

static poise_status infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    const ps_transpose_params *p = params;
    unsigned seen = 0;
    (void)n_in;
    PS_REQUIRE(p->rank == in[0]->rank, POISE_BAD_MODEL, "an order of %d dimensions for a tensor of rank %d",
               p->rank, in[0]->rank);
    out[0]->type = in[0]->type;
    out[0]->rank = p->rank;
    for (int i = 0; i < p->rank; i++) {
        int32_t d = p->perm[i];
        PS_REQUIRE(d >= 0 && d < p->rank && !(seen & 1u << d), POISE_BAD_MODEL,
                   "perm[%d] = %d: must be each of 0..%d once", i, d, p->rank - 1);
        seen |= 1u << d;
        out[0]->dim[i] = in[0]->dim[d];
    }
    return POISE_OK;
}

static int live(const void *params, int i, int axis, const ps_value *const *in, const ps_value *out)
{
    const ps_transpose_params *p = params;
    (void)in;
    for (int d = 0; i == 0 && d < out->rank; d++)
        if (p->perm[d] == axis) return d;
    return -1;
}

static bool view(const void *params, const poise_tensor *in, poise_tensor *out, ptrdiff_t *offset)
{
    const ps_transpose_params *p = params;
    for (int i = 0; i < p->rank; i++) out->stride[i] = in->stride[p->perm[i]];
    *offset = 0;
    return true;
}

static void run(const ps_call *c)
{
    ps_move_view(c, view);
}

const ps_op ps_op_transpose = {.name = "transpose",
                               .min_in = 1,
                               .max_in = 1,
                               .n_out = 1,
                               .order = PS_ORDER_ROW,
                               .flags = PS_OP_KEEPS_SCALE,
                               .param_bytes = sizeof(ps_transpose_params),
                               .infer = infer,
                               .live = live,
                               .view = view,
                               .run = run,
                               .narrow = ps_narrow_first};
