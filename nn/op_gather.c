/* nn/op_gather.c - gather, gather_nd, gather_elements: elements and blocks picked by indices. */
#include "nn/indices.h"
#include "nn/move.h"
#include "nn/op.h"
#include "nn/params.h"

#include <string.h>

/* Index tuples that pick blocks.  `tuple` finds where in in[0] the blocks of tuple i begin. */
typedef struct picks {
    const ps_call *c;
    int dims;  /* of in[1] that count tuples */
    int first; /* dimension of the output where the tuples' dimensions begin */
    ps_nest block;
    size_t tuples, per; /* per chunk */
    ptrdiff_t (*tuple)(const struct picks *p, size_t i);
} picks;

static void picks_body(void *ctx, int begin, int end, int thread)
{
    const picks *p = ctx;
    const poise_tensor *x = p->c->in[0], *y = p->c->out[0];
    size_t size = poise_type_size(y->type);
    (void)thread;
    poise_tensor t = {.rank = p->dims};
    for (int i = 0; i < p->dims; i++) {
        t.dim[i] = y->dim[p->first + i];
        t.stride[i] = y->stride[p->first + i];
    }
    for (size_t i = (size_t)begin * p->per; i < (size_t)end * p->per && i < p->tuples; i++)
        ps_nest_copy(&p->block, size, ps_at(x->data, p->tuple(p, i), size),
                     ps_at(y->data, ps_offset(&t, p->dims, i), size));
}

/* Runs with the loops in p->block, which are not compacted yet. */
static void pick(picks *p)
{
    ps_nest n = p->block;
    size_t bytes = poise_type_size(p->c->out[0]->type);
    p->tuples = 1;
    for (int i = 0; i < p->dims; i++) p->tuples *= (size_t)p->c->in[1]->dim[i];
    if (!p->tuples || !ps_nest_compact(&p->block, &n)) return;
    for (int i = 0; i < p->block.rank; i++) bytes *= (size_t)p->block.dim[i];
    p->per = bytes > (1 << 14) ? 1 : (1 << 14) / bytes; /* a chunk is worth 16 kB */
    ps_parallel(p->c->threads, (int)((p->tuples + p->per - 1) / p->per), picks_body, p);
}

/* ---- gather: y[a.., i.., b..] = x[a.., indices[i..], b..] ---- */

static poise_status gather_infer(const void *params, int n_in, const ps_value *const *in,
                                 ps_value *const *out)
{
    const ps_axis_params *p = params;
    const ps_value *x = in[0], *at = in[1];
    (void)n_in;
    PS_REQUIRE(p->axis >= 0 && p->axis < x->rank, POISE_BAD_MODEL, "axis %d of a tensor of rank %d", p->axis,
               x->rank);
    PS_REQUIRE(x->rank - 1 + at->rank <= POISE_MAX_DIMS, POISE_UNSUPPORTED,
               "rank %d of the output is more than %d", x->rank - 1 + at->rank, POISE_MAX_DIMS);
    PS_TRY(ps_index_type(at));
    PS_REQUIRE(x->dim[p->axis] > 0, POISE_BAD_MODEL, "dimension %d is empty: nothing to gather", p->axis);
    PS_TRY(ps_index_range(at, 0, 1, x->dim[p->axis]));
    int r = 0;
    out[0]->type = x->type;
    for (int i = 0; i < p->axis; i++) out[0]->dim[r++] = x->dim[i];
    for (int i = 0; i < at->rank; i++) out[0]->dim[r++] = at->dim[i];
    for (int i = p->axis + 1; i < x->rank; i++) out[0]->dim[r++] = x->dim[i];
    out[0]->rank = r;
    return POISE_OK;
}

static int gather_live(const void *params, int i, int axis, const ps_value *const *in, const ps_value *out)
{
    const ps_axis_params *p = params;
    (void)out;
    if (i == 1) return p->axis + axis;
    if (axis == p->axis) return -1; /* negative indices would count from the bound, not from the true size */
    return axis < p->axis ? axis : axis - 1 + in[1]->rank;
}

static ptrdiff_t gather_tuple(const picks *p, size_t i)
{
    const poise_tensor *x = p->c->in[0], *at = p->c->in[1];
    int axis = ((const ps_axis_params *)p->c->params)->axis;
    return ps_index_clamp(ps_index_read(at, ps_offset(at, at->rank, i)), x->dim[axis]) * x->stride[axis];
}

