/* ops/c/reduce_c.c - reference reductions and the normalisations built on them. */
#include "ops/c/isa_c.h"
#include "ops/fold.h"

#include <math.h>

float ps_sum_f32_c(size_t n, const float *x)
{
    float part[PS_PARTS] = {0};
    for (size_t i = 0; i < n; i++) part[i % PS_PARTS] += x[i];
    return ps_fold_sum(part);
}

float ps_top_f32_c(size_t n, const float *x)
{
    float top = -INFINITY;
    for (size_t i = 0; i < n; i++) top = x[i] > top || x[i] != x[i] ? x[i] : top;
    return top;
}

void ps_softmax_f32_c(size_t n, const float *x, float *y)
{
    float top = ps_top_f32_c(n, x), part[PS_PARTS] = {0};
    for (size_t i = 0; i < n; i++) {
        y[i] = expf(x[i] - top);
        part[i % PS_PARTS] += y[i];
    }
    float scale = 1.0f / ps_fold_sum(part);
    for (size_t i = 0; i < n; i++) y[i] *= scale;
}

void ps_soft_argmax_f32_c(size_t m, size_t n, const float *x, ptrdiff_t ldx, const float *w, float *y)
{
    for (size_t j = 0; j < m; j++) {
        float top = -INFINITY, sum = 0, mean = 0;
        for (size_t i = 0; i < n; i++) {
            float v = x[(ptrdiff_t)i * ldx + (ptrdiff_t)j];
            top = v > top || v != v ? v : top;
        }
        for (size_t i = 0; i < n; i++) {
            float e = expf(x[(ptrdiff_t)i * ldx + (ptrdiff_t)j] - top);
            sum += e;
            mean += w[i] * e;
        }
        y[j] = mean / sum;
    }
}

void ps_layernorm_f32_c(size_t n, const float *x, float eps, const float *scale, const float *bias, float *y)
{
    float mean = ps_sum_f32_c(n, x) / (float)n, part[PS_PARTS] = {0};
    for (size_t i = 0; i < n; i++) {
        float d = x[i] - mean;
        part[i % PS_PARTS] += d * d;
    }
    float r = 1.0f / sqrtf(ps_fold_sum(part) / (float)n + eps);
    for (size_t i = 0; i < n; i++) {
        float v = (x[i] - mean) * r;
        if (scale) v *= scale[i];
        y[i] = bias ? v + bias[i] : v;
    }
}
