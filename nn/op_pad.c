/* nn/op_pad.c - pad: borders of a constant, or of the tensor's own elements; negative amounts crop. */
#include "nn/move.h"
#include "nn/op.h"
#include "nn/params.h"
#include "nn/quantised.h"
#include "nn/widen.h"

static poise_status infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    const ps_pad_params *p = params;
    PS_REQUIRE(p->mode >= PS_PAD_CONSTANT && p->mode <= PS_PAD_WRAP, POISE_BAD_MODEL, "mode %d is unknown",
               p->mode);
    PS_REQUIRE(p->rank == in[0]->rank, POISE_BAD_MODEL, "borders of %d dimensions for a tensor of rank %d",
               p->rank, in[0]->rank);
    if (n_in > 1 && in[1]) {
        size_t n;
        bool real = ps_value_is_quantised(in[0]) && in[0]->type == POISE_U8 && in[1]->type == POISE_F32;
        PS_REQUIRE((real || in[1]->type == in[0]->type) && ps_dims_count(in[1]->rank, in[1]->dim, &n) && n == 1,
                   POISE_BAD_MODEL, "the value must be one element of %s", poise_type_name(in[0]->type));
    }
    out[0]->type = in[0]->type;
    out[0]->rank = p->rank;
    for (int i = 0; i < p->rank; i++) {
        int64_t from = in[0]->dim[i], n = from + p->begin[i] + p->end[i];
        PS_REQUIRE(n >= 0 && n <= INT32_MAX, POISE_BAD_MODEL,
                   "%d elements between borders of %d and %d in dimension %d", in[0]->dim[i], p->begin[i],
                   p->end[i], i);
        PS_REQUIRE(p->mode == PS_PAD_CONSTANT || from > 0 || !n, POISE_BAD_MODEL,
                   "dimension %d is empty: nothing to take its border from", i);
        out[0]->dim[i] = (int32_t)n;
    }
    return POISE_OK;
}

static int live(const void *params, int i, int axis, const ps_value *const *in, const ps_value *out)
{
    const ps_pad_params *p = params;
    (void)in, (void)out;
    return i == 0 && !p->begin[axis] && !p->end[axis] ? axis : -1;
}

/* Where element i - begin of a line of n is taken from. */
static ptrdiff_t source(int mode, int64_t i, int32_t n)
{
    if (mode == PS_PAD_EDGE) return (ptrdiff_t)(i < 0 ? 0 : i >= n ? n - 1 : i);
    int64_t period = mode == PS_PAD_WRAP ? n : n > 1 ? 2 * (int64_t)n - 2 : 1;
    i %= period;
    if (i < 0) i += period;
    return (ptrdiff_t)(i < n ? i : period - i);
}

/* Constant mode, one dimension after the other: the parts before and after the input's range, as wide as the
 * input's range in the dimensions that are done, whole in the others. */
static void fill_borders(const ps_call *c, poise_tensor *part, const void *value)
{
    const ps_pad_params *p = c->params;
    size_t size = poise_type_size(part->type);
    poise_tensor v = *part;
    v.data = (void *)(uintptr_t)value;
    for (int i = 0; i < v.rank; i++) v.stride[i] = 0;
    for (int i = 0; i < p->rank; i++) {
        int32_t n = part->dim[i];
        int32_t lo = p->begin[i] < 0 ? 0 : p->begin[i] > n ? n : p->begin[i];
        int32_t hi = p->end[i] < 0 ? n : p->end[i] > n - lo ? lo : n - p->end[i];
        char *base = part->data;
        part->dim[i] = v.dim[i] = lo;
        ps_move(c->k, c->threads, &v, part);
        part->dim[i] = v.dim[i] = n - hi;
        part->data = ps_at(base, hi * part->stride[i], size);
        ps_move(c->k, c->threads, &v, part);
        part->dim[i] = v.dim[i] = hi - lo;
        part->data = ps_at(base, lo * part->stride[i], size);
    }
}

