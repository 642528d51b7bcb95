/* convert/tflite_ops_move.c - TFLite operators that cut, join, pad and reorder. */
#include "convert/tflite_import.h"

#include <string.h>

static ps_slice_params whole(const ps_value *v)
{
    ps_slice_params p = {.rank = v->rank};
    for (int i = 0; i < v->rank; i++) p.step[i] = 1, p.size[i] = v->dim[i];
    return p;
}

/* The order in which input i was made: an operator that moves elements stays in it. */
static ps_tflite_order own_order(const ps_tflite_call *n, int i)
{
    return n->c->slots[n->node->in[i]].order;
}

/* Parameters for the dimensions of the file, for those of an order. */
static ps_slice_params in_order(const ps_slice_params *p, ps_tflite_order order)
{
    ps_slice_params to = *p;
    for (int i = 0; order == PS_TFLITE_NCHW && i < 4; i++) {
        int at = ps_tflite_axis_in(order, i);
        to.start[at] = p->start[i];
        to.step[at] = p->step[i];
        to.size[at] = p->size[i];
    }
    return to;
}

/* ---- joining ---- */

static bool same_scale(const ps_tflite_tensor *a, const ps_tflite_tensor *b)
{
    return ps_tflite_is_quantised(a) && ps_tflite_is_quantised(b) && a->scale[0] == b->scale[0] &&
           ps_tflite_zero(a) == ps_tflite_zero(b);
}

/* Codes can be joined as they are where all have the scale of the result. */
static bool join_codes(const ps_tflite_call *n)
{
    for (int i = 0; i < n->node->n_in; i++)
        if (!ps_tflite_has(n, i) || !same_scale(ps_tflite_input(n, i), ps_tflite_output(n, 0))) return false;
    return true;
}

/* Options: axis, activation. */
static void concatenation(ps_tflite_call *n)
{
    ps_tflite_order order = ps_tflite_common_order(n);
    int32_t axis = ps_emit_axis(&n->e, ps_tflite_int(n, 0, 0), ps_tflite_rank(n, 0)), act = ps_tflite_byte(n, 1, 0);
    bool codes = act == 0 && join_codes(n);
    int32_t *in = ps_heap_push(n->e.heap, (size_t)n->node->n_in * sizeof *in);
    PS_TFLITE_REQUIRE(n, in, POISE_NO_MEMORY, "no memory");
    for (int i = 0; i < n->node->n_in; i++) {
        PS_TFLITE_REQUIRE(n, ps_tflite_has(n, i), POISE_BAD_MODEL, "its input %d is missing", i);
        if (order == PS_TFLITE_NCHW && ps_tflite_rank(n, i) != 4) order = PS_TFLITE_FILE; /* its rules will refuse it */
    }
    for (int i = 0; i < n->node->n_in; i++) in[i] = codes ? ps_tflite_raw(n, i, order) : ps_tflite_in_as(n, i, order);
    ps_axis_params p = {ps_tflite_axis_in(order, axis)};
    int32_t y = n->node->n_in == 1 ? in[0] : ps_emit_node(&n->e, &ps_op_concat, &p, n->node->n_in, in);
    ps_tflite_result(n, 0, ps_tflite_activate(n, act, y), order);
}

/* Options: number, axis.  Each becomes a slice of thickness 1 along a new axis. */
static void pack(ps_tflite_call *n)
{
    ps_value v = ps_tflite_shape(n, 0);
    int32_t *in = ps_heap_push(n->e.heap, (size_t)n->node->n_in * sizeof *in);
    PS_TFLITE_REQUIRE(n, in && v.rank < POISE_MAX_DIMS, POISE_UNSUPPORTED, "more than %d dimensions", POISE_MAX_DIMS);
    ps_axis_params p = {ps_emit_axis(&n->e, ps_tflite_int(n, 1, 0), v.rank + 1)};
    bool codes = join_codes(n);
    for (int i = 0; i < n->node->n_in; i++) {
        int32_t dim[POISE_MAX_DIMS] = {0};
        int32_t x = codes ? ps_tflite_raw(n, i, PS_TFLITE_FILE) : ps_tflite_in(n, i);
        ps_value one = ps_emit_value(&n->e, x);
        PS_TFLITE_REQUIRE(n, one.rank == v.rank, POISE_BAD_MODEL, "its inputs have %d and %d dimensions", v.rank, one.rank);
        for (int d = 0, from = 0; d <= v.rank; d++) dim[d] = d == p.axis ? 1 : one.dim[from++];
        in[i] = ps_emit_reshape(&n->e, x, v.rank + 1, dim);
    }
    int32_t y = n->node->n_in == 1 ? in[0] : ps_emit_node(&n->e, &ps_op_concat, &p, n->node->n_in, in);
    ps_tflite_result(n, 0, y, PS_TFLITE_FILE);
}

