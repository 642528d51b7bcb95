/* convert/onnx_ops_const.c - ONNX operators that make constants. */
#include "convert/onnx_import.h"

#include <math.h>

/* A tensor attribute as a constant of the graph. */
static int32_t tensor(ps_onnx_call *n, const ps_onnx_tensor *t)
{
    const void *data = NULL;
    if (ps_onnx_type(t->type) == POISE_NONE) /* operators ask initialisers for their 4 or 16 bits, not constants */
        PS_ONNX_FAIL(n, POISE_UNSUPPORTED, "type %s is supported only in initialisers", ps_onnx_type_name(t->type));
    if (n->status == POISE_OK) n->status = ps_onnx_tensor_data(t, &n->c->heap, &data);
    return ps_onnx_constant(n, ps_onnx_type(t->type), t->rank, t->dim, data);
}

static void constant(ps_onnx_call *n)
{
    const ps_onnx_attribute *a;
    int32_t v = PS_BROKEN;
    if ((a = ps_onnx_attr(n, "value", PS_ONNX_ATTR_TENSOR))) {
        v = tensor(n, a->t);
    } else if ((a = ps_onnx_attr(n, "value_float", PS_ONNX_ATTR_FLOAT))) {
        v = ps_onnx_constant(n, POISE_F32, 0, (int32_t[1]){0}, &a->f);
    } else if ((a = ps_onnx_attr(n, "value_int", PS_ONNX_ATTR_INT))) {
        v = ps_onnx_constant(n, POISE_I64, 0, (int32_t[1]){0}, &a->i);
    } else if ((a = ps_onnx_attr(n, "value_floats", PS_ONNX_ATTR_FLOATS))) {
        v = ps_onnx_constant(n, POISE_F32, 1, (int32_t[]){(int32_t)a->n_floats}, a->floats);
    } else if ((a = ps_onnx_attr(n, "value_ints", PS_ONNX_ATTR_INTS))) {
        v = ps_onnx_constant(n, POISE_I64, 1, (int32_t[]){(int32_t)a->n_ints}, a->ints);
    } else {
        PS_ONNX_FAIL(n, POISE_UNSUPPORTED, "only tensors and numbers are supported as constants");
    }
    ps_onnx_result(n, 0, v);
}

static void constant_of_shape(ps_onnx_call *n)
{
    size_t count;
    const int64_t *shape = ps_onnx_const_ints(n, 0, "shape", &count);
    PS_ONNX_REQUIRE(n, shape && count <= POISE_MAX_DIMS, POISE_UNSUPPORTED, "a shape of %zu dimensions",
                    count);
    int32_t dim[POISE_MAX_DIMS] = {0}, v;
    for (size_t i = 0; i < count; i++) {
        PS_ONNX_REQUIRE(n, shape[i] >= 0 && shape[i] <= INT32_MAX, POISE_BAD_MODEL, "a dimension of %lld",
                        (long long)shape[i]);
        dim[i] = (int32_t)shape[i];
    }
    const ps_onnx_attribute *a = ps_onnx_attr(n, "value", PS_ONNX_ATTR_TENSOR);
    PS_ONNX_REQUIRE(n, !a || a->t->count == 1, POISE_BAD_MODEL, "its value must be one number");
    v = a ? ps_onnx_reshape(n, tensor(n, a->t), 0, NULL) : ps_onnx_scalar(n, POISE_F32, 0);
    ps_onnx_result(n, 0, ps_onnx_expand(n, v, (int)count, dim));
}

/* How many numbers from `start` step by step stay before `limit`. */
static int32_t range_size(ps_onnx_call *n, double start, double limit, double step)
{
    double count = step != 0 ? ceil((limit - start) / step) : (double)NAN;
    if (count <= 0) return 0;
    if (count < INT32_MAX) return (int32_t)count;
    PS_ONNX_FAIL(n, POISE_BAD_MODEL, "a range from %g to %g by %g", start, limit, step);
    return 0;
}

static void range(ps_onnx_call *n)
{
    poise_type type = ps_onnx_value(n, ps_onnx_in(n, 0)).type;
    static const char *const names[3] = {"start", "limit", "delta"};
    size_t count;
    int64_t l[3] = {0};
    double d[3] = {0};
    for (int i = 0; i < 3; i++) {
        const float *f = type == POISE_F32 ? ps_onnx_const_floats(n, i, names[i], &count) : NULL;
        const int64_t *k = type == POISE_F32 ? NULL : ps_onnx_const_ints(n, i, names[i], &count);
        PS_ONNX_REQUIRE(n, (f || k) && count == 1, POISE_BAD_MODEL, "input '%s' must be one number",
                        names[i]);
        if (k) l[i] = k[0];
        d[i] = (double)l[i];
        if (f) d[i] = (double)f[0];
    }
    PS_ONNX_REQUIRE(n, type == POISE_F32 || type == POISE_I32 || type == POISE_I64, POISE_UNSUPPORTED,
                    "type %s", poise_type_name(type));
    int32_t size = range_size(n, d[0], d[1], d[2]);
    int32_t v = ps_onnx_constant(n, type, 1, &size, NULL);
    if (n->status != POISE_OK) return;
    void *data = (void *)(uintptr_t)ps_onnx_value(n, v).data;
    for (int32_t i = 0; i < size; i++) {
        if (type == POISE_F32)
            ((float *)data)[i] = (float)(d[0] + i * d[2]);
        else if (type == POISE_I32)
            ((int32_t *)data)[i] = (int32_t)(l[0] + i * l[2]);
        else /* i * delta alone may leave the range */
            ((int64_t *)data)[i] = (int64_t)((uint64_t)l[0] + (uint64_t)i * (uint64_t)l[2]);
    }
    ps_onnx_result(n, 0, v);
}

static void eye_like(ps_onnx_call *n)
{
    int32_t x = ps_onnx_in(n, 0);
    ps_value v = ps_onnx_value(n, x);
    ps_onnx_need_static(n, x);
    PS_ONNX_REQUIRE(n, v.rank == 2, POISE_BAD_MODEL, "its input has %d dimensions, not 2", v.rank);
    int32_t dtype = (int32_t)ps_onnx_int(n, "dtype", 0);
    poise_type type = dtype ? ps_onnx_type(dtype) : v.type;
    int64_t k = ps_onnx_int(n, "k", 0);
    PS_ONNX_REQUIRE(n, type != POISE_NONE, POISE_UNSUPPORTED, "type %s", ps_onnx_type_name(dtype));
    int32_t eye = ps_onnx_constant(n, POISE_I32, 2, v.dim, NULL);
    if (n->status != POISE_OK) return;
    int32_t *data = (int32_t *)(uintptr_t)ps_onnx_value(n, eye).data;
    for (int64_t r = 0; r < v.dim[0]; r++)
        if (k >= -r && k < v.dim[1] - r) data[r * v.dim[1] + r + k] = 1;
    ps_onnx_result(n, 0, ps_onnx_cast(n, type, eye));
}

const ps_onnx_op ps_onnx_ops_const[] = {
    {"Constant", 1, 0, 0, 0, constant, 0, NULL},
    {"ConstantOfShape", 9, 0, 1, 1, constant_of_shape, 0, NULL},
    {"Range", 11, 0, 3, 3, range, 0, NULL},
    {"EyeLike", 9, 0, 1, 1, eye_like, 0, NULL},
    {.name = NULL},
};