/* The element that borders are made of; for codes the one of zero, or of the number given. */
static const void *border(const ps_call *c, uint64_t *room)
{
    const poise_tensor *v = c->n_in > 1 ? c->in[1] : NULL, *y = c->out[0];
    uint8_t *code = (uint8_t *)room;
    float number;
    *room = 0;
    if (!v) *code = (uint8_t)y->zero;
    else if (v->type == y->type && (v->scale == 0 || ps_same_numbers(v, y))) return v->data;
    else ps_codes_of(c->k, y, 1, ps_widen(c->k, v, 1, v->data, 1, &number), code);
    return room;
}

static void run_constant(const ps_call *c)
{
    const ps_pad_params *p = c->params;
    uint64_t room;
    poise_tensor part = *c->out[0], x = *c->in[0];
    fill_borders(c, &part, border(c, &room));
    if (!poise_tensor_count(&part)) return; /* then amounts need not lie inside x */
    ptrdiff_t at = 0;
    for (int i = 0; i < p->rank; i++) {
        if (p->begin[i] < 0) at -= p->begin[i] * x.stride[i];
        x.dim[i] = part.dim[i];
    }
    x.data = ps_at(x.data, at, poise_type_size(x.type));
    ps_move(c->k, c->threads, &x, &part);
}

/* One line along the dimension with the smallest step. */
typedef struct lines {
    const ps_call *c;
    int inner;
    size_t per; /* lines a chunk */
    size_t rows;
} lines;

static void line(const lines *l, size_t row)
{
    const ps_pad_params *p = l->c->params;
    const poise_tensor *x = l->c->in[0], *y = l->c->out[0];
    size_t size = poise_type_size(y->type);
    ptrdiff_t ox = 0, oy = 0;
    for (int d = p->rank; d-- > 0;) {
        if (d == l->inner) continue;
        ptrdiff_t i = (ptrdiff_t)(row % (size_t)y->dim[d]);
        row /= (size_t)y->dim[d];
        ox += source(p->mode, i - p->begin[d], x->dim[d]) * x->stride[d];
        oy += i * y->stride[d];
    }
    const void *a = ps_at(x->data, ox, size);
    void *b = ps_at(y->data, oy, size);
    int32_t n = y->dim[l->inner], from = x->dim[l->inner], begin = p->begin[l->inner];
    ptrdiff_t sx = x->stride[l->inner], sy = y->stride[l->inner];
    if (!begin && n == from) {
        ps_move_row(size, (size_t)n, a, sx, b, sy);
        return;
    }
    for (int32_t i = 0; i < n; i++)
        ps_move_row(size, 1, ps_at(a, source(p->mode, (int64_t)i - begin, from) * sx, size), 0,
                    ps_at(b, i * sy, size), 0);
}

static void lines_body(void *ctx, int begin, int end, int thread)
{
    const lines *l = ctx;
    (void)thread;
    for (size_t r = (size_t)begin * l->per; r < (size_t)end * l->per && r < l->rows; r++) line(l, r);
}

static void run(const ps_call *c)
{
    const ps_pad_params *p = c->params;
    const poise_tensor *y = c->out[0];
    size_t count = poise_tensor_count(y);
    if (!count) return;
    if (p->mode == PS_PAD_CONSTANT || !p->rank) {
        run_constant(c);
        return;
    }
    lines l = {.c = c, .per = 64};
    for (int i = 0; i < y->rank; i++)
        if (y->dim[i] > 1 && (y->dim[l.inner] == 1 || y->stride[i] < y->stride[l.inner])) l.inner = i;
    l.rows = count / (size_t)y->dim[l.inner];
    ps_parallel(c->threads, (int)((l.rows + l.per - 1) / l.per), lines_body, &l);
}

const ps_op ps_op_pad = {.name = "pad",
                         .min_in = 1,
                         .max_in = 2,
                         .n_out = 1,
                         .order = PS_ORDER_LIKE,
                         .flags = PS_OP_KEEPS_SCALE,
                         .param_bytes = sizeof(ps_pad_params),
                         .infer = infer,
                         .live = live,
                         .run = run,
                         .narrow = ps_narrow_all};
