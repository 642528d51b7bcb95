/* nn/op_slice.c - slice: a range of each dimension, with a step that may be negative. */
#include "nn/move.h"
#include "nn/op.h"
#include "nn/params.h"
#include "nn/widen.h"

static poise_status infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    const ps_slice_params *p = params;
    (void)n_in;
    PS_REQUIRE(p->rank == in[0]->rank, POISE_BAD_MODEL, "ranges of %d dimensions for a tensor of rank %d",
               p->rank, in[0]->rank);
    out[0]->type = in[0]->type;
    out[0]->rank = p->rank;
    for (int i = 0; i < p->rank; i++) {
        int64_t n = in[0]->dim[i], size = p->size[i];
        int64_t last = p->start[i] + (size - 1) * (int64_t)p->step[i];
        PS_REQUIRE(size >= 0 && p->step[i] != 0, POISE_BAD_MODEL, "size %d with step %d in dimension %d",
                   p->size[i], p->step[i], i);
        PS_REQUIRE(!size || (p->start[i] >= 0 && p->start[i] < n && last >= 0 && last < n), POISE_BAD_MODEL,
                   "%d elements from %d with step %d leave dimension %d of %d", p->size[i], p->start[i],
                   p->step[i], i, in[0]->dim[i]);
        out[0]->dim[i] = p->size[i];
    }
    return POISE_OK;
}

static int live(const void *params, int i, int axis, const ps_value *const *in, const ps_value *out)
{
    const ps_slice_params *p = params;
    (void)out;
    bool whole = i == 0 && p->start[axis] == 0 && p->step[axis] == 1 && p->size[axis] == in[0]->dim[axis];
    return whole ? axis : -1;
}

static bool view(const void *params, const poise_tensor *in, poise_tensor *out, ptrdiff_t *offset)
{
    const ps_slice_params *p = params;
    *offset = 0;
    bool none = false;
    for (int i = 0; i < p->rank; i++) {
        out->stride[i] = p->size[i] > 1 ? in->stride[i] * p->step[i] : in->stride[i]; /* one element: any step */
        if (p->size[i]) *offset += in->stride[i] * p->start[i];
        else none = true;
    }
    if (none) *offset = 0;
    return true;
}

static void run(const ps_call *c)
{
    ps_move_view(c, view);
}

const ps_op ps_op_slice = {.name = "slice",
                           .min_in = 1,
                           .max_in = 1,
                           .n_out = 1,
                           .order = PS_ORDER_LIKE,
                           .flags = PS_OP_KEEPS_SCALE,
                           .param_bytes = sizeof(ps_slice_params),
                           .infer = infer,
                           .live = live,
                           .view = view,
                           .run = run,
                           .narrow = ps_narrow_first};
