/* nn/unary_math.c - the functions of op_unary.c on dense rows. */
#include "nn/unary_math.h"

#include <math.h>

#define EACH(expr)                       \
    do {                                 \
        for (size_t i = 0; i < n; i++) { \
            float v = x[i];              \
            y[i] = (expr);               \
        }                                \
    } while (0)

static void round_rows(int32_t kind, size_t n, const float *x, float *y)
{
    switch (kind) {
    case PS_UNARY_ABS: EACH(fabsf(v)); break;
    case PS_UNARY_NEG: EACH(-v); break;
    case PS_UNARY_SIGN: EACH(v > 0 ? 1.0f : v < 0 ? -1.0f : v); break;
    case PS_UNARY_CEIL: EACH(ceilf(v)); break;
    case PS_UNARY_FLOOR: EACH(floorf(v)); break;
    default: EACH(nearbyintf(v)); break; /* nobody changes the rounding mode: half to even */
    }
}

static void trigonometric(int32_t kind, size_t n, const float *x, float *y)
{
    switch (kind) {
    case PS_UNARY_SIN: EACH(sinf(v)); break;
    case PS_UNARY_COS: EACH(cosf(v)); break;
    case PS_UNARY_TAN: EACH(tanf(v)); break;
    case PS_UNARY_ASIN: EACH(asinf(v)); break;
    case PS_UNARY_ACOS: EACH(acosf(v)); break;
    case PS_UNARY_ATAN: EACH(atanf(v)); break;
    case PS_UNARY_SINH: EACH(sinhf(v)); break;
    case PS_UNARY_COSH: EACH(coshf(v)); break;
    case PS_UNARY_ASINH: EACH(asinhf(v)); break;
    case PS_UNARY_ACOSH: EACH(acoshf(v)); break;
    default: EACH(atanhf(v)); break;
    }
}

static void activation(const ps_unary_params *p, size_t n, const float *x, float *y)
{
    float a = p->a, b = p->b;
    switch (p->kind) {
    case PS_UNARY_SELU: EACH(b * (v > 0 ? v : a * expm1f(v))); break;
    case PS_UNARY_CELU: EACH(fmaxf(v, 0) + fminf(0, a * expm1f(v / a))); break;
    case PS_UNARY_SOFTSIGN: EACH(v / (1 + fabsf(v))); break;
    case PS_UNARY_THRESHOLDED_RELU: EACH(v > a ? v : 0); break;
    default: EACH(v < -a ? v + b : v > a ? v - b : 0); break; /* shrink */
    }
}

void ps_unary_f32(const ps_kernels *k, const ps_unary_params *p, size_t n, const float *x, float *y)
{
    if (p->kind < PS_ACT_COUNT)
        k->act_f32(n, (ps_act)p->kind, p->a, p->b, x, y);
    else if (p->kind <= PS_UNARY_ROUND)
        round_rows(p->kind, n, x, y);
    else if (p->kind >= PS_UNARY_SIN && p->kind <= PS_UNARY_ATANH)
        trigonometric(p->kind, n, x, y);
    else if (p->kind >= PS_UNARY_SELU)
        activation(p, n, x, y);
    else if (p->kind == PS_UNARY_SQRT)
        EACH(sqrtf(v));
    else if (p->kind == PS_UNARY_RECIPROCAL)
        EACH(1 / v);
    else if (p->kind == PS_UNARY_EXP)
        k->exp_f32(n, x, y);
    else if (p->kind == PS_UNARY_LOG)
        EACH(logf(v));
    else
        EACH(erff(v));
}

/* Negation and complement in unsigned arithmetic: the least integer has no positive twin and wraps. */
#define INTEGER(type, unsigned_type)                                               \
    static void integer_##type(int32_t kind, size_t n, const void *from, void *to) \
    {                                                                              \
        const type *x = from;                                                      \
        type *y = to;                                                              \
        for (size_t i = 0; i < n; i++) {                                           \
            int64_t v = x[i];                                                      \
            type minus = (type)(unsigned_type)(0u - (unsigned_type)x[i]);          \
            switch (kind) {                                                        \
            case PS_UNARY_ABS: y[i] = v < 0 ? minus : x[i]; break;                 \
            case PS_UNARY_NEG: y[i] = minus; break;                                \
            case PS_UNARY_SIGN: y[i] = (type)((v > 0) - (v < 0)); break;           \
            case PS_UNARY_NOT: y[i] = !v; break;                                   \
            default: y[i] = (type)~v; break;                                       \
            }                                                                      \
        }                                                                          \
    }
INTEGER(int8_t, uint8_t)
INTEGER(uint8_t, uint8_t) /* also bool */
INTEGER(int32_t, uint32_t)
INTEGER(int64_t, uint64_t)

void ps_unary_integer(int32_t kind, poise_type type, size_t n, const void *x, void *y)
{
    switch (type) {
    case POISE_I64: integer_int64_t(kind, n, x, y); break;
    case POISE_I32: integer_int32_t(kind, n, x, y); break;
    case POISE_I8: integer_int8_t(kind, n, x, y); break;
    default: integer_uint8_t(kind, n, x, y); break;
    }
}

void ps_unary_test(const ps_unary_params *p, size_t n, const float *x, uint8_t *y)
{
    for (size_t i = 0; i < n; i++) {
        float v = x[i];
        if (p->kind == PS_UNARY_IS_NAN)
            y[i] = v != v;
        else
            y[i] = isinf(v) && (v > 0 ? p->b != 0 : p->a != 0);
    }
}
