/* convert/onnx_ops_shape.c - ONNX operators that change or ask for dimensions and move no element. */
#include "convert/onnx_import.h"

#include <string.h>

static void reshape(ps_onnx_call *n)
{
    int32_t x = ps_onnx_in(n, 0);
    ps_value v = ps_onnx_value(n, x);
    size_t count;
    const int64_t *shape = ps_onnx_const_ints(n, 1, "shape", &count);
    bool zero_is_zero = ps_onnx_flag(n, "allowzero", false);
    PS_ONNX_REQUIRE(n, shape && count <= POISE_MAX_DIMS, POISE_UNSUPPORTED, "a shape of %zu dimensions",
                    count);
    int32_t dim[POISE_MAX_DIMS] = {0}, rest = -1;
    int64_t known = 1, all = (int64_t)ps_value_count(&v);
    for (int i = 0; i < (int)count; i++) {
        PS_ONNX_REQUIRE(n, shape[i] >= -1 && shape[i] <= INT32_MAX && (shape[i] >= 0 || rest < 0),
                        POISE_BAD_MODEL, "dimension %d of its shape is %lld", i, (long long)shape[i]);
        dim[i] = (int32_t)shape[i];
        if (shape[i] == 0 && !zero_is_zero) {
            PS_ONNX_REQUIRE(n, i < v.rank, POISE_BAD_MODEL,
                            "dimension %d of its shape copies one that is not there", i);
            dim[i] = v.dim[i];
        }
        if (shape[i] < 0)
            rest = i;
        else
            PS_ONNX_REQUIRE(n, !__builtin_mul_overflow(known, dim[i], &known), POISE_BAD_MODEL,
                            "its shape is too large");
    }
    if (rest >= 0) {
        PS_ONNX_REQUIRE(n, known > 0 && all % known == 0, POISE_BAD_MODEL,
                        "%lld elements do not divide into its shape", (long long)all);
        dim[rest] = ps_onnx_clamp32(all / known);
    }
    ps_onnx_result(n, 0, ps_onnx_reshape(n, x, (int)count, dim));
}

static void flatten(ps_onnx_call *n)
{
    int32_t x = ps_onnx_in(n, 0);
    ps_value v = ps_onnx_value(n, x);
    int64_t axis = ps_onnx_int(n, "axis", 1);
    PS_ONNX_REQUIRE(n, axis >= -v.rank && axis <= v.rank, POISE_BAD_MODEL, "axis %lld of %d dimensions",
                    (long long)axis, v.rank);
    int at = (int)(axis < 0 ? axis + v.rank : axis);
    int32_t dim[2] = {ps_onnx_product(&v, 0, at), ps_onnx_product(&v, at, v.rank)};
    ps_onnx_result(n, 0, ps_onnx_reshape(n, x, 2, dim));
}

static void squeeze(ps_onnx_call *n)
{
    int32_t x = ps_onnx_in(n, 0), dim[POISE_MAX_DIMS] = {0}, rank = 0;
    ps_value v = ps_onnx_value(n, x);
    bool given;
    int32_t axes = ps_onnx_axes(n, 1, v.rank, &given);
    for (int i = 0; i < v.rank; i++) {
        bool drop = given ? axes >> i & 1 : v.dim[i] == 1;
        PS_ONNX_REQUIRE(n, !drop || v.dim[i] == 1, POISE_BAD_MODEL, "dimension %d is %d, not 1", i, v.dim[i]);
        if (!drop) dim[rank++] = v.dim[i];
    }
    ps_onnx_result(n, 0, ps_onnx_reshape(n, x, rank, dim));
}

static void unsqueeze(ps_onnx_call *n)
{
    int32_t x = ps_onnx_in(n, 0), dim[POISE_MAX_DIMS] = {0}, mask = 0;
    ps_value v = ps_onnx_value(n, x);
    size_t count = 0;
    const int64_t *axes = ps_onnx_ints(n, "axes", &count);
    if (!axes) axes = ps_onnx_const_ints(n, 1, "axes", &count);
    PS_ONNX_REQUIRE(n, axes, POISE_BAD_MODEL, "it has no axes");
    int32_t rank = v.rank + ps_onnx_clamp32((int64_t)count);
    PS_ONNX_REQUIRE(n, rank <= POISE_MAX_DIMS && rank >= 0, POISE_UNSUPPORTED, "more than %d dimensions",
                    POISE_MAX_DIMS);
    for (size_t i = 0; i < count; i++) {
        int32_t bit = 1 << ps_onnx_axis(n, axes[i], rank);
        PS_ONNX_REQUIRE(n, !(mask & bit), POISE_BAD_MODEL, "axis %lld is given twice", (long long)axes[i]);
        mask |= bit;
    }
    for (int i = 0, from = 0; i < rank; i++) dim[i] = mask >> i & 1 ? 1 : v.dim[from++];
    ps_onnx_result(n, 0, ps_onnx_reshape(n, x, rank, dim));
}

