/* nn/op_scatter.c - scatter_elements, scatter_nd: a copy of a tensor with elements or blocks replaced at indices.
 *
 * Indices may repeat, so the updates are applied one after the other on one thread. */
#include "nn/indices.h"
#include "nn/move.h"
#include "nn/op.h"
#include "nn/params.h"
#include "nn/quantised.h"
#include "nn/rules.h"

static poise_status check(const ps_scatter_params *p, const ps_value *const *in)
{
    PS_TRY(ps_index_type(in[1]));
    bool codes = ps_value_is_quantised(in[0]) || ps_value_is_quantised(in[2]);
    if (codes) {
        PS_TRY(ps_rule_real(in[0], "data"));
        PS_TRY(ps_rule_real(in[2], "updates"));
    }
    PS_REQUIRE(codes || in[2]->type == in[0]->type, POISE_BAD_MODEL, "updates are %s, data are %s",
               poise_type_name(in[2]->type), poise_type_name(in[0]->type));
    PS_REQUIRE(p->reduction >= PS_SCATTER_SET && p->reduction <= PS_SCATTER_MIN, POISE_BAD_MODEL,
               "reduction %d is unknown", p->reduction);
    bool numbers = codes || in[0]->type == POISE_F32 || in[0]->type == POISE_I32 || in[0]->type == POISE_I64;
    PS_REQUIRE(p->reduction == PS_SCATTER_SET || numbers, POISE_UNSUPPORTED, "reduction on %s",
               poise_type_name(in[0]->type));
    return POISE_OK;
}

/* The type of the output. */
static poise_type type_of(const ps_value *const *in, const ps_value *out)
{
    bool codes = ps_value_is_quantised(in[0]) || ps_value_is_quantised(in[2]);
    return codes ? ps_real_type(3, in, out) : in[0]->type;
}

/* Codes are only replaced by codes of one kind; everything else goes through floats. */
static bool through_floats(const ps_call *c)
{
    const ps_scatter_params *p = c->params;
    const poise_tensor *y = c->out[0];
    return ps_any_quantised(c) && (p->reduction != PS_SCATTER_SET || !ps_same_numbers(c->in[0], y) || !ps_same_numbers(c->in[2], y));
}

static size_t scratch(const ps_call *c)
{
    return through_floats(c) ? ps_float_scratch(c, NULL) : 0;
}

/* n elements y[i*sy] = y[i*sy] (reduction) x[i*sx]; integers wrap. */
static void combine(poise_type type, int reduction, size_t n, const void *x, ptrdiff_t sx, void *y,
                    ptrdiff_t sy)
{
#define EACH(type, wide, f)                                                      \
    for (ptrdiff_t i = 0; i < (ptrdiff_t)n; i++) {                               \
        wide a = (wide)((type *)y)[i * sy], b = (wide)((const type *)x)[i * sx]; \
        ((type *)y)[i * sy] = (type)(f);                                         \
    }                                                                            \
    break
#define KINDS(type, wide)                                             \
    switch (reduction) {                                              \
    case PS_SCATTER_ADD: EACH(type, wide, a + b);                     \
    case PS_SCATTER_MUL: EACH(type, wide, a *b);                      \
    case PS_SCATTER_MAX: EACH(type, wide, (type)a > (type)b ? a : b); \
    case PS_SCATTER_MIN: EACH(type, wide, (type)a < (type)b ? a : b); \
    default: break;                                                   \
    }
    if (reduction == PS_SCATTER_SET) {
        ps_move_row(poise_type_size(type), n, x, sx, y, sy);
    } else if (type == POISE_F32) {
        KINDS(float, float)
    } else if (type == POISE_I32) {
        KINDS(int32_t, uint32_t)
    } else if (type == POISE_I64) {
        KINDS(int64_t, uint64_t)
    }
#undef KINDS
#undef EACH
}

/* ---- scatter_elements: y[.., indices[.., i, ..], ..] = updates[.., i, ..] ---- */

static poise_status elements_infer(const void *params, int n_in, const ps_value *const *in,
                                   ps_value *const *out)
{
    const ps_scatter_params *p = params;
    (void)n_in;
    PS_TRY(check(p, in));
    PS_REQUIRE(p->axis >= 0 && p->axis < in[0]->rank && in[1]->rank == in[0]->rank &&
                   in[2]->rank == in[0]->rank,
               POISE_BAD_MODEL, "axis %d, data of rank %d, indices of rank %d, updates of rank %d", p->axis,
               in[0]->rank, in[1]->rank, in[2]->rank);
    for (int i = 0; i < in[0]->rank; i++) {
        PS_REQUIRE(in[1]->dim[i] == in[2]->dim[i], POISE_BAD_MODEL, "dimension %d: %d indices for %d updates",
                   i, in[1]->dim[i], in[2]->dim[i]);
        PS_REQUIRE(i == p->axis ? in[0]->dim[i] > 0 : in[1]->dim[i] <= in[0]->dim[i], POISE_BAD_MODEL,
                   "dimension %d: indices have %d, data %d", i, in[1]->dim[i], in[0]->dim[i]);
    }
    PS_TRY(ps_index_range(in[1], 0, 1, in[0]->dim[p->axis]));
    ps_shape_like(out[0], type_of(in, out[0]), in[0]);
    return POISE_OK;
}