/* ---- cutting ---- */

/* Options: number, axis. */
static void unpack(ps_tflite_call *n)
{
    int32_t x = ps_tflite_raw(n, 0, PS_TFLITE_FILE), dim[POISE_MAX_DIMS] = {0}, rank = 0;
    ps_value v = ps_emit_value(&n->e, x);
    int32_t axis = ps_emit_axis(&n->e, ps_tflite_int(n, 1, 0), v.rank);
    PS_TFLITE_REQUIRE(n, v.rank > 0 && n->node->n_out == v.dim[axis], POISE_BAD_MODEL, "%d outputs of an axis of %d",
                      n->node->n_out, v.dim[axis]);
    for (int i = 0; i < v.rank; i++)
        if (i != axis) dim[rank++] = v.dim[i];
    ps_slice_params p = whole(&v);
    p.size[axis] = 1;
    for (int32_t k = 0; k < n->node->n_out && n->e.status == POISE_OK; k++) {
        p.start[axis] = k;
        int32_t part = PS_EMIT_NODE(&n->e, &ps_op_slice, &p, x);
        ps_tflite_result(n, k, ps_emit_reshape(&n->e, part, rank, dim), PS_TFLITE_FILE);
    }
}

/* Parts of given sizes along an axis, of which one (-1) may be the rest. */
static void cut(ps_tflite_call *n, int i, int32_t axis, const int64_t *size)
{
    ps_tflite_order order = own_order(n, i);
    int32_t x = ps_tflite_raw(n, i, order), parts = n->node->n_out;
    ps_value v = ps_tflite_shape(n, i);
    int64_t known = 0;
    int open = 0;
    if (n->e.status != POISE_OK) return;
    for (int32_t k = 0; k < parts; k++) known += size[k] < 0 ? 0 : size[k], open += size[k] < 0;
    int64_t rest = v.dim[axis] - known;
    PS_TFLITE_REQUIRE(n, open <= 1 && (open ? rest >= 0 : rest == 0), POISE_BAD_MODEL, "parts of %lld of an axis of %d",
                      (long long)known, v.dim[axis]);
    ps_slice_params p = whole(&v);
    for (int32_t k = 0; k < parts && n->e.status == POISE_OK; k++) {
        p.size[axis] = (int32_t)(size[k] < 0 ? rest : size[k]);
        ps_slice_params to = in_order(&p, order);
        ps_tflite_result(n, k, parts == 1 ? x : PS_EMIT_NODE(&n->e, &ps_op_slice, &to, x), order);
        p.start[axis] += p.size[axis];
    }
}

/* Inputs: axis, x. */
static void split(ps_tflite_call *n)
{
    ps_value v = ps_tflite_shape(n, 1);
    int32_t axis = ps_emit_axis(&n->e, ps_tflite_const_one(n, 0, "axis"), v.rank), parts = n->node->n_out;
    int64_t *size = ps_heap_push(n->e.heap, (size_t)parts * sizeof *size);
    PS_TFLITE_REQUIRE(n, size && parts > 0 && v.dim[axis] % parts == 0, POISE_BAD_MODEL, "%d parts of an axis of %d", parts,
                      v.dim[axis]);
    for (int32_t k = 0; k < parts; k++) size[k] = v.dim[axis] / parts;
    cut(n, 1, axis, size);
}

/* Inputs: x, sizes, axis. */
static void split_v(ps_tflite_call *n)
{
    size_t count;
    const int64_t *size = ps_tflite_const(n, 1, "size_splits", &count);
    int32_t axis = ps_emit_axis(&n->e, ps_tflite_const_one(n, 2, "axis"), ps_tflite_rank(n, 0));
    PS_TFLITE_REQUIRE(n, size && (int32_t)count == n->node->n_out, POISE_BAD_MODEL, "%zu sizes for %d outputs", count,
                      n->node->n_out);
    cut(n, 0, axis, size);
}

static void emit_slice(ps_tflite_call *n, const ps_slice_params *p)
{
    ps_tflite_order order = own_order(n, 0);
    ps_slice_params to = in_order(p, order);
    int32_t x = ps_tflite_raw(n, 0, order);
    ps_tflite_result(n, 0, PS_EMIT_NODE(&n->e, &ps_op_slice, &to, x), order);
}