static void gather_run(const ps_call *c)
{
    const ps_axis_params *a = c->params;
    const poise_tensor *x = c->in[0], *y = c->out[0];
    picks p = {.c = c, .dims = c->in[1]->rank, .first = a->axis, .tuple = gather_tuple};
    for (int i = 0; i < x->rank; i++)
        if (i != a->axis)
            ps_nest_push(&p.block, x->dim[i], x->stride[i], y->stride[i < a->axis ? i : i - 1 + p.dims]);
    pick(&p);
}

const ps_op ps_op_gather = {.name = "gather",
                            .min_in = 2,
                            .max_in = 2,
                            .n_out = 1,
                            .order = PS_ORDER_ROW,
                            .flags = PS_OP_KEEPS_SCALE,
                            .param_bytes = sizeof(ps_axis_params),
                            .infer = gather_infer,
                            .live = gather_live,
                            .run = gather_run};

/* ---- gather_nd: y[b.., i.., d..] = x[b.., indices[b.., i.., :].., d..] ---- */

static poise_status nd_infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    const ps_gather_nd_params *p = params;
    const ps_value *x = in[0], *at = in[1];
    int b = p->batch_dims;
    (void)n_in;
    PS_TRY(ps_index_type(at));
    PS_REQUIRE(at->rank >= 1 && b >= 0 && b < at->rank && b < x->rank, POISE_BAD_MODEL,
               "%d batch dimensions for data of rank %d and indices of rank %d", b, x->rank, at->rank);
    int k = at->dim[at->rank - 1];
    PS_REQUIRE(k >= 1 && k <= x->rank - b, POISE_BAD_MODEL, "indices of %d dimensions into data of rank %d",
               k, x->rank);
    PS_REQUIRE(at->rank - 1 + x->rank - b - k <= POISE_MAX_DIMS, POISE_UNSUPPORTED,
               "rank %d of the output is more than %d", at->rank - 1 + x->rank - b - k, POISE_MAX_DIMS);
    for (int i = 0; i < b; i++)
        PS_REQUIRE(x->dim[i] == at->dim[i], POISE_BAD_MODEL,
                   "batch dimension %d is %d in data, %d in indices", i, x->dim[i], at->dim[i]);
    for (int i = 0; i < k; i++) {
        PS_REQUIRE(x->dim[b + i] > 0, POISE_BAD_MODEL, "dimension %d is empty: nothing to gather", b + i);
        PS_TRY(ps_index_range(at, (size_t)i, (size_t)k, x->dim[b + i]));
    }
    int r = 0;
    out[0]->type = x->type;
    for (int i = 0; i < at->rank - 1; i++) out[0]->dim[r++] = at->dim[i];
    for (int i = b + k; i < x->rank; i++) out[0]->dim[r++] = x->dim[i];
    out[0]->rank = r;
    return POISE_OK;
}

static int nd_live(const void *params, int i, int axis, const ps_value *const *in, const ps_value *out)
{
    const ps_gather_nd_params *p = params;
    int last = in[1]->rank - 1, first = p->batch_dims + in[1]->dim[last];
    (void)out;
    if (i == 1) return axis < last ? axis : -1;
    return axis >= first ? axis - first + last : -1;
}

static ptrdiff_t nd_tuple(const picks *p, size_t i)
{
    const poise_tensor *x = p->c->in[0], *at = p->c->in[1];
    int b = ((const ps_gather_nd_params *)p->c->params)->batch_dims, k = at->dim[at->rank - 1];
    ptrdiff_t from = ps_offset(at, at->rank - 1, i), to = 0;
    size_t batch = i;
    for (int d = at->rank - 1; d-- > b;) batch /= (size_t)at->dim[d];
    for (int d = 0; d < k; d++) {
        int64_t v = ps_index_read(at, from + d * at->stride[at->rank - 1]);
        to += ps_index_clamp(v, x->dim[b + d]) * x->stride[b + d];
    }
    return to + ps_offset(x, b, batch);
}