static void transpose(ps_onnx_call *n)
{
    int32_t x = ps_onnx_in(n, 0), perm[POISE_MAX_DIMS] = {0}, rank = ps_onnx_value(n, x).rank;
    size_t count;
    const int64_t *given = ps_onnx_ints(n, "perm", &count);
    PS_ONNX_REQUIRE(n, !given || (int32_t)count == rank, POISE_BAD_MODEL,
                    "perm has %zu entries for %d dimensions", count, rank);
    for (int i = 0; i < rank; i++) perm[i] = given ? ps_onnx_axis(n, given[i], rank) : rank - 1 - i;
    ps_onnx_result(n, 0, ps_onnx_transpose(n, x, rank, perm));
}

static void expand(ps_onnx_call *n)
{
    int32_t x = ps_onnx_in(n, 0), dim[POISE_MAX_DIMS] = {0};
    ps_value v = ps_onnx_value(n, x);
    size_t count;
    const int64_t *shape = ps_onnx_const_ints(n, 1, "shape", &count);
    PS_ONNX_REQUIRE(n, shape && count <= POISE_MAX_DIMS, POISE_UNSUPPORTED, "a shape of %zu dimensions",
                    count);
    int rank = (int)count > v.rank ? (int)count : v.rank;
    for (int i = 0; i < rank; i++) {
        int a = i - (rank - v.rank), b = i - (rank - (int)count);
        int64_t have = a < 0 ? 1 : v.dim[a], want = b < 0 ? 1 : shape[b];
        PS_ONNX_REQUIRE(n, want >= 0 && want <= INT32_MAX && (have == want || have == 1 || want == 1),
                        POISE_BAD_MODEL, "dimension %d: %lld does not broadcast to %lld", i, (long long)have,
                        (long long)want);
        dim[i] = (int32_t)(have == 1 ? want : have);
    }
    ps_onnx_result(n, 0, ps_onnx_expand(n, x, rank, dim));
}

static void tile(ps_onnx_call *n)
{
    int32_t x = ps_onnx_in(n, 0);
    ps_shape_params p = {.rank = ps_onnx_value(n, x).rank};
    size_t count;
    const int64_t *repeats = ps_onnx_const_ints(n, 1, "repeats", &count);
    PS_ONNX_REQUIRE(n, repeats && (int32_t)count == p.rank, POISE_BAD_MODEL,
                    "input 'repeats' has %zu entries for %d dimensions", count, p.rank);
    for (int i = 0; i < p.rank; i++) p.dim[i] = ps_onnx_clamp32(repeats[i]);
    ps_onnx_result(n, 0, PS_EMIT(n, &ps_op_tile, &p, x));
}

static void shape(ps_onnx_call *n)
{
    int32_t x = ps_onnx_in(n, 0);
    ps_value v = ps_onnx_value(n, x);
    ps_onnx_need_static(n, x);
    int64_t from = ps_onnx_int(n, "start", 0), to = ps_onnx_int(n, "end", v.rank), dims[POISE_MAX_DIMS];
    if (from < 0) from += v.rank;
    if (to < 0) to += v.rank;
    from = from < 0 ? 0 : from > v.rank ? v.rank : from;
    to = to < from ? from : to > v.rank ? v.rank : to;
    int32_t count = (int32_t)(to - from);
    for (int i = 0; i < count; i++) dims[i] = v.dim[from + i];
    ps_onnx_result(n, 0, ps_onnx_constant(n, POISE_I64, 1, &count, dims));
}

static void size(ps_onnx_call *n)
{
    int32_t x = ps_onnx_in(n, 0);
    ps_value v = ps_onnx_value(n, x);
    ps_onnx_need_static(n, x);
    ps_onnx_result(n, 0, ps_onnx_scalar(n, POISE_I64, (double)ps_value_count(&v)));
}

const ps_onnx_op ps_onnx_ops_shape[] = {
    {"Reshape", 5, 0, 2, 2, reshape, 0, NULL},     {"Flatten", 1, 0, 1, 1, flatten, 0, NULL},
    {"Squeeze", 1, 0, 1, 2, squeeze, 0, NULL},     {"Unsqueeze", 1, 0, 1, 2, unsqueeze, 0, NULL},
    {"Transpose", 1, 0, 1, 1, transpose, 0, NULL}, {"Expand", 8, 0, 2, 2, expand, 0, NULL},
    {"Tile", 6, 0, 2, 2, tile, 0, NULL},           {"Shape", 1, 0, 1, 1, shape, 0, NULL},
    {"Size", 1, 0, 1, 1, size, 0, NULL},           {.name = NULL},
};
