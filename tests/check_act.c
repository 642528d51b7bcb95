/* tests/check_act.c - checks activations, exp and the epilogue; the oracle of every activation. */
#include "tests/check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *const check_act_names[PS_ACT_COUNT] = {"none", "relu",        "clip",      "leaky",   "sigmoid",
                                                   "silu", "hardsigmoid", "hardswish", "gelu",    "gelu_tanh",
                                                   "tanh", "elu",         "mish",      "softplus"};

static double clip(double x, double lo, double hi)
{
    return x < lo ? lo : x > hi ? hi : x;
}

static double softplus(double x)
{
    return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
}

static double gelu_tanh(double x)
{
    return x / (1 + exp(-2 * 0.79788456080286536 * (x + 0.044715 * x * x * x)));
}

double check_act(ps_act act, double a, double b, double x)
{
    switch (act) {
    case PS_ACT_RELU: return x < 0 ? 0 : x;
    case PS_ACT_CLIP: return clip(x, a, b);
    case PS_ACT_LEAKY: return x < 0 ? a * x : x;
    case PS_ACT_SIGMOID: return 1 / (1 + exp(-x));
    case PS_ACT_SILU: return x / (1 + exp(-x));
    case PS_ACT_HARDSIGMOID: return clip(a * x + b, 0, 1);
    case PS_ACT_HARDSWISH: return x * clip(x / 6 + 0.5, 0, 1);
    case PS_ACT_GELU: return 0.5 * x * erfc(-x * 0.70710678118654752);
    case PS_ACT_GELU_TANH: return gelu_tanh(x);
    case PS_ACT_TANH: return tanh(x);
    case PS_ACT_ELU: return x < 0 ? a * expm1(x) : x;
    case PS_ACT_MISH: return x * tanh(softplus(x));
    case PS_ACT_SOFTPLUS: return softplus(x);
    case PS_ACT_NONE:
    case PS_ACT_COUNT: break;
    }
    return x;
}

double check_act_tolerance(ps_act act, double a, double b, double x)
{
    const double eps = (double)FLT_EPSILON,
                 least = 2 * (double)FLT_MIN; /* exp is held within normal numbers */
    double y = fabs(check_act(act, a, b, x)), size = fabs(x);
    /* exp(-x) = 2^(-x log2 e), whose exponent is rounded: of what is small, since it is far from 0. */
    double far = x < 0 ? fmin(size, 100) : 0;
    switch (act) {
    case PS_ACT_NONE:
    case PS_ACT_RELU:
    case PS_ACT_CLIP: return 0;
    case PS_ACT_LEAKY: return eps * y + 1e-44;
    case PS_ACT_HARDSIGMOID: return eps * (fabs(a) * size + fabs(b) + y);
    case PS_ACT_HARDSWISH: return 2 * eps * (size + y);
    /* x of -89 is e^-89 in truth, and x / FLT_MAX where exp(-x) stops. */
    case PS_ACT_SILU: return (3 + far) * eps * y + least * (1 + size);
    case PS_ACT_GELU: return 2 * eps * y + 2e-7 * fmin(size, 6);
    /* The rounding of the exponent 2u is multiplied by its size. */
    case PS_ACT_GELU_TANH:
        return eps * y * (4 + 4 * fmin(size * (1 + size * size / 20), 100)) + least * (1 + size) +
               2e-7 * fmin(size, 6);
    case PS_ACT_ELU: return 4 * eps * y + 1e-44;
    case PS_ACT_MISH: return 6 * eps * y + least * (1 + size);
    case PS_ACT_SIGMOID:
    case PS_ACT_SOFTPLUS: return (4 + far) * eps * y + least;
    case PS_ACT_TANH:
    case PS_ACT_COUNT: break;
    }
    return 4 * eps * y + least;
}

/* Values where something can go wrong; NaN last. */
static const float special[] = {
    0.0f,        -0.0f,        1e-40f,       -1e-40f, 1e-8f,       -1e-8f,       1e-3f,       -1e-3f,
    0.5f,        -0.5f,        1.0f,         -1.0f,   3.0f,        -3.0f,        5.5f,        -5.5f,
    5.66f,       -5.66f,       9.0f,         -9.0f,   10.1f,       -10.1f,       17.0f,       -17.0f,
    21.0f,       -21.0f,       87.0f,        -87.0f,  87.33f,      -87.33f,      87.34f,      -87.34f,
    88.0f,       -88.0f,       88.72f,       -88.72f, 88.7228317f, -88.7228317f, 88.7228394f, -88.7228394f,
    87.3365402f, -87.3365402f, -87.3365479f, 88.723f, -88.723f,    88.73f,       -88.73f,     89.0f,
    -89.0f,      104.0f,       -104.0f,      1000.0f, -1000.0f,    INFINITY,     NAN};
enum { N_SPECIAL = sizeof special / sizeof *special };

