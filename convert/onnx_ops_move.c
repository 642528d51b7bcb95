/* convert/onnx_ops_move.c - ONNX operators that cut, join, pad and reorder. */
#include "convert/onnx_import.h"

#include <string.h>

static void concat(ps_onnx_call *n)
{
    ps_axis_params p = {ps_onnx_axis(n, ps_onnx_int(n, "axis", 1), ps_onnx_value(n, ps_onnx_in(n, 0)).rank)};
    int32_t only = ps_onnx_in(n, 0);
    int32_t v = n->node->n_in == 1 ? only : ps_onnx_emit(n, &ps_op_concat, &p, n->node->n_in, n->in);
    ps_onnx_result(n, 0, v);
}

/* ---- slices ---- */

static ps_slice_params whole(const ps_value *v)
{
    ps_slice_params p = {.rank = v->rank};
    for (int i = 0; i < v->rank; i++) p.step[i] = 1, p.size[i] = v->dim[i];
    return p;
}

/* The sizes of a Split: given, or equal parts of which the last may be smaller. */
static void split_sizes(ps_onnx_call *n, int32_t dim, int32_t *size)
{
    size_t count = 0;
    const int64_t *given = ps_onnx_ints(n, "split", &count);
    if (!given) given = ps_onnx_const_ints(n, 1, "split", &count);
    int32_t parts = n->node->n_out, left = dim;
    PS_ONNX_REQUIRE(n, !given || (int32_t)count == parts, POISE_BAD_MODEL, "%zu sizes for %d outputs", count,
                    parts);
    int64_t asked = ps_onnx_int(n, "num_outputs", parts);
    PS_ONNX_REQUIRE(n, parts > 0 && asked == parts, POISE_BAD_MODEL, "num_outputs is %lld, it has %d outputs",
                    (long long)asked, parts);
    int32_t each = (dim + parts - 1) / parts;
    for (int32_t i = 0; i < parts; i++) {
        size[i] = given ? ps_onnx_clamp32(given[i]) : left < each ? left : each;
        PS_ONNX_REQUIRE(n, size[i] >= 0 && size[i] <= left, POISE_BAD_MODEL, "a part of %d in an axis of %d",
                        size[i], dim);
        left -= size[i];
    }
    PS_ONNX_REQUIRE(n, left == 0, POISE_BAD_MODEL, "the parts leave %d of an axis of %d", left, dim);
}

static void split(ps_onnx_call *n)
{
    int32_t x = ps_onnx_in(n, 0);
    ps_value v = ps_onnx_value(n, x);
    int32_t axis = ps_onnx_axis(n, ps_onnx_int(n, "axis", 0), v.rank);
    int32_t *size = ps_heap_push(&n->c->heap, (size_t)n->node->n_out * sizeof *size);
    PS_ONNX_REQUIRE(n, size, POISE_NO_MEMORY, "no memory");
    split_sizes(n, v.dim[axis], size);
    ps_slice_params p = whole(&v);
    for (int32_t k = 0; k < n->node->n_out && n->status == POISE_OK; k++) {
        p.size[axis] = size[k];
        if (ps_onnx_has_out(n, k)) ps_onnx_result(n, k, PS_EMIT(n, &ps_op_slice, &p, x));
        p.start[axis] += size[k];
    }
}

