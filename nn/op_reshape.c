/* nn/op_reshape.c - reshape: the same elements in row-major order under other dimensions. */
#include "nn/indices.h"
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
    PS_REQUIRE(p->rank >= 0 && p->rank <= POISE_MAX_DIMS, POISE_BAD_MODEL, "rank %d is outside 0..%d",
               p->rank, POISE_MAX_DIMS);
    size_t from, to;
    PS_REQUIRE(ps_dims_count(p->rank, p->dim, &to), POISE_BAD_MODEL,
               "a dimension of the new shape is illegal");
    PS_REQUIRE(ps_dims_count(in[0]->rank, in[0]->dim, &from) && from == to, POISE_BAD_MODEL,
               "%s cannot become %s: not the same number of elements",
               ps_shape_text(in[0]->rank, in[0]->dim, a), ps_shape_text(p->rank, p->dim, b));
    out[0]->type = in[0]->type;
    out[0]->rank = p->rank;
    memcpy(out[0]->dim, p->dim, sizeof p->dim);
    return POISE_OK;
}

/* A dimension keeps its meaning when the same product of dimensions is before it. */
static int live(const void *params, int i, int axis, const ps_value *const *in, const ps_value *out)
{
    (void)params;
    int64_t before = 1, at = 1;
    if (i != 0) return -1;
    for (int d = 0; d < axis; d++) before *= in[0]->dim[d];
    for (int d = 0; d < out->rank; d++) {
        if (at == before && out->dim[d] == in[0]->dim[axis]) return d;
        at *= out->dim[d];
    }
    return -1;
}

/* Dimensions from the last to the first, neighbours merged where their strides chain. */
typedef struct chain {
    int n;
    int32_t dim[POISE_MAX_DIMS];
    ptrdiff_t stride[POISE_MAX_DIMS];
} chain;

static chain chain_of(const poise_tensor *t)
{
    chain c = {0};
    for (int i = t->rank; i-- > 0;) {
        if (t->dim[i] == 1) continue;
        if (c.n && t->stride[i] == c.stride[c.n - 1] * c.dim[c.n - 1]) {
            c.dim[c.n - 1] *= t->dim[i];
            continue;
        }
        c.dim[c.n] = t->dim[i];
        c.stride[c.n++] = t->stride[i];
    }
    return c;
}

/* Each dimension of out must lie in one run of chained dimensions of in. */
static bool view(const void *params, const poise_tensor *in, poise_tensor *out, ptrdiff_t *offset)
{
    (void)params;
    *offset = 0;
    if (!poise_tensor_count(out)) {
        ps_strides_row_major(out);
        return true;
    }
    chain c = chain_of(in);
    ptrdiff_t stride[POISE_MAX_DIMS], next = 1;
    int32_t left = c.n ? c.dim[0] : 1;
    int at = 0;
    if (c.n) next = c.stride[0];
    for (int i = out->rank; i-- > 0;) {
        int32_t n = out->dim[i];
        if (n != 1 && left == 1 && ++at < c.n) {
            left = c.dim[at];
            next = c.stride[at];
        }
        if (left % n) return false;
        stride[i] = next;
        next *= n;
        left /= n;
    }
    memcpy(out->stride, stride, sizeof *stride * (size_t)out->rank);
    return true;
}

/* Loops that divide the dimensions of both sides; false when there are none (6x2 to 4x3 between strides that
 * do not chain). */
static bool common_loops(const poise_tensor *x, const poise_tensor *y, ps_nest *n)
{
    chain a = chain_of(x), b = chain_of(y);
    int i = 0, j = 0;
    n->rank = 0;
    while (i < a.n && j < b.n) {
        int32_t d = a.dim[i] < b.dim[j] ? a.dim[i] : b.dim[j];
        if (a.dim[i] % d || b.dim[j] % d) return false;
        ps_nest_push(n, d, a.stride[i], b.stride[j]);
        a.dim[i] /= d, a.stride[i] *= d;
        b.dim[j] /= d, b.stride[j] *= d;
        i += a.dim[i] == 1;
        j += b.dim[j] == 1;
    }
    return true;
}

static void run(const ps_call *c)
{
    const poise_tensor *x = c->in[0], *y = c->out[0];
    size_t count = poise_tensor_count(y), size = poise_type_size(y->type);
    ps_nest n;
    if (!count) return;
    if (common_loops(x, y, &n)) {
        ps_move_nest(c->k, c->threads, size, x->data, y->data, &n);
        return;
    }
    for (size_t i = 0; i < count; i++)
        memcpy(ps_at(y->data, ps_offset(y, y->rank, i), size), ps_at(x->data, ps_offset(x, x->rank, i), size),
               size);
}

const ps_op ps_op_reshape = {.name = "reshape",
                             .min_in = 1,
                             .max_in = 1,
                             .n_out = 1,
                             .order = PS_ORDER_ROW,
                             .flags = PS_OP_KEEPS_SCALE,
                             .param_bytes = sizeof(ps_shape_params),
                             .infer = infer,
                             .live = live,
                             .view = view,
                             .run = run,
                             .narrow = ps_narrow_first};
