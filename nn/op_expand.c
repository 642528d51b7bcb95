/* nn/op_expand.c - expand: broadcasting to larger dimensions. */
#include "nn/move.h"
#include "nn/op.h"
#include "nn/params.h"
#include "nn/widen.h"

#include <string.h>

static poise_status infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    const ps_shape_params *p = params;
    char a[PS_SHAPE_TEXT], b[PS_SHAPE_TEXT];
    (void)n_in;
    PS_REQUIRE(p->rank >= in[0]->rank && p->rank <= POISE_MAX_DIMS, POISE_BAD_MODEL,
               "rank %d of the new shape is outside %d..%d", p->rank, in[0]->rank, POISE_MAX_DIMS);
    for (int i = 0; i < in[0]->rank; i++) {
        int32_t n = in[0]->dim[i], to = p->dim[i + p->rank - in[0]->rank];
        PS_REQUIRE(n == to || n == 1, POISE_BAD_MODEL, "%s cannot be expanded to %s",
                   ps_shape_text(in[0]->rank, in[0]->dim, a), ps_shape_text(p->rank, p->dim, b));
    }
    out[0]->type = in[0]->type;
    out[0]->rank = p->rank;
    memcpy(out[0]->dim, p->dim, sizeof p->dim);
    return POISE_OK;
}

static int live(const void *params, int i, int axis, const ps_value *const *in, const ps_value *out)
{
    (void)params;
    int to = axis + out->rank - in[0]->rank;
    return i == 0 && out->dim[to] == in[0]->dim[axis] ? to : -1;
}

static bool view(const void *params, const poise_tensor *in, poise_tensor *out, ptrdiff_t *offset)
{
    const ps_shape_params *p = params;
    int more = p->rank - in->rank;
    for (int i = 0; i < p->rank; i++) {
        bool repeat = i < more || in->dim[i - more] != p->dim[i];
        out->stride[i] = repeat ? 0 : in->stride[i - more];
    }
    *offset = 0;
    return true;
}

static void run(const ps_call *c)
{
    ps_move_view(c, view);
}

const ps_op ps_op_expand = {.name = "expand",
                            .min_in = 1,
                            .max_in = 1,
                            .n_out = 1,
                            .order = PS_ORDER_LIKE,
                            .flags = PS_OP_KEEPS_SCALE,
                            .param_bytes = sizeof(ps_shape_params),
                            .infer = infer,
                            .live = live,
                            .view = view,
                            .run = run,
                            .narrow = ps_narrow_first};
