/* ops/requant.h - what a ps_requant means, to the bit: every ISA does these operations in this order, each rounded to
 * float (no fused multiply-add: not every ISA has one), and the C kernels are these functions.
 *
 * All factors that follow each other are multiplied once for a call (ps_requant_prepare), so that an output costs as few
 * operations as can be.  Curved activations are quadratics over 31 pieces: with AVX-512 on Zen 4 a SiLU of 16 numbers
 * takes 5 cycles (three vpermi2ps), with exp2 and a division 14; the largest error, 5e-4 for SiLU, is far below half a
 * step of the outputs' codes. */
#ifndef PS_OPS_REQUANT_H
#define PS_OPS_REQUANT_H

#include "ops/kernels.h"

#include <math.h>
#include <string.h>

/* f(x) for x = step*u: with k = round(u), held to -15..15, and i = k mod 32,
 * f = (c2[i]*u + slope + c1[i])*u + c0[i].  Pieces -15 and 15 are asymptotes. */
typedef struct ps_curve {
    float step, slope;
    float c0[32], c1[32], c2[32];
} ps_curve;

/* Of SIGMOID, SILU, GELU, GELU_TANH, TANH, MISH, SOFTPLUS; and of ELU for a = 1 and x <= 0. */
extern const ps_curve ps_curves[PS_ACT_COUNT];

/* An activation as kernels compute it; y is in units of outputs. */
typedef enum ps_requant_kind {
    PS_REQUANT_CLIP,   /* y = min(hi, max(lo, x)): none, ReLU and clip */
    PS_REQUANT_LEAKY,  /* y = x < 0 ? p*x : x */
    PS_REQUANT_RAMP,   /* y = min(hi, max(0, p*x + q)): hard sigmoid */
    PS_REQUANT_SWISH,  /* y = x * min(hi, max(0, p*x + q)): hard swish */
    PS_REQUANT_CURVE,  /* y = (c2*x + c1)*x + c0, x in units of the curve's step */
    PS_REQUANT_EVEN,   /* the same, of a curve that is slope*x + an even function: 16 pieces tell the other 15 */
    PS_REQUANT_ELU     /* y = p*max(0, x) + (c2*n + c1)*n + c0, n = min(0, x) */
} ps_requant_kind;

typedef struct ps_requant_plan {
    ps_requant_kind kind;
    float in;        /* factor of scale, bias and, before the activation, residual */
    float res;       /* factor of the residual, all in all */
    float lo, hi, p, q;
    float low, top;  /* codes less zero: -zero and 255 - zero */
    float slope;     /* EVEN: c1[i] = slope + odd[i], and slope - odd[i] for -i */
    _Alignas(64) float c0[32], c1[32], c2[32], odd[16];
} ps_requant_plan;

/* Beyond this curves follow their asymptotes: as u is rounded, any number between 14.5 and 15.5. */
#define PS_CURVE_END 15.25f
/* u + PS_CURVE_SHIFT is rounded to a whole number, whose low bits are those of the sum. */
#define PS_CURVE_SHIFT 12582912.0f /* 1.5 * 2^23 */

/* x, or the NaN whose sign is set, as processors make it: kernels that compare floats as integers take that for the
 * lowest. */
static inline float ps_requant_factor(float x)
{
    return isnan(x) ? -fabsf(NAN) : x;
}

static inline void ps_requant_curve(ps_requant_plan *p, const ps_curve *c, float unit)
{
    float slope = p->slope = c->slope * unit;
    for (int i = 0; i < 16; i++) p->odd[i] = c->c1[i] * unit;
    for (int i = 0; i < 32; i++) {
        p->c0[i] = c->c0[i] * unit;
        p->c1[i] = slope + c->c1[i] * unit;
        p->c2[i] = c->c2[i] * unit;
    }
}

static inline bool ps_requant_is_even(ps_act act)
{
    return act == PS_ACT_SILU || act == PS_ACT_GELU || act == PS_ACT_GELU_TANH || act == PS_ACT_SOFTPLUS;
}