static void elements_of_one_kind(const ps_call *c)
{
    const ps_scatter_params *p = c->params;
    const poise_tensor *indices = c->in[1], *u = c->in[2];
    poise_tensor y = *c->out[0];
    size_t size = poise_type_size(y.type);
    ps_move(c->k, c->threads, c->in[0], c->out[0]);
    size_t count = poise_tensor_count(u);
    for (size_t i = 0; i < count; i++) { /* in row-major order: the last of equal indices wins */
        ptrdiff_t to = 0, at = ps_offset(indices, indices->rank, i);
        size_t left = i;
        for (int d = y.rank; d-- > 0; left /= (size_t)u->dim[d])
            if (d != p->axis) to += (ptrdiff_t)(left % (size_t)u->dim[d]) * y.stride[d];
        to += ps_index_clamp(ps_index_read(indices, at), y.dim[p->axis]) * y.stride[p->axis];
        combine(y.type, p->reduction, 1, ps_at(u->data, ps_offset(u, u->rank, i), size), 0,
                ps_at(y.data, to, size), 0);
    }
}

static void elements_run(const ps_call *c)
{
    if (through_floats(c))
        ps_float_run(c, elements_of_one_kind);
    else
        elements_of_one_kind(c);
}

const ps_op ps_op_scatter_elements = {.name = "scatter_elements",
                                      .min_in = 3,
                                      .max_in = 3,
                                      .n_out = 1,
                                      .order = PS_ORDER_LIKE,
                                      .flags = PS_OP_QUANTISED,
                                      .param_bytes = sizeof(ps_scatter_params),
                                      .infer = elements_infer,
                                      .scratch = scratch,
                                      .run = elements_run};

/* ---- scatter_nd: y[indices[i.., :].., d..] = updates[i.., d..] ---- */

static poise_status nd_infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    const ps_value *x = in[0], *at = in[1], *u = in[2];
    (void)n_in;
    PS_TRY(check(params, in));
    PS_REQUIRE(at->rank >= 1 && x->rank >= 1, POISE_BAD_MODEL, "data of rank %d, indices of rank %d", x->rank,
               at->rank);
    int q = at->rank - 1, k = at->dim[q];
    PS_REQUIRE(k >= 1 && k <= x->rank, POISE_BAD_MODEL, "indices of %d dimensions into data of rank %d", k,
               x->rank);
    PS_REQUIRE(u->rank == q + x->rank - k, POISE_BAD_MODEL, "updates of rank %d: must be %d", u->rank,
               q + x->rank - k);
    for (int i = 0; i < u->rank; i++) {
        int32_t n = i < q ? at->dim[i] : x->dim[i - q + k];
        PS_REQUIRE(u->dim[i] == n, POISE_BAD_MODEL, "dimension %d of updates is %d: must be %d", i, u->dim[i],
                   n);
    }
    for (int i = 0; i < k; i++) {
        PS_REQUIRE(x->dim[i] > 0, POISE_BAD_MODEL, "dimension %d is empty: nowhere to scatter", i);
        PS_TRY(ps_index_range(at, (size_t)i, (size_t)k, x->dim[i]));
    }
    ps_shape_like(out[0], type_of(in, out[0]), x);
    return POISE_OK;
}

/* One block of updates: `n` holds its loops, from updates to y. */
static void nd_block(const ps_nest *n, poise_type type, int reduction, const void *u, void *y)
{
    size_t size = poise_type_size(type), rows = 1;
    int r = n->rank - 1;
    if (reduction == PS_SCATTER_SET) {
        ps_nest_copy(n, size, u, y);
        return;
    }
    for (int i = 0; i < r; i++) rows *= (size_t)n->dim[i];
    for (size_t k = 0; k < rows; k++) {
        ptrdiff_t ou = 0, oy = 0;
        size_t left = k;
        for (int i = r; i-- > 0; left /= (size_t)n->dim[i]) {
            ou += (ptrdiff_t)(left % (size_t)n->dim[i]) * n->sx[i];
            oy += (ptrdiff_t)(left % (size_t)n->dim[i]) * n->sy[i];
        }
        combine(type, reduction, r < 0 ? 1 : (size_t)n->dim[r], ps_at(u, ou, size), r < 0 ? 0 : n->sx[r],
                ps_at(y, oy, size), r < 0 ? 0 : n->sy[r]);
    }
}

static void nd_of_one_kind(const ps_call *c)
{
    const ps_scatter_params *p = c->params;
    const poise_tensor *at = c->in[1], *u = c->in[2], *y = c->out[0];
    size_t size = poise_type_size(y->type), tuples = 1;
    int q = at->rank - 1, k = at->dim[q];
    ps_nest raw = {0}, n;
    ps_move(c->k, c->threads, c->in[0], y);
    for (int i = k; i < y->rank; i++) ps_nest_push(&raw, y->dim[i], u->stride[i - k + q], y->stride[i]);
    for (int i = 0; i < q; i++) tuples *= (size_t)at->dim[i];
    if (!ps_nest_compact(&n, &raw)) return;
    for (size_t i = 0; i < tuples; i++) {
        ptrdiff_t from = ps_offset(at, q, i), to = 0;
        for (int d = 0; d < k; d++)
            to += ps_index_clamp(ps_index_read(at, from + d * at->stride[q]), y->dim[d]) * y->stride[d];
        nd_block(&n, y->type, p->reduction, ps_at(u->data, ps_offset(u, q, i), size),
                 ps_at(y->data, to, size));
    }
}

static void nd_run(const ps_call *c)
{
    if (through_floats(c))
        ps_float_run(c, nd_of_one_kind);
    else
        nd_of_one_kind(c);
}

const ps_op ps_op_scatter_nd = {.name = "scatter_nd",
                                .min_in = 3,
                                .max_in = 3,
                                .n_out = 1,
                                .order = PS_ORDER_LIKE,
                                .flags = PS_OP_QUANTISED,
                                .param_bytes = sizeof(ps_scatter_params),
                                .infer = nd_infer,
                                .scratch = scratch,
                                .run = nd_run};
