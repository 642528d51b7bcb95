/* convert/tflite_ops_shape.c - TFLite operators that change or ask for dimensions, or make tensors from them. */
#include "convert/tflite_import.h"

#include <math.h>
#include <string.h>

/* Copies a constant shape; -1 (where `rest`) is what is left of `all` elements. */
static void read_shape(ps_tflite_call *n, size_t count, const int64_t *shape, bool rest, size_t all, int32_t *dim)
{
    int64_t known = 1, open = -1;
    PS_TFLITE_REQUIRE(n, count <= POISE_MAX_DIMS, POISE_UNSUPPORTED, "a shape of %zu dimensions", count);
    for (size_t i = 0; i < count; i++) {
        bool legal = shape[i] <= INT32_MAX && (shape[i] >= 0 || (rest && shape[i] == -1 && open < 0));
        PS_TFLITE_REQUIRE(n, legal, POISE_BAD_MODEL, "dimension %zu of its shape is %lld", i, (long long)shape[i]);
        dim[i] = (int32_t)shape[i];
        if (shape[i] < 0) open = (int64_t)i;
        else PS_TFLITE_REQUIRE(n, !__builtin_mul_overflow(known, shape[i], &known), POISE_BAD_MODEL, "its shape is too large");
    }
    if (open < 0) return;
    PS_TFLITE_REQUIRE(n, known > 0 && (int64_t)all % known == 0, POISE_BAD_MODEL, "%zu elements do not divide into its shape",
                      all);
    dim[open] = ps_emit_clamp32((int64_t)all / known);
}

/* The shape is a constant input, an option, or what the file says of the result. */
static void reshape(ps_tflite_call *n)
{
    int32_t x = ps_tflite_raw(n, 0, PS_TFLITE_FILE), dim[POISE_MAX_DIMS] = {0};
    ps_value v = ps_emit_value(&n->e, x);
    size_t count = 0;
    const int64_t *shape = NULL;
    if (ps_tflite_has(n, 1) && ps_emit_value(&n->e, ps_tflite_in(n, 1)).data) shape = ps_tflite_const(n, 1, "shape", &count);
    if (!shape || count == 0) shape = ps_tflite_ints(n, 0, &count);
    if (n->e.status != POISE_OK) return;
    if (shape) {
        read_shape(n, count, shape, true, ps_value_count(&v), dim);
    } else {
        const ps_tflite_tensor *t = ps_tflite_output(n, 0);
        count = (size_t)t->rank;
        memcpy(dim, t->dim, sizeof dim);
    }
    ps_tflite_result(n, 0, ps_emit_reshape(&n->e, x, (int)count, dim), PS_TFLITE_FILE);
}

static void squeeze(ps_tflite_call *n)
{
    int32_t x = ps_tflite_raw(n, 0, PS_TFLITE_FILE), dim[POISE_MAX_DIMS] = {0}, rank = 0, mask = 0;
    ps_value v = ps_emit_value(&n->e, x);
    size_t count;
    const int64_t *axes = ps_tflite_ints(n, 0, &count);
    for (size_t i = 0; i < count && n->e.status == POISE_OK; i++) mask |= 1 << ps_emit_axis(&n->e, axes[i], v.rank);
    for (int i = 0; i < v.rank; i++) {
        bool drop = count ? mask >> i & 1 : v.dim[i] == 1;
        PS_TFLITE_REQUIRE(n, !drop || v.dim[i] == 1, POISE_BAD_MODEL, "dimension %d is %d, not 1", i, v.dim[i]);
        if (!drop) dim[rank++] = v.dim[i];
    }
    ps_tflite_result(n, 0, ps_emit_reshape(&n->e, x, rank, dim), PS_TFLITE_FILE);
}

static void expand_dims(ps_tflite_call *n)
{
    int32_t x = ps_tflite_raw(n, 0, PS_TFLITE_FILE), dim[POISE_MAX_DIMS] = {0};
    ps_value v = ps_emit_value(&n->e, x);
    PS_TFLITE_REQUIRE(n, v.rank < POISE_MAX_DIMS, POISE_UNSUPPORTED, "more than %d dimensions", POISE_MAX_DIMS);
    int32_t axis = ps_emit_axis(&n->e, ps_tflite_const_one(n, 1, "axis"), v.rank + 1);
    for (int i = 0, from = 0; i <= v.rank; i++) dim[i] = i == axis ? 1 : v.dim[from++];
    ps_tflite_result(n, 0, ps_emit_reshape(&n->e, x, v.rank + 1, dim), PS_TFLITE_FILE);
}

static void transpose(ps_tflite_call *n)
{
    int32_t perm[POISE_MAX_DIMS] = {0};
    size_t count;
    const int64_t *given = ps_tflite_const(n, 1, "perm", &count);
    int32_t x = ps_tflite_raw(n, 0, PS_TFLITE_FILE), rank = ps_emit_value(&n->e, x).rank;
    PS_TFLITE_REQUIRE(n, given && (int32_t)count == rank, POISE_BAD_MODEL, "perm has %zu entries for %d dimensions", count, rank);
    for (int i = 0; i < rank; i++) perm[i] = ps_emit_axis(&n->e, given[i], rank);
    ps_tflite_result(n, 0, ps_emit_transpose(&n->e, x, rank, perm), PS_TFLITE_FILE);
}

static void broadcast_to(ps_tflite_call *n)
{
    int32_t x = ps_tflite_raw(n, 0, PS_TFLITE_FILE), dim[POISE_MAX_DIMS] = {0};
    size_t count;
    const int64_t *shape = ps_tflite_const(n, 1, "shape", &count);
    PS_TFLITE_REQUIRE(n, shape, POISE_BAD_MODEL, "it has no shape");
    read_shape(n, count, shape, false, 0, dim);
    ps_tflite_result(n, 0, ps_emit_expand(&n->e, x, (int)count, dim), PS_TFLITE_FILE);
}