static int64_t limit(int64_t v, int64_t lo, int64_t hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

/* One axis of Slice: bounds count from the end when negative, and are cut to the axis. */
static void slice_axis(ps_onnx_call *n, ps_slice_params *p, int axis, int64_t from, int64_t to, int64_t step)
{
    int64_t dim = p->size[axis];
    PS_ONNX_REQUIRE(n, step != 0, POISE_BAD_MODEL, "a step of 0");
    if (from < 0) from += dim; /* INT64_MIN + dim does not overflow: dim >= 0 */
    if (to < 0) to += dim;
    from = step > 0 ? limit(from, 0, dim) : limit(from, -1, dim - 1);
    to = step > 0 ? limit(to, 0, dim) : limit(to, -1, dim - 1);
    step = limit(step, -INT32_MAX, INT32_MAX);
    int64_t span = step > 0 ? to - from : from - to, stride = step > 0 ? step : -step;
    int64_t size = span > 0 ? (span + stride - 1) / stride : 0;
    p->start[axis] = size ? (int32_t)from : 0;
    p->step[axis] = size > 1 ? (int32_t)step : 1;
    p->size[axis] = (int32_t)size;
}

static void slice(ps_onnx_call *n)
{
    int32_t x = ps_onnx_in(n, 0);
    ps_value v = ps_onnx_value(n, x);
    size_t n_from, n_to, n_axes = 0, n_steps = 0;
    bool old = n->opset < 10;
    const int64_t *from =
        old ? ps_onnx_ints(n, "starts", &n_from) : ps_onnx_const_ints(n, 1, "starts", &n_from);
    const int64_t *to = old ? ps_onnx_ints(n, "ends", &n_to) : ps_onnx_const_ints(n, 2, "ends", &n_to);
    const int64_t *axes = old ? ps_onnx_ints(n, "axes", &n_axes) : ps_onnx_const_ints(n, 3, "axes", &n_axes);
    const int64_t *steps = old ? NULL : ps_onnx_const_ints(n, 4, "steps", &n_steps);
    PS_ONNX_REQUIRE(
        n, from && to && n_from == n_to && (!axes || n_axes == n_from) && (!steps || n_steps == n_from),
        POISE_BAD_MODEL, "starts, ends, axes and steps differ in length");
    PS_ONNX_REQUIRE(n, n_from <= (size_t)v.rank, POISE_BAD_MODEL, "%zu starts for %d dimensions", n_from,
                    v.rank);
    ps_slice_params p = whole(&v);
    for (size_t i = 0; i < n_from && n->status == POISE_OK; i++)
        slice_axis(n, &p, axes ? ps_onnx_axis(n, axes[i], v.rank) : (int)i, from[i], to[i],
                   steps ? steps[i] : 1);
    if (n->status != POISE_OK) return;
    ps_slice_params all = whole(&v);
    ps_onnx_result(n, 0, memcmp(&p, &all, sizeof p) ? PS_EMIT(n, &ps_op_slice, &p, x) : x);
}

/* ---- padding ---- */

static void pad(ps_onnx_call *n)
{
    static const char *const modes[] = {"constant", "reflect", "edge", "wrap", NULL};
    int32_t x = ps_onnx_in(n, 0), value = ps_onnx_in(n, 2);
    ps_value v = ps_onnx_value(n, x);
    size_t count, n_axes = 0;
    bool old = n->opset < 11;
    const int64_t *pads = old ? ps_onnx_ints(n, "pads", &count) : ps_onnx_const_ints(n, 1, "pads", &count);
    const int64_t *axes = old ? NULL : ps_onnx_const_ints(n, 3, "axes", &n_axes);
    size_t each = axes ? n_axes : (size_t)v.rank;
    PS_ONNX_REQUIRE(n, pads && count == 2 * each && each <= POISE_MAX_DIMS, POISE_BAD_MODEL,
                    "%zu pads for %zu dimensions", count, each);
    ps_pad_params p = {.mode = ps_onnx_choice(n, "mode", "constant", modes), .rank = v.rank};
    for (size_t i = 0; i < each; i++) {
        int32_t axis = axes ? ps_onnx_axis(n, axes[i], v.rank) : (int32_t)i;
        p.begin[axis] = ps_onnx_clamp32(pads[i]);
        p.end[axis] = ps_onnx_clamp32(pads[i + each]);
    }
    float old_value = old ? ps_onnx_float(n, "value", 0) : 0;
    if (old_value != 0) value = ps_onnx_scalar(n, v.type, (double)old_value);
    if (p.mode != PS_PAD_CONSTANT) value = PS_ABSENT;
    if (value == PS_ABSENT)
        ps_onnx_result(n, 0, PS_EMIT(n, &ps_op_pad, &p, x));
    else
        ps_onnx_result(n, 0, PS_EMIT(n, &ps_op_pad, &p, x, ps_onnx_reshape(n, value, 0, NULL)));
}

/* ---- blocks ---- */

static int32_t block_of(ps_onnx_call *n, const ps_value *x)
{
    int64_t b = ps_onnx_int(n, "blocksize", 0);
    if (x->rank == 4 && b > 0 && b < 32768) return (int32_t)b;
    PS_ONNX_FAIL(n, POISE_BAD_MODEL, "a block of %lld in %d dimensions", (long long)b, x->rank);
    return 1;
}

static void depth_to_space(ps_onnx_call *n)
{
    static const char *const modes[] = {"DCR", "CRD", NULL};
    ps_value x = ps_onnx_value(n, ps_onnx_in(n, 0));
    int32_t b = block_of(n, &x), c = x.dim[1] / (b * b), h = x.dim[2], w = x.dim[3];
    PS_ONNX_REQUIRE(n, x.dim[1] % (b * b) == 0, POISE_BAD_MODEL, "a block of %d in %d channels", b, x.dim[1]);
    bool crd = ps_onnx_choice(n, "mode", "DCR", modes) == 1;
    int32_t y = ps_onnx_in(n, 0);
    y = crd ? ps_onnx_reshape(n, y, 6, (int32_t[]){x.dim[0], c, b, b, h, w})
            : ps_onnx_reshape(n, y, 6, (int32_t[]){x.dim[0], b, b, c, h, w});
    y = crd ? ps_onnx_transpose(n, y, 6, (int32_t[]){0, 1, 4, 2, 5, 3})
            : ps_onnx_transpose(n, y, 6, (int32_t[]){0, 3, 4, 1, 5, 2});
    int32_t dim[4] = {x.dim[0], c, ps_onnx_clamp32((int64_t)h * b), ps_onnx_clamp32((int64_t)w * b)};
    ps_onnx_result(n, 0, ps_onnx_reshape(n, y, 4, dim));
}

static void space_to_depth(ps_onnx_call *n)
{
    ps_value x = ps_onnx_value(n, ps_onnx_in(n, 0));
    int32_t b = block_of(n, &x), h = x.dim[2] / b, w = x.dim[3] / b;
    PS_ONNX_REQUIRE(n, x.dim[2] % b == 0 && x.dim[3] % b == 0, POISE_BAD_MODEL, "a block of %d in %dx%d", b,
                    x.dim[2], x.dim[3]);
    int32_t y = ps_onnx_reshape(n, ps_onnx_in(n, 0), 6, (int32_t[]){x.dim[0], x.dim[1], h, b, w, b});
    y = ps_onnx_transpose(n, y, 6, (int32_t[]){0, 3, 5, 1, 2, 4});
    int32_t dim[4] = {x.dim[0], ps_onnx_clamp32((int64_t)x.dim[1] * b * b), h, w};
    ps_onnx_result(n, 0, ps_onnx_reshape(n, y, 4, dim));
}

static void trilu(ps_onnx_call *n)
{
    size_t count;
    const int64_t *k = ps_onnx_const_ints(n, 1, "k", &count);
    ps_trilu_params p = {ps_onnx_flag(n, "upper", true), k && count == 1 ? ps_onnx_clamp32(k[0]) : 0};
    ps_onnx_result(n, 0, PS_EMIT(n, &ps_op_trilu, &p, ps_onnx_in(n, 0)));
}

static void reverse_sequence(ps_onnx_call *n)
{
    ps_reverse_sequence_params p = {ps_onnx_clamp32(ps_onnx_int(n, "batch_axis", 1)),
                                    ps_onnx_clamp32(ps_onnx_int(n, "time_axis", 0))};
    ps_onnx_result(n, 0, PS_EMIT(n, &ps_op_reverse_sequence, &p, ps_onnx_in(n, 0), ps_onnx_in(n, 1)));
}

const ps_onnx_op ps_onnx_ops_move[] = {
    {"Concat", 4, 0, 1, PS_ONNX_MAX_PORTS, concat, 0, NULL},
    {"Split", 2, 0, 1, 2, split, 0, NULL},
    {"Slice", 1, 0, 1, 5, slice, 0, NULL},
    {"Pad", 2, 0, 1, 4, pad, 0, NULL},
    {"DepthToSpace", 1, 0, 1, 1, depth_to_space, 0, NULL},
    {"SpaceToDepth", 1, 0, 1, 1, space_to_depth, 0, NULL},
    {"Trilu", 14, 0, 1, 2, trilu, 0, NULL},
    {"ReverseSequence", 10, 0, 2, 2, reverse_sequence, 0, NULL},
    {.name = NULL},
};
