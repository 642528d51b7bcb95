/* ops/c/act_c.c - reference activations and the epilogue that applies them. */
#include "ops/bf16.h"
#include "ops/c/isa_c.h"
#include "ops/f16.h"

#include <math.h>

/* NaN stays NaN: a comparison with it is false, so the first value is kept. */
static inline float above(float x, float lo)
{
    return x < lo ? lo : x;
}

static inline float clip(float x, float lo, float hi)
{
    x = above(x, lo);
    return x > hi ? hi : x;
}

static inline float sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

static float softplus(float x)
{
    return above(x, 0.0f) + log1pf(expf(-fabsf(x)));
}

/* tanh(log(1+e)) = (e^2 + 2e) / (e^2 + 2e + 2) with e = exp(x), which is 1 in float beyond x = 10. */
static float mish(float x)
{
    float e = expf(x > 20.0f ? 20.0f : x), t = e * (e + 2.0f);
    return x * (t / (t + 2.0f));
}

static float gelu_tanh(float x)
{
    float u = 0.797884561f * (x + 0.044715f * x * x * x);
    return 0.5f * x * (1.0f + tanhf(u));
}

static inline float apply(ps_act act, float a, float b, float x)
{
    switch (act) {
    case PS_ACT_RELU: return above(x, 0.0f);
    case PS_ACT_CLIP: return clip(x, a, b);
    case PS_ACT_LEAKY: return x < 0.0f ? a * x : x;
    case PS_ACT_SIGMOID: return sigmoid(x);
    case PS_ACT_SILU: return x * sigmoid(x);
    case PS_ACT_HARDSIGMOID: return clip(a * x + b, 0.0f, 1.0f);
    case PS_ACT_HARDSWISH: return x * clip(x * (1.0f / 6.0f) + 0.5f, 0.0f, 1.0f);
    case PS_ACT_GELU: return 0.5f * x * (1.0f + erff(x * 0.707106781f));
    case PS_ACT_GELU_TANH: return gelu_tanh(x);
    case PS_ACT_TANH: return tanhf(x);
    case PS_ACT_ELU: return x < 0.0f ? a * expm1f(x) : x;
    case PS_ACT_MISH: return mish(x);
    case PS_ACT_SOFTPLUS: return softplus(x);
    case PS_ACT_NONE:
    case PS_ACT_COUNT: break;
    }
    return x;
}

void ps_act_f32_c(size_t n, ps_act act, float a, float b, const float *x, float *y)
{
    for (size_t i = 0; i < n; i++) y[i] = apply(act, a, b, x[i]);
}

void ps_finish_c(size_t m, size_t n, const float *x, ptrdiff_t ldx, float *y, ptrdiff_t ldy,
                 const ps_epilogue *e)
{
    for (size_t i = 0; i < m; i++, x += ldx, y += ldy) {
        const float *r = e->residual ? e->residual + (ptrdiff_t)i * e->ldr : NULL;
        for (size_t j = 0; j < n; j++) {
            float v = x[j];
            if (e->bias) v += e->bias[j];
            if (r && e->act_last) v += r[j];
            v = apply(e->act, e->a, e->b, v);
            if (r && !e->act_last) v += r[j];
            y[j] = v;
        }
    }
}

#define FINISH_HALF(name, widen, narrow)                                                                          \
    void name(size_t m, size_t n, const float *x, ptrdiff_t ldx, uint16_t *y, ptrdiff_t ldy, const ps_epilogue *e) \
    {                                                                                                             \
        for (size_t i = 0; i < m; i++, x += ldx, y += ldy) {                                                      \
            const uint16_t *r = e->residual16 ? e->residual16 + (ptrdiff_t)i * e->ldr : NULL;                     \
            for (size_t j = 0; j < n; j++) {                                                                      \
                float v = x[j];                                                                                   \
                if (e->bias) v += e->bias[j];                                                                     \
                if (r && e->act_last) v += widen(r[j]);                                                           \
                v = apply(e->act, e->a, e->b, v);                                                                 \
                if (r && !e->act_last) v += widen(r[j]);                                                          \
                y[j] = narrow(v);                                                                                 \
            }                                                                                                     \
        }                                                                                                         \
    }
FINISH_HALF(ps_finish_half_c, ps_bf16_widen, ps_bf16_round)
FINISH_HALF(ps_finish_f16_c, ps_f16_widen, ps_f16_cut)

void ps_epilogue_f32_c(size_t m, size_t n, float *c, ptrdiff_t ldc, const ps_epilogue *e)
{
    ps_finish_c(m, n, c, ldc, c, ldc, e);
}

void ps_exp_f32_c(size_t n, const float *x, float *y)
{
    for (size_t i = 0; i < n; i++) y[i] = expf(x[i]);
}
