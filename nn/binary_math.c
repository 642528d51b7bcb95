/* nn/binary_math.c - the functions of op_binary.c on rows. */
#include "nn/binary_math.h"

#include "nn/convert_type.h"

#include <math.h>

#define EACH(expr)                                                \
    do {                                                          \
        for (size_t i = 0; i < n; i++) {                          \
            float a = x0[i * (size_t)s0], b = x1[i * (size_t)s1]; \
            y[i] = (expr);                                        \
        }                                                         \
    } while (0)

/* The sign of the divisor, as Python's %. */
static float modulo(float a, float b)
{
    float r = fmodf(a, b);
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

void ps_binary_f32(const ps_kernels *k, int32_t kind, size_t n, const float *x0, int s0, const float *x1,
                   int s1, float *y)
{
    switch (kind) {
    case PS_BINARY_ADD: k->add_f32(n, x0, s0, x1, s1, y); break;
    case PS_BINARY_SUB: k->sub_f32(n, x0, s0, x1, s1, y); break;
    case PS_BINARY_MUL: k->mul_f32(n, x0, s0, x1, s1, y); break;
    case PS_BINARY_DIV: k->div_f32(n, x0, s0, x1, s1, y); break;
    case PS_BINARY_MIN: k->min_f32(n, x0, s0, x1, s1, y); break;
    case PS_BINARY_MAX: k->max_f32(n, x0, s0, x1, s1, y); break;
    case PS_BINARY_MOD: EACH(modulo(a, b)); break;
    case PS_BINARY_FMOD: EACH(fmodf(a, b)); break;
    default: EACH(a < 0 ? a * b : a); break; /* prelu */
    }
}

static int64_t remainder_of(int64_t a, int64_t b, bool floor)
{
    if (b == 0 || b == -1) return 0;
    int64_t r = a % b;
    return floor && r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

static int64_t shift_left(int64_t a, int64_t b, size_t width)
{
    return b < 0 || b >= (int64_t)width ? 0 : (int64_t)((uint64_t)a << b);
}

static int64_t shift_right(int64_t a, int64_t b, size_t width)
{
    return b < 0 || b >= (int64_t)width ? (a < 0 ? -1 : 0) : a >> b;
}

/* Sums and products in unsigned arithmetic of at least 32 bits (u8 * u8 would be an int otherwise).  The
 * least integer divided by -1 is 0 - itself, which wraps. */
#define INTEGER(type, wide)                                                                                  \
    static type divide_##type(int64_t a, int64_t b)                                                          \
    {                                                                                                        \
        return b == 0 ? 0 : b == -1 ? (type)((wide)0 - (wide)a) : (type)(a / b);                             \
    }                                                                                                        \
    static type arithmetic_##type(int32_t kind, type v0, type v1)                                            \
    {                                                                                                        \
        int64_t a = v0, b = v1;                                                                              \
        switch (kind) {                                                                                      \
        case PS_BINARY_ADD: return (type)((wide)a + (wide)b);                                                \
        case PS_BINARY_SUB: return (type)((wide)a - (wide)b);                                                \
        case PS_BINARY_MUL: return (type)((wide)a * (wide)b);                                                \
        case PS_BINARY_DIV: return divide_##type(a, b);                                                      \
        case PS_BINARY_MIN: return v0 < v1 ? v0 : v1;                                                        \
        case PS_BINARY_MAX: return v0 > v1 ? v0 : v1;                                                        \
        case PS_BINARY_MOD: return (type)remainder_of(a, b, true);                                           \
        case PS_BINARY_FMOD: return (type)remainder_of(a, b, false);                                         \
        case PS_BINARY_PRELU: return a < 0 ? (type)((wide)a * (wide)b) : v0;                                 \
        case PS_BINARY_AND:                                                                                  \
        case PS_BINARY_BIT_AND: return (type)(v0 & v1);                                                      \
        case PS_BINARY_OR:                                                                                   \
        case PS_BINARY_BIT_OR: return (type)(v0 | v1);                                                       \
        case PS_BINARY_SHIFT_LEFT: return (type)shift_left(a, b, 8 * sizeof(type));                          \
        case PS_BINARY_SHIFT_RIGHT: return (type)shift_right(a, b, 8 * sizeof(type));                        \
        default: return (type)(v0 ^ v1);                                                                     \
        }                                                                                                    \
    }                                                                                                        \
    static void integer_##type(int32_t kind, size_t n, const void *p0, size_t s0, const void *p1, size_t s1, \
                               void *q)                                                                      \
    {                                                                                                        \
        const type *x0 = p0, *x1 = p1;                                                                       \
        type *y = q;                                                                                         \
        for (size_t i = 0; i < n; i++) y[i] = arithmetic_##type(kind, x0[i * s0], x1[i * s1]);               \
    }
INTEGER(int8_t, uint32_t)
INTEGER(uint8_t, uint32_t) /* also bool */
INTEGER(int32_t, uint32_t)
INTEGER(int64_t, uint64_t)

void ps_binary_integer(int32_t kind, poise_type type, size_t n, const void *x0, int s0, const void *x1,
                       int s1, void *y)
{
    size_t t0 = (size_t)s0, t1 = (size_t)s1;
    switch (type) {
    case POISE_I64: integer_int64_t(kind, n, x0, t0, x1, t1, y); break;
    case POISE_I32: integer_int32_t(kind, n, x0, t0, x1, t1, y); break;
    case POISE_I8: integer_int8_t(kind, n, x0, t0, x1, t1, y); break;
    default: integer_uint8_t(kind, n, x0, t0, x1, t1, y); break;
    }
}

#define COMPARE(type)                                                                                        \
    static void compare_##type(int32_t kind, size_t n, const void *p0, size_t s0, const void *p1, size_t s1, \
                               uint8_t *y)                                                                   \
    {                                                                                                        \
        const type *x0 = p0, *x1 = p1;                                                                       \
        for (size_t i = 0; i < n; i++) {                                                                     \
            type a = x0[i * s0], b = x1[i * s1];                                                             \
            switch (kind) {                                                                                  \
            case PS_BINARY_EQUAL: y[i] = a == b; break;                                                      \
            case PS_BINARY_GREATER: y[i] = a > b; break;                                                     \
            case PS_BINARY_GREATER_EQUAL: y[i] = a >= b; break;                                              \
            case PS_BINARY_LESS: y[i] = a < b; break;                                                        \
            default: y[i] = a <= b; break;                                                                   \
            }                                                                                                \
        }                                                                                                    \
    }