/* Inputs: x, begin, size (-1 = up to the end). */
static void slice(ps_tflite_call *n)
{
    size_t n_from, n_size;
    const int64_t *from = ps_tflite_const(n, 1, "begin", &n_from), *size = ps_tflite_const(n, 2, "size", &n_size);
    ps_value v = ps_tflite_shape(n, 0);
    PS_TFLITE_REQUIRE(n, from && size && n_from == (size_t)v.rank && n_size == n_from, POISE_BAD_MODEL,
                      "%zu begins and %zu sizes for %d dimensions", n_from, n_size, v.rank);
    ps_slice_params p = whole(&v);
    for (int i = 0; i < v.rank; i++) {
        int64_t d = v.dim[i], k = size[i] < 0 ? d - from[i] : size[i];
        PS_TFLITE_REQUIRE(n, from[i] >= 0 && from[i] <= d && k >= 0 && k <= d - from[i], POISE_BAD_MODEL,
                          "begin %lld and size %lld of dimension %d of %lld", (long long)from[i], (long long)size[i], i,
                          (long long)d);
        p.start[i] = (int32_t)from[i];
        p.size[i] = (int32_t)k;
    }
    emit_slice(n, &p);
}

typedef struct spec { /* of STRIDED_SLICE: one entry for each of its axes */
    const int64_t *from, *to, *step;
    int32_t count, from_mask, to_mask, dots, added, shrunk;
    bool relative; /* `to` counts from `from` */
} spec;