/* In two steps: PS_REQUANT_* by act; then what the rest of q says. */
static inline void ps_requant_act(ps_requant_plan *p, ps_act act, float a, float b, float unit)
{
    a = ps_requant_factor(a);
    b = ps_requant_factor(b);
    p->kind = PS_REQUANT_CLIP;
    p->in = unit;
    p->lo = -INFINITY;
    p->hi = INFINITY;
    p->p = p->q = 0.0f;
    switch (act) {
    case PS_ACT_NONE:
    case PS_ACT_COUNT: break;
    case PS_ACT_RELU: p->lo = 0.0f; break;
    case PS_ACT_CLIP:
        p->lo = a * unit;
        p->hi = b * unit;
        break;
    case PS_ACT_LEAKY:
        p->kind = PS_REQUANT_LEAKY;
        p->p = a;
        break;
    case PS_ACT_HARDSIGMOID:
    case PS_ACT_HARDSWISH:
        p->kind = act == PS_ACT_HARDSWISH ? PS_REQUANT_SWISH : PS_REQUANT_RAMP;
        p->in = 1.0f;
        p->p = (act == PS_ACT_HARDSWISH ? 1.0f / 6.0f : a) * unit;
        p->q = (act == PS_ACT_HARDSWISH ? 0.5f : b) * unit;
        p->hi = unit;
        break;
    case PS_ACT_SIGMOID:
    case PS_ACT_SILU:
    case PS_ACT_GELU:
    case PS_ACT_GELU_TANH:
    case PS_ACT_TANH:
    case PS_ACT_MISH:
    case PS_ACT_SOFTPLUS:
    case PS_ACT_ELU:
        p->kind = act == PS_ACT_ELU ? PS_REQUANT_ELU : ps_requant_is_even(act) ? PS_REQUANT_EVEN : PS_REQUANT_CURVE;
        p->in = 1.0f / ps_curves[act].step;
        p->p = ps_curves[act].step * unit;
        ps_requant_curve(p, &ps_curves[act], act == PS_ACT_ELU ? a * unit : unit);
        break;
    }
}

static inline void ps_requant_prepare(ps_requant_plan *p, const ps_requant *q)
{
    float unit = ps_requant_factor(q->to_f32 ? 1.0f : q->inv);
    ps_requant_act(p, q->act, q->a, q->b, unit);
    p->res = ps_requant_factor(q->res_scale) * (q->act_last ? p->in : unit);
    p->low = (float)-q->zero;
    p->top = (float)(255 - q->zero);
}

/* The part of q for what begins at row i, column j. */
static inline ps_requant ps_requant_part(const ps_requant *q, size_t i, size_t j)
{
    ps_requant part = *q;
    if (q->add) part.add += j;
    if (q->sums) part.sums += j;
    part.scale += j;
    if (q->bias) part.bias += j;
    if (q->residual) part.residual += (ptrdiff_t)i * q->ldr + (ptrdiff_t)j;
    return part;
}

/* What follows is for one number.  As in x86's instructions the second operand of min and max passes if either is NaN. */
static inline float ps_requant_min(float a, float b)
{
    return a < b ? a : b;
}
static inline float ps_requant_max(float a, float b)
{
    return a > b ? a : b;
}

static inline float ps_requant_quadratic(const ps_requant_plan *p, float u)
{
    float end = ps_requant_max(-PS_CURVE_END, ps_requant_min(PS_CURVE_END, u)) + PS_CURVE_SHIFT;
    uint32_t i;
    memcpy(&i, &end, sizeof i);
    i &= 31u;
    return (p->c2[i] * u + p->c1[i]) * u + p->c0[i];
}

static inline float ps_requant_activate(const ps_requant_plan *p, float x)
{
    switch (p->kind) {
    case PS_REQUANT_LEAKY: return x < 0.0f ? p->p * x : x;
    case PS_REQUANT_RAMP: return ps_requant_min(p->hi, ps_requant_max(0.0f, p->p * x + p->q));
    case PS_REQUANT_SWISH: return x * ps_requant_min(p->hi, ps_requant_max(0.0f, p->p * x + p->q));
    case PS_REQUANT_EVEN:
    case PS_REQUANT_CURVE: return ps_requant_quadratic(p, x);
    case PS_REQUANT_ELU: return p->p * ps_requant_max(0.0f, x) + ps_requant_quadratic(p, ps_requant_min(0.0f, x));
    case PS_REQUANT_CLIP: break;
    }
    return ps_requant_min(p->hi, ps_requant_max(p->lo, x));
}

/* The output for a sum in column j; r: the residual's code, which counts if q has a residual.  Not yet a code. */
static inline float ps_requant_real(const ps_requant_plan *p, const ps_requant *q, size_t j, int32_t sum, uint8_t r)
{
    int32_t whole = (int32_t)((uint32_t)sum + (q->add ? (uint32_t)q->add[j] : 0u));
    float x = (float)whole * (q->scale[j] * p->in);
    if (q->bias) x = x + q->bias[j] * p->in;
    float residual = (float)((int32_t)r - q->res_zero) * p->res;
    if (q->residual && q->act_last) x = x + residual;
    x = ps_requant_activate(p, x);
    return q->residual && !q->act_last ? x + residual : x;
}

static inline uint8_t ps_requant_code(const ps_requant_plan *p, const ps_requant *q, float y)
{
    y = ps_requant_min(p->top, ps_requant_max(y, p->low));
    int32_t code = (int32_t)(y + PS_CURVE_SHIFT - PS_CURVE_SHIFT) + q->zero;
    return q->table ? q->table[code] : (uint8_t)code;
}

#endif