COMPARE(float)
COMPARE(int8_t)
COMPARE(uint8_t)
COMPARE(int32_t)
COMPARE(int64_t)

void ps_binary_compare(int32_t kind, poise_type type, size_t n, const void *x0, int s0, const void *x1,
                       int s1, uint8_t *y)
{
    size_t t0 = (size_t)s0, t1 = (size_t)s1;
    switch (type) {
    case POISE_F32: compare_float(kind, n, x0, t0, x1, t1, y); break;
    case POISE_I64: compare_int64_t(kind, n, x0, t0, x1, t1, y); break;
    case POISE_I32: compare_int32_t(kind, n, x0, t0, x1, t1, y); break;
    case POISE_I8: compare_int8_t(kind, n, x0, t0, x1, t1, y); break;
    default: compare_uint8_t(kind, n, x0, t0, x1, t1, y); break;
    }
}

/* a^b for whole numbers, wrapping; a negative power of anything but 1 and -1 is a fraction, so 0. */
static int64_t whole_power(int64_t a, int64_t b)
{
    if (b < 0) return a == 1 ? 1 : a == -1 ? (b % 2 ? -1 : 1) : 0;
    uint64_t r = 1, f = (uint64_t)a;
    for (; b; b >>= 1, f *= f)
        if (b & 1) r *= f;
    return (int64_t)r;
}

void ps_binary_power(poise_type t0, poise_type t1, size_t n, const void *x0, int s0, const void *x1, int s1,
                     void *y)
{
    size_t z0 = poise_type_size(t0) * (size_t)s0, z1 = poise_type_size(t1) * (size_t)s1,
           zy = poise_type_size(t0);
    bool whole = t0 != POISE_F32 && t1 != POISE_F32;
    for (size_t i = 0; i < n; i++) {
        const void *a = (const char *)x0 + i * z0, *b = (const char *)x1 + i * z1;
        void *to = (char *)y + i * zy;
        if (whole)
            ps_store_whole(t0, whole_power(ps_load_whole(t0, a), ps_load_whole(t1, b)), to);
        else if (t0 == POISE_F32 && t1 == POISE_F32)
            *(float *)to = powf(*(const float *)a, *(const float *)b);
        else
            ps_store_real(t0, pow(ps_load_real(t0, a), ps_load_real(t1, b)), to);
    }
}
