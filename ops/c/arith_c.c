/* ops/c/arith_c.c - reference arithmetic on rows. */
#include "ops/c/isa_c.h"

/* NaN in either operand gives NaN. */
static inline float larger(float a, float b)
{
    return a > b || a != a ? a : b;
}

static inline float smaller(float a, float b)
{
    return a < b || a != a ? a : b;
}

#define ARITH(name, expression)                                                                  \
    void ps_##name##_f32_c(size_t n, const float *x0, int s0, const float *x1, int s1, float *y) \
    {                                                                                            \
        for (size_t i = 0; i < n; i++, x0 += s0, x1 += s1) {                                     \
            float a = *x0, b = *x1;                                                              \
            y[i] = expression;                                                                   \
        }                                                                                        \
    }
ARITH(add, a + b)
ARITH(sub, a - b)
ARITH(mul, a *b)
ARITH(div, a / b)
ARITH(max, larger(a, b))
ARITH(min, smaller(a, b))

void ps_affine_f32_c(size_t n, const float *x, const float *mul, const float *add, float *y)
{
    for (size_t i = 0; i < n; i++) y[i] = x[i] * mul[i] + add[i];
}

void ps_accumulate_f32_c(size_t n, const float *x, float *y)
{
    for (size_t i = 0; i < n; i++) y[i] += x[i];
}
