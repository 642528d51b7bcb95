/* ops/c/f16_c.c - reference conversions from and to IEEE halves. */
#include "ops/f16.h"
#include "ops/c/isa_c.h"

void ps_f16_from_f32_c(size_t n, const float *x, uint16_t *y)
{
    for (size_t i = 0; i < n; i++) y[i] = ps_f16_cut(x[i]);
}

void ps_f32_from_f16_c(size_t n, const uint16_t *x, float *y)
{
    for (size_t i = 0; i < n; i++) y[i] = ps_f16_widen(x[i]);
}