static void nd_run(const ps_call *c)
{
    const poise_tensor *x = c->in[0], *at = c->in[1], *y = c->out[0];
    picks p = {.c = c, .dims = at->rank - 1, .first = 0, .tuple = nd_tuple};
    int first = ((const ps_gather_nd_params *)c->params)->batch_dims + at->dim[at->rank - 1];
    for (int i = first; i < x->rank; i++)
        ps_nest_push(&p.block, x->dim[i], x->stride[i], y->stride[i - first + p.dims]);
    pick(&p);
}

const ps_op ps_op_gather_nd = {.name = "gather_nd",
                               .min_in = 2,
                               .max_in = 2,
                               .n_out = 1,
                               .order = PS_ORDER_ROW,
                               .flags = PS_OP_KEEPS_SCALE,
                               .param_bytes = sizeof(ps_gather_nd_params),
                               .infer = nd_infer,
                               .live = nd_live,
                               .run = nd_run};

/* ---- gather_elements: y[.., i, ..] = x[.., indices[.., i, ..], ..] ---- */

static poise_status elements_infer(const void *params, int n_in, const ps_value *const *in,
                                   ps_value *const *out)
{
    const ps_axis_params *p = params;
    const ps_value *x = in[0], *at = in[1];
    (void)n_in;
    PS_TRY(ps_index_type(at));
    PS_REQUIRE(p->axis >= 0 && p->axis < x->rank && at->rank == x->rank, POISE_BAD_MODEL,
               "axis %d, data of rank %d, indices of rank %d", p->axis, x->rank, at->rank);
    for (int i = 0; i < x->rank; i++)
        PS_REQUIRE(i == p->axis ? x->dim[i] > 0 : at->dim[i] <= x->dim[i], POISE_BAD_MODEL,
                   "dimension %d: indices have %d, data %d", i, at->dim[i], x->dim[i]);
    PS_TRY(ps_index_range(at, 0, 1, x->dim[p->axis]));
    out[0]->type = x->type;
    out[0]->rank = at->rank;
    memcpy(out[0]->dim, at->dim, sizeof at->dim);
    return POISE_OK;
}

static int elements_live(const void *params, int i, int axis, const ps_value *const *in, const ps_value *out)
{
    (void)params, (void)in, (void)out;
    return i == 1 ? axis : -1;
}

typedef struct elements {
    ps_walk w;
    const poise_tensor *at;
    size_t size, per;
    int32_t n; /* size of the axis and its step */
    ptrdiff_t step;
} elements;

static void elements_body(void *ctx, int begin, int end, int thread)
{
    const elements *e = ctx;
    (void)thread;
    for (size_t r = (size_t)begin * e->per; r < (size_t)end * e->per && r < e->w.rows; r++) {
        void *p[3];
        ps_walk_row(&e->w, r, p);
        poise_tensor at = {.data = p[1], .type = e->at->type};
        for (size_t i = 0; i < e->w.n; i++) {
            ptrdiff_t j = (ptrdiff_t)i, v = ps_index_clamp(ps_index_read(&at, j * e->w.step[1]), e->n);
            memcpy(ps_at(p[0], j * e->w.step[0], e->size),
                   ps_at(p[2], j * e->w.step[2] + v * e->step, e->size), e->size);
        }
    }
}

static void elements_run(const ps_call *c)
{
    const ps_axis_params *a = c->params;
    poise_tensor x = *c->in[0];
    const poise_tensor *y = c->out[0];
    elements e = {.at = c->in[1],
                  .size = poise_type_size(y->type),
                  .per = 16,
                  .n = x.dim[a->axis],
                  .step = x.stride[a->axis]};
    if (!poise_tensor_count(y)) return;
    memcpy(x.dim, y->dim, sizeof x.dim);
    x.stride[a->axis] = 0;
    ps_walk_init(&e.w, 3, (const poise_tensor *const[]){y, c->in[1], &x});
    ps_parallel(c->threads, (int)((e.w.rows + e.per - 1) / e.per), elements_body, &e);
}

const ps_op ps_op_gather_elements = {.name = "gather_elements",
                                     .min_in = 2,
                                     .max_in = 2,
                                     .n_out = 1,
                                     .order = PS_ORDER_ROW,
                                     .flags = PS_OP_KEEPS_SCALE,
                                     .param_bytes = sizeof(ps_axis_params),
                                     .infer = elements_infer,
                                     .live = elements_live,
                                     .run = elements_run};
