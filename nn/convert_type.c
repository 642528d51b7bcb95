/* nn/convert_type.c - elements of any type as doubles or 64-bit integers, and back. */
#include "nn/convert_type.h"

#include "nn/half.h"

#include <string.h>

static bool is_real(poise_type t)
{
    return t == POISE_F32 || t == POISE_F16 || t == POISE_F64 || t == POISE_BF16;
}

double ps_load_real(poise_type t, const void *x)
{
    switch (t) {
    case POISE_F32: return (double)*(const float *)x;
    case POISE_F64: return *(const double *)x;
    case POISE_F16: return (double)ps_f16_widen(*(const uint16_t *)x);
    case POISE_BF16: return (double)ps_bf16_widen(*(const uint16_t *)x);
    default: return (double)ps_load_whole(t, x);
    }
}

int64_t ps_load_whole(poise_type t, const void *x)
{
    switch (t) {
    case POISE_I64: return *(const int64_t *)x;
    case POISE_I32: return *(const int32_t *)x;
    case POISE_I8: return *(const int8_t *)x;
    default: return *(const uint8_t *)x;
    }
}

static int64_t saturate(double v, double lo, double hi)
{
    if (v != v) return 0;
    if (v <= lo) return (int64_t)lo;
    if (v >= hi) return hi >= 0x1p63 ? INT64_MAX : (int64_t)hi;
    return (int64_t)v;
}

void ps_store_real(poise_type t, double v, void *y)
{
    switch (t) {
    case POISE_F32: *(float *)y = (float)v; break;
    case POISE_F64: *(double *)y = v; break;
    case POISE_F16: *(uint16_t *)y = ps_f16_round(v); break;
    case POISE_BF16: *(uint16_t *)y = ps_bf16_round((float)v); break;
    case POISE_I64: *(int64_t *)y = saturate(v, -0x1p63, 0x1p63); break;
    case POISE_I32: *(int32_t *)y = (int32_t)saturate(v, INT32_MIN, INT32_MAX); break;
    case POISE_I8: *(int8_t *)y = (int8_t)saturate(v, INT8_MIN, INT8_MAX); break;
    case POISE_BOOL: *(uint8_t *)y = v != 0; break;
    default: *(uint8_t *)y = (uint8_t)saturate(v, 0, UINT8_MAX); break;
    }
}

void ps_store_whole(poise_type t, int64_t v, void *y)
{
    switch (t) {
    case POISE_F32: *(float *)y = (float)v; break;
    case POISE_F64: *(double *)y = (double)v; break;
    case POISE_F16: *(uint16_t *)y = ps_f16_round((double)v); break;
    case POISE_BF16: *(uint16_t *)y = ps_bf16_round((float)v); break;
    case POISE_I64: *(int64_t *)y = v; break;
    case POISE_I32: *(int32_t *)y = (int32_t)v; break;
    case POISE_I8: *(int8_t *)y = (int8_t)v; break;
    case POISE_BOOL: *(uint8_t *)y = v != 0; break;
    default: *(uint8_t *)y = (uint8_t)v; break;
    }
}

#define DIRECT(from, to, expr)                            \
    do {                                                  \
        const from *p = x;                                \
        to *q = y;                                        \
        for (size_t i = 0; i < n; i++) q[i] = (to)(expr); \
    } while (0)

void ps_convert(poise_type tx, poise_type ty, size_t n, const void *x, void *y)
{
    size_t sx = poise_type_size(tx), sy = poise_type_size(ty);
    if (tx == ty)
        memcpy(y, x, n * sx);
    else if (tx == POISE_U8 && ty == POISE_F32)
        DIRECT(uint8_t, float, p[i]);
    else if (tx == POISE_BOOL && ty == POISE_F32)
        DIRECT(uint8_t, float, p[i]);
    else if (tx == POISE_I64 && ty == POISE_F32)
        DIRECT(int64_t, float, p[i]);
    else if (tx == POISE_I32 && ty == POISE_F32)
        DIRECT(int32_t, float, p[i]);
    else
        for (size_t i = 0; i < n; i++) {
            const void *from = (const char *)x + i * sx;
            void *to = (char *)y + i * sy;
            if (is_real(tx))
                ps_store_real(ty, ps_load_real(tx, from), to);
            else
                ps_store_whole(ty, ps_load_whole(tx, from), to);
        }
}