static void tile(ps_tflite_call *n)
{
    int32_t x = ps_tflite_raw(n, 0, PS_TFLITE_FILE);
    ps_shape_params p = {.rank = ps_emit_value(&n->e, x).rank};
    size_t count;
    const int64_t *repeats = ps_tflite_const(n, 1, "multiples", &count);
    PS_TFLITE_REQUIRE(n, repeats && (int32_t)count == p.rank, POISE_BAD_MODEL,
                      "input 'multiples' has %zu entries for %d dimensions", count, p.rank);
    for (int i = 0; i < p.rank; i++) p.dim[i] = ps_emit_clamp32(repeats[i]);
    ps_tflite_result(n, 0, PS_EMIT_NODE(&n->e, &ps_op_tile, &p, x), PS_TFLITE_FILE);
}

/* ---- shapes as numbers ---- */

static void integers(ps_tflite_call *n, int rank, int32_t count, const int32_t *v)
{
    int32_t x = ps_emit_constant(&n->e, POISE_I32, rank, &count, v);
    ps_tflite_result(n, 0, ps_emit_cast(&n->e, ps_tflite_type(ps_tflite_output(n, 0)->type), x), PS_TFLITE_FILE);
}

static void shape(ps_tflite_call *n)
{
    ps_value v = ps_tflite_shape(n, 0);
    PS_TFLITE_REQUIRE(n, v.live < 0, POISE_UNSUPPORTED, "the size of '%s' depends on the data", v.name);
    integers(n, 1, v.rank, v.dim);
}

static void rank(ps_tflite_call *n)
{
    int32_t r = ps_tflite_rank(n, 0);
    integers(n, 0, 0, &r);
}

static void fill(ps_tflite_call *n)
{
    int32_t dim[POISE_MAX_DIMS] = {0};
    size_t count;
    const int64_t *shape = ps_tflite_const(n, 0, "dims", &count);
    int32_t x = ps_tflite_raw(n, 1, PS_TFLITE_FILE);
    ps_value v = ps_emit_value(&n->e, x);
    PS_TFLITE_REQUIRE(n, shape && ps_value_count(&v) == 1, POISE_BAD_MODEL, "input 'value' must be one number");
    read_shape(n, count, shape, false, 0, dim);
    ps_tflite_result(n, 0, ps_emit_expand(&n->e, ps_emit_reshape(&n->e, x, 0, dim), (int)count, dim), PS_TFLITE_FILE);
}

static void zeros_like(ps_tflite_call *n)
{
    ps_value v = ps_tflite_shape(n, 0);
    PS_TFLITE_REQUIRE(n, v.live < 0, POISE_UNSUPPORTED, "the size of '%s' depends on the data", v.name);
    poise_type type = ps_tflite_is_quantised(ps_tflite_output(n, 0)) ? POISE_F32 : ps_tflite_type(ps_tflite_output(n, 0)->type);
    ps_tflite_result(n, 0, ps_emit_expand(&n->e, ps_emit_scalar(&n->e, type, 0), v.rank, v.dim), PS_TFLITE_FILE);
}

/* start, limit, delta: constants. */
static void range(ps_tflite_call *n)
{
    enum { MOST = 1 << 24 };
    size_t count;
    double v[3] = {0};
    for (int i = 0; i < 3; i++) {
        const float *f = ps_emit_floats(&n->e, ps_tflite_in(n, i), i == 0 ? "start" : i == 1 ? "limit" : "delta", &count);
        PS_TFLITE_REQUIRE(n, f && count == 1, POISE_BAD_MODEL, "input %d must be one number", i);
        v[i] = (double)f[0];
    }
    double steps = ceil((v[1] - v[0]) / v[2]);
    PS_TFLITE_REQUIRE(n, v[2] != 0 && steps <= MOST && isfinite(v[0]), POISE_BAD_MODEL, "from %g to %g in steps of %g", v[0],
                      v[1], v[2]);
    int32_t k = steps > 0 ? (int32_t)steps : 0;
    bool fits = ps_emit_spend(&n->e, (size_t)k * sizeof(float));
    float *data = fits ? ps_heap_push(n->e.heap, (size_t)k * sizeof *data) : NULL;
    PS_TFLITE_REQUIRE(n, data, POISE_NO_MEMORY, "no memory for %d numbers", k);
    for (int32_t i = 0; i < k; i++) data[i] = (float)(v[0] + i * v[2]);
    int32_t x = ps_emit_constant(&n->e, POISE_F32, 1, &k, data);
    ps_tflite_result(n, 0, ps_emit_cast(&n->e, ps_tflite_type(ps_tflite_output(n, 0)->type), x), PS_TFLITE_FILE);
}

const ps_tflite_op ps_tflite_ops_shape[] = {
    {"RESHAPE", 22, 1, 2, reshape, 0},
    {"SQUEEZE", 43, 1, 1, squeeze, 0},
    {"EXPAND_DIMS", 70, 2, 2, expand_dims, 0},
    {"TRANSPOSE", 39, 2, 2, transpose, 0},
    {"BROADCAST_TO", 130, 2, 2, broadcast_to, 0},
    {"TILE", 69, 2, 2, tile, 0},
    {"SHAPE", 77, 1, 1, shape, 0},
    {"RANK", 110, 1, 1, rank, 0},
    {"FILL", 94, 2, 2, fill, 0},
    {"ZEROS_LIKE", 93, 1, 1, zeros_like, 0},
    {"RANGE", 96, 3, 3, range, 0},
    {.name = NULL},
};