static void check_one_act(check *c, ps_act act, float a, float b)
{
    ps_act_f32_fn *f = (ps_act_f32_fn *)c->neu;
    for (const size_t *n = check_sizes; *n != SIZE_MAX && !c->failed; n++) {
        bool front = check_below(2);
        float range = check_below(2) ? 4.0f : 100.0f;
        float *x = check_random(*n, front, -range, range), *y = check_floats(*n, front);
        for (size_t i = 0; i < *n; i++)
            if (!check_below(8)) x[i] = special[check_below(N_SPECIAL)];
        if (act == PS_ACT_GELU_TANH) /* cubed, infinity less infinity */
            for (size_t i = 0; i < *n; i++) x[i] = x[i] > 1e4f ? 1e4f : x[i];
        f(*n, act, a, b, x, y);
        for (size_t i = 0; i < *n; i++) {
            double v = (double)x[i];
            if (!check_near(c, check_act_names[act], i, y[i], check_act(act, (double)a, (double)b, v),
                            check_act_tolerance(act, (double)a, (double)b, v))) {
                printf("  x = %.9g\n", v);
                return;
            }
        }
        if (*n > 1) {
            size_t cut = 1 + check_below(*n - 1);
            float *again = check_floats(*n, !front);
            f(cut, act, a, b, x, again);
            f(*n - cut, act, a, b, x + cut, again + cut);
            if (!check_same(c, check_act_names[act], y, again, *n)) return;
        }
        f(*n, act, a, b, x, x);
        check_same(c, "in place", y, x, *n);
        check_release();
    }
}

void check_act_f32(check *c)
{
    for (int act = 0; act < PS_ACT_COUNT && !c->failed; act++) {
        check_one_act(c, (ps_act)act, act == PS_ACT_CLIP ? -0.5f : 0.2f, act == PS_ACT_CLIP ? 6.0f : 0.5f);
        check_release();
    }
    if (!check_benched(c)) return;
    enum { N = 4096 };
    const float *x = check_random(N, true, -4, 4);
    float *y = check_floats(N, true);
    for (int act = 0; act < PS_ACT_COUNT; act++)
        CHECK_BENCH(c, check_act_names[act], N, "elements/ns",
                    ((ps_act_f32_fn *)c->neu)(N, (ps_act)act, 0.2f, 0.5f, x, y),
                    ((ps_act_f32_fn *)c->ref)(N, (ps_act)act, 0.2f, 0.5f, x, y));
}

void check_epilogue_f32(check *c)
{
    ps_epilogue_f32_fn *f = (ps_epilogue_f32_fn *)c->neu;
    for (int round = 0; round < 400 && !c->failed; round++) {
        size_t m = check_below(6), n = check_below(70), ld = n + check_below(9), ldr = n + check_below(9);
        size_t rows = m ? m - 1 : 0;
        bool front = check_below(2), bias = check_below(2), residual = check_below(2);
        float *y = check_floats(m && n ? rows * ld + n : 0, front), *x = check_random(m * n, true, -3, 3);
        const ps_epilogue e = {.bias = bias ? check_random(n, front, -1, 1) : NULL,
                               .residual =
                                   residual ? check_random(m && n ? rows * ldr + n : 0, front, -1, 1) : NULL,
                               .ldr = (ptrdiff_t)ldr,
                               .act = (ps_act)check_below(PS_ACT_COUNT),
                               .a = -0.25f,
                               .b = 1.5f,
                               .act_last = check_below(2)};
        for (size_t i = 0; i < m; i++)
            if (n) memcpy(y + i * ld, x + i * n, n * sizeof *x);
        f(m, n, y, (ptrdiff_t)ld, &e);
        for (size_t i = 0; i < m * n && !c->failed; i++) {
            double v = (double)x[i], r = residual ? (double)e.residual[i / n * ldr + i % n] : 0.0,
                   a = (double)e.a;
            if (bias) v += (double)e.bias[i % n];
            if (e.act_last) v += r;
            double want = check_act(e.act, a, (double)e.b, v),
                   tolerance = check_act_tolerance(e.act, a, (double)e.b, v);
            if (!e.act_last) want += r;
            tolerance += 8 * (double)FLT_EPSILON * (5 + fabs(want));
            check_near(c, check_act_names[e.act], i, y[i / n * ld + i % n], want, tolerance);
        }
        if (m && n) check_gaps(c, y, m, n, ld);
        check_release();
    }
}

void check_exp_f32(check *c)
{
    ps_exp_f32_fn *f = (ps_exp_f32_fn *)c->neu;
    for (const size_t *n = check_sizes; *n != SIZE_MAX && !c->failed; n++) {
        bool front = check_below(2);
        float *x = check_random(*n, front, -87.3f, 88.7f), *y = check_floats(*n, front);
        for (size_t i = 0; i < *n; i++)
            if (!check_below(8)) x[i] = special[check_below(N_SPECIAL)];
        f(*n, x, y);
        for (size_t i = 0; i < *n; i++) {
            double want = exp((double)x[i]), least = x[i] < -87.3f ? 2 * (double)FLT_MIN : 0.0;
            double ulp = want > 0 && want <= (double)FLT_MAX ? ldexp(1, ilogb(want) - 23) : 0.0;
            if (!check_near(c, "exp", i, y[i], want, 2 * ulp + least)) return;
        }
        f(*n, x, x);
        check_same(c, "in place", y, x, *n);
        check_release();
    }
    if (!check_benched(c)) return;
    enum { N = 4096 };
    const float *x = check_random(N, true, -4, 4);
    float *y = check_floats(N, true);
    CHECK_BENCH(c, "4096", N, "elements/ns", ((ps_exp_f32_fn *)c->neu)(N, x, y),
                ((ps_exp_f32_fn *)c->ref)(N, x, y));
}