static int64_t limit(int64_t v, int64_t lo, int64_t hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

/* Entry i of the spec for dimension d. */
static void stride_axis(ps_tflite_call *n, const spec *s, int i, ps_slice_params *p, int d)
{
    int64_t dim = p->size[d], step = s->step[i], from = s->from[i], to = s->relative ? from + s->to[i] : s->to[i];
    PS_TFLITE_REQUIRE(n, step != 0, POISE_BAD_MODEL, "a step of 0");
    if (from < 0) from += dim;
    if (to < 0) to += dim;
    if (s->shrunk >> i & 1) { /* one element: the masks say nothing */
        PS_TFLITE_REQUIRE(n, from >= 0 && from < dim, POISE_BAD_MODEL, "index %lld of dimension %d of %lld",
                          (long long)s->from[i], d, (long long)dim);
        p->start[d] = (int32_t)from;
        p->size[d] = 1;
        return;
    }
    if (s->from_mask >> i & 1) from = step > 0 ? 0 : dim - 1;
    if (s->to_mask >> i & 1) to = step > 0 ? dim : -1;
    from = step > 0 ? limit(from, 0, dim) : limit(from, -1, dim - 1);
    to = step > 0 ? limit(to, 0, dim) : limit(to, -1, dim - 1);
    step = limit(step, -INT32_MAX, INT32_MAX);
    int64_t span = step > 0 ? to - from : from - to, stride = step > 0 ? step : -step;
    int64_t size = span > 0 ? (span + stride - 1) / stride : 0;
    p->start[d] = size ? (int32_t)from : 0;
    p->step[d] = size > 1 ? (int32_t)step : 1;
    p->size[d] = (int32_t)size;
}

/* Walks the spec along x's dimensions; dim[] gets those of the result. */
static int32_t stride_axes(ps_tflite_call *n, const spec *s, const ps_value *x, ps_slice_params *p, int32_t *dim)
{
    int32_t d = 0, rank = 0, used = 0;
    for (int i = 0; i < s->count; i++) used += !(s->added >> i & 1) && !(s->dots >> i & 1);
    for (int i = 0; i < s->count && n->e.status == POISE_OK; i++) {
        int32_t skip = s->dots >> i & 1 ? x->rank - used : 0;
        if (rank + skip >= POISE_MAX_DIMS || skip < 0 || (s->dots & (s->dots - 1))) break;
        for (; skip > 0; skip--) dim[rank++] = x->dim[d++];
        if (s->dots >> i & 1) continue;
        if (s->added >> i & 1) {
            dim[rank++] = 1;
            continue;
        }
        if (d >= x->rank) break;
        stride_axis(n, s, i, p, d);
        if (!(s->shrunk >> i & 1)) dim[rank++] = p->size[d];
        d++;
        used--;
    }
    if (used > 0 || (s->dots & (s->dots - 1)) || rank + x->rank - d > POISE_MAX_DIMS)
        PS_TFLITE_FAIL(n, POISE_BAD_MODEL, "its begins, ends and masks do not fit %d dimensions", x->rank);
    else
        while (d < x->rank) dim[rank++] = x->dim[d++];
    return rank;
}

/* Inputs: x, begin, end, strides.  Options: masks of begin, end, ellipsis, new axes, axes to drop; offset. */
static void strided_slice(ps_tflite_call *n)
{
    size_t n_to, n_step, count;
    int32_t dim[POISE_MAX_DIMS] = {0};
    spec s = {.from_mask = ps_tflite_int(n, 0, 0),
              .to_mask = ps_tflite_int(n, 1, 0),
              .dots = ps_tflite_int(n, 2, 0),
              .added = ps_tflite_int(n, 3, 0),
              .shrunk = ps_tflite_int(n, 4, 0),
              .relative = ps_tflite_byte(n, 5, 0) != 0};
    s.from = ps_tflite_const(n, 1, "begin", &count);
    s.to = ps_tflite_const(n, 2, "end", &n_to);
    s.step = ps_tflite_const(n, 3, "strides", &n_step);
    ps_value v = ps_tflite_shape(n, 0);
    PS_TFLITE_REQUIRE(n, s.from && s.to && s.step && n_to == count && n_step == count && count <= 2 * POISE_MAX_DIMS,
                      POISE_BAD_MODEL, "%zu begins, %zu ends and %zu strides", count, n_to, n_step);
    s.count = (int32_t)count;
    int32_t all = (1 << count) - 1;
    s.dots &= all, s.added &= all & ~s.dots, s.shrunk &= all & ~s.added & ~s.dots;
    ps_slice_params p = whole(&v);
    int32_t rank = stride_axes(n, &s, &v, &p, dim);
    if (n->e.status != POISE_OK) return;
    bool same = rank == v.rank && !memcmp(dim, p.size, (size_t)rank * sizeof *dim);
    if (same) {
        emit_slice(n, &p);
        return;
    }
    int32_t y = PS_EMIT_NODE(&n->e, &ps_op_slice, &p, ps_tflite_raw(n, 0, PS_TFLITE_FILE));
    ps_tflite_result(n, 0, ps_emit_reshape(&n->e, y, rank, dim), PS_TFLITE_FILE);
}

/* ---- turning round ---- */

static int32_t reversed(ps_tflite_call *n, int32_t x, int32_t axis, int32_t from, int32_t size)
{
    ps_value v = ps_emit_value(&n->e, x);
    ps_slice_params p = whole(&v);
    p.start[axis] = from;
    p.step[axis] = size > 1 ? -1 : 1;
    p.size[axis] = size;
    return PS_EMIT_NODE(&n->e, &ps_op_slice, &p, x);
}

static void reverse(ps_tflite_call *n)
{
    size_t count;
    const int64_t *axes = ps_tflite_const(n, 1, "axis", &count);
    int32_t x = ps_tflite_raw(n, 0, PS_TFLITE_FILE);
    ps_value v = ps_emit_value(&n->e, x);
    for (size_t i = 0; i < count && n->e.status == POISE_OK; i++) {
        int32_t axis = ps_emit_axis(&n->e, axes[i], v.rank);
        if (v.dim[axis] > 1) x = reversed(n, x, axis, v.dim[axis] - 1, v.dim[axis]);
    }
    ps_tflite_result(n, 0, x, PS_TFLITE_FILE);
}

static void reverse_sequence(ps_tflite_call *n)
{
    ps_reverse_sequence_params p = {ps_tflite_int(n, 1, 0), ps_tflite_int(n, 0, 0)};
    int32_t length = ps_emit_cast(&n->e, POISE_I64, ps_tflite_in(n, 1));
    int32_t x = ps_tflite_raw(n, 0, PS_TFLITE_FILE);
    ps_tflite_result(n, 0, PS_EMIT_NODE(&n->e, &ps_op_reverse_sequence, &p, x, length), PS_TFLITE_FILE);
}

const ps_tflite_op ps_tflite_ops_move[] = {
    {"CONCATENATION", 2, 1, PS_TFLITE_MAX_PORTS, concatenation, 0},
    {"PACK", 83, 1, PS_TFLITE_MAX_PORTS, pack, 0},
    {"UNPACK", 88, 1, 1, unpack, 0},
    {"SPLIT", 49, 2, 2, split, 0},
    {"SPLIT_V", 102, 3, 3, split_v, 0},
    {"SLICE", 65, 3, 3, slice, 0},
    {"STRIDED_SLICE", 45, 4, 4, strided_slice, 0},
    {"REVERSE_V2", 105, 2, 2, reverse, 0},
    {"REVERSE_SEQUENCE", 112, 2, 2, reverse_sequence, 0},
    {.name = NULL},
};
