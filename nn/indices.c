/* nn/indices.c - see indices.h. */
#include "nn/indices.h"

ptrdiff_t ps_offset(const poise_tensor *t, int rank, size_t linear)
{
    ptrdiff_t at = 0;
    for (int i = rank; i-- > 0;) {
        size_t n = (size_t)t->dim[i];
        at += (ptrdiff_t)(linear % n) * t->stride[i];
        linear /= n;
    }
    return at;
}

int64_t ps_index_read(const poise_tensor *t, ptrdiff_t at)
{
    if (t->type == POISE_I64) return ((const int64_t *)t->data)[at];
    if (t->type == POISE_I32) return ((const int32_t *)t->data)[at];
    return 0;
}

int32_t ps_index_clamp(int64_t i, int32_t n)
{
    if (i < 0) i = i < -(int64_t)n ? 0 : i + n;
    return i >= n ? n - 1 : (int32_t)i;
}

poise_status ps_index_type(const ps_value *v)
{
    PS_REQUIRE(v->type == POISE_I64 || v->type == POISE_I32, POISE_BAD_MODEL,
               "indices are %s: must be i32 or i64", poise_type_name(v->type));
    return POISE_OK;
}

poise_status ps_index_range(const ps_value *v, size_t first, size_t step, int32_t n)
{
    if (!v->data) return POISE_OK;
    size_t count = ps_value_count(v);
    for (size_t i = first; i < count; i += step) {
        int64_t at = v->type == POISE_I64 ? ((const int64_t *)v->data)[i] : ((const int32_t *)v->data)[i];
        PS_REQUIRE(at >= -(int64_t)n && at < n, POISE_BAD_MODEL, "index %lld is outside a dimension of %d",
                   (long long)at, n);
    }
    return POISE_OK;
}
