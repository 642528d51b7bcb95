/* convert/fuse_activation.c - recognises activations that were exported as chains of simple nodes: SiLU, Mish,
 * hard sigmoid and swish, GELU with erf and with tanh, leaky ReLU, clip; each becomes one unary node.
 *
 * Exporters write the same function in many orders, so products are taken apart into factors and a number,
 * and what is left is compared with the formula of ops/kernels.h. */
#include "convert/rewrite.h"

#include <math.h>

enum { FACTORS = 4 };

/* k * f[0] * f[1] ... */
typedef struct product {
    int32_t f[FACTORS];
    int n;
    double k;
} product;

/* k*x + c */
typedef struct line {
    int32_t x;
    double k, c;
} line;

static int kind_of(const ps_node *n)
{
    return n && n->op == &ps_op_binary ? ((const ps_binary_params *)n->params)->kind : -1;
}

/* Takes apart multiplications and divisions by a number; `root` is the last of them. */
static bool take_apart(ps_rewrite *w, const ps_node *root, product *p)
{
    enum { STEPS = 12 };
    int32_t open[STEPS];
    int n_open = 0;
    *p = (product){.k = 1};
    const ps_node *n = root;
    for (int step = 0; step < STEPS; step++) {
        int kind = kind_of(n);
        double d;
        int32_t a = ps_rw_in(w, n, 0), b = ps_rw_in(w, n, 1);
        if (kind == PS_BINARY_DIV && ps_rw_scalar(w, b, &d)) {
            p->k /= d;
        } else if (kind == PS_BINARY_MUL) {
            if (n_open < STEPS) open[n_open++] = b;
        } else {
            return false;
        }
        /* The next node to take apart: an operand that is itself a product. */
        for (int32_t v = a;; v = open[--n_open]) {
            n = ps_rw_sole(w, v, &ps_op_binary);
            if (n && (kind_of(n) == PS_BINARY_MUL ||
                      (kind_of(n) == PS_BINARY_DIV && ps_rw_scalar(w, ps_rw_in(w, n, 1), &d))))
                break;
            if (ps_rw_scalar(w, v, &d))
                p->k *= d;
            else if (p->n < FACTORS)
                p->f[p->n++] = v;
            else
                return false;
            if (!n_open) return true;
        }
    }
    return false;
}

/* The factors of a value; a value that no product makes is its own factor. */
static bool factors_of(ps_rewrite *w, int32_t v, product *p)
{
    const ps_node *n = ps_rw_sole(w, v, &ps_op_binary);
    if (n && take_apart(w, n, p)) return true;
    *p = (product){.f = {v}, .n = 1, .k = 1};
    return true;
}

/* v as k*x + c with the innermost x; every step but the first must have v as its only reader. */
static line line_of(ps_rewrite *w, const ps_node *n, int32_t v)
{
    line l = {v, 1, 0};
    for (int step = 0; step < 6 && n; step++) {
        int kind = kind_of(n);
        double d;
        int32_t a = ps_rw_in(w, n, 0), b = ps_rw_in(w, n, 1);
        bool second = ps_rw_scalar(w, b, &d);
        if (!second && (kind == PS_BINARY_DIV || !ps_rw_scalar(w, a, &d))) break;
        if (kind == PS_BINARY_ADD) {
            l.c += l.k * d;
        } else if (kind == PS_BINARY_SUB) {
            l.c += second ? -l.k * d : l.k * d;
            if (!second) l.k = -l.k;
        } else if (kind == PS_BINARY_MUL) {
            l.k *= d;
        } else if (kind == PS_BINARY_DIV) {
            l.k /= d;
        } else {
            break;
        }
        l.x = second ? a : b;
        n = ps_rw_sole(w, l.x, &ps_op_binary);
    }
    return l;
}

static line line_to(ps_rewrite *w, int32_t v)
{
    return line_of(w, ps_rw_sole(w, v, &ps_op_binary), v);
}

static bool is_unary_of(ps_rewrite *w, int32_t v, int kind, int32_t *x)
{
    const ps_node *n = ps_rw_sole_unary(w, v, kind);
    if (n) *x = ps_rw_in(w, n, 0);
    return n != NULL;
}

/* Lower and upper limit of a clip or ReLU. */
static bool limits_of(const ps_node *n, double *low, double *high)
{
    if (!n || n->op != &ps_op_unary) return false;
    const ps_unary_params *u = n->params;
    *low = u->kind == PS_ACT_CLIP ? (double)u->a : 0;
    *high = u->kind == PS_ACT_CLIP ? (double)u->b : HUGE_VAL;
    return u->kind == PS_ACT_CLIP || u->kind == PS_ACT_RELU;
}

/* v = k * x^power? */
static bool power_of(ps_rewrite *w, int32_t v, int32_t x, int power, double *k)
{
    product p;
    if (v == x || !factors_of(w, v, &p)) return false;
    double sum = 0, e;
    for (int i = 0; i < p.n; i++) {
        const ps_node *pow = ps_rw_sole_binary(w, p.f[i], PS_BINARY_POW);
        if (p.f[i] == x)
            sum += 1;
        else if (pow && ps_rw_in(w, pow, 0) == x && ps_rw_scalar(w, ps_rw_in(w, pow, 1), &e))
            sum += e;
        else
            return false;
    }
    *k = p.k;
    return ps_rw_near(sum, (double)power);
}

/* v = sqrt(2/pi) * (x + 0.044715 x^3)?  Written so, or as x * (a + b x^2). */
static bool is_tanh_argument(ps_rewrite *w, int32_t v, int32_t x)
{
    const double root = 0.79788456080286536, cubic = 0.044715;
    product p;
    double k;
    if (!factors_of(w, v, &p)) return false;
    if (p.n == 1) {
        const ps_node *sum = ps_rw_sole_binary(w, p.f[0], PS_BINARY_ADD);
        if (!sum || !ps_rw_near(p.k, root)) return false;
        int32_t a = ps_rw_in(w, sum, 0), b = ps_rw_in(w, sum, 1);
        return (a == x && power_of(w, b, x, 3, &k) && ps_rw_near(k, cubic)) ||
               (b == x && power_of(w, a, x, 3, &k) && ps_rw_near(k, cubic));
    }
    for (int i = 0; i < 2 && p.n == 2; i++) {
        if (p.f[i] != x) continue;
        line l = line_to(w, p.f[1 - i]);
        return ps_rw_near(p.k * l.c, root) && power_of(w, l.x, x, 2, &k) &&
               ps_rw_near(p.k * l.k * k, root * cubic);
    }
    return false;
}

/* k * x * e: which activation of x is it? */
static ps_unary_params gate(ps_rewrite *w, double k, int32_t x, int32_t e)
{
    const ps_unary_params none = {0};
    line l = line_to(w, e), z;
    double kk = k * l.k, kc = k * l.c, low, high;
    bool plain = ps_rw_near(kk, 1) && fabs(kc) < 1e-9, half = ps_rw_near(kk, 0.5) && ps_rw_near(kc, 0.5);
    int32_t u = -1, v = -1;
    if (plain && is_unary_of(w, l.x, PS_ACT_SIGMOID, &u) && u == x) return (ps_unary_params){PS_ACT_SILU, 0, 0};
    const ps_node *g = ps_rw_sole_unary(w, l.x, PS_ACT_HARDSIGMOID);
    if (plain && g && ps_rw_in(w, g, 0) == x) {
        const ps_unary_params *a = g->params;
        bool swish = ps_rw_near((double)a->a, 1. / 6) && ps_rw_near((double)a->b, 0.5);
        return swish ? (ps_unary_params){PS_ACT_HARDSWISH, 0, 0} : none;
    }
    if (is_unary_of(w, l.x, PS_ACT_TANH, &u)) {
        if (plain && is_unary_of(w, u, PS_ACT_SOFTPLUS, &v) && v == x) return (ps_unary_params){PS_ACT_MISH, 0, 0};
        return half && is_tanh_argument(w, u, x) ? (ps_unary_params){PS_ACT_GELU_TANH, 0, 0} : none;
    }
    if (half && is_unary_of(w, l.x, PS_UNARY_ERF, &u)) {
        z = line_to(w, u);
        bool gelu = z.x == x && ps_rw_near(z.k, 0.70710678118654752) && fabs(z.c) < 1e-9;
        return gelu ? (ps_unary_params){PS_ACT_GELU, 0, 0} : none;
    }
    g = ps_rw_sole(w, l.x, &ps_op_unary);
    if (kk > 0 && limits_of(g, &low, &high)) { /* x * clip(x + 3, 0, 6) / 6 */
        z = line_to(w, ps_rw_in(w, g, 0));
        if (z.x == x && ps_rw_near(kk * z.k, 1. / 6) && ps_rw_near(kk * z.c + kc, 0.5) &&
            fabs(kk * low + kc) < 1e-6 && ps_rw_near(kk * high + kc, 1))
            return (ps_unary_params){PS_ACT_HARDSWISH, 0, 0};
    }
    return none;
}

static poise_status become(ps_rewrite *w, ps_node *n, ps_unary_params u, int32_t x)
{
    bool ok;
    return ps_rw_set(w, n, &ps_op_unary, &u, 1, &x, &ok);
}

static poise_status fuse_gate(ps_rewrite *w, ps_node *n)
{
    product p;
    if ((kind_of(n) != PS_BINARY_MUL && kind_of(n) != PS_BINARY_DIV) || !take_apart(w, n, &p) || p.n != 2)
        return POISE_OK;
    for (int i = 0; i < 2; i++) {
        ps_unary_params u = gate(w, p.k, p.f[i], p.f[1 - i]);
        if (u.kind) return become(w, n, u, p.f[i]);
    }
    return POISE_OK;
}

/* Numbers around a clip: clip(x + 3, 0, 6) / 6 and clip(x/6 + 1/2, 0, 1) are the hard sigmoid. */
static poise_status fuse_hard_sigmoid(ps_rewrite *w, ps_node *n)
{
    line l = {n->out[0], 1, 0};
    const ps_node *clip = n;
    if (kind_of(n) >= 0) {
        l = line_of(w, n, n->out[0]);
        clip = ps_rw_sole(w, l.x, &ps_op_unary);
    }
    double low, high;
    if (!limits_of(clip, &low, &high) || l.k <= 0 || fabs(l.k * low + l.c) > 1e-6 ||
        !ps_rw_near(l.k * high + l.c, 1))
        return POISE_OK;
    line z = line_to(w, ps_rw_in(w, clip, 0));
    if (clip == n && z.x == ps_rw_in(w, n, 0)) return POISE_OK; /* just a clip */
    ps_unary_params u = {PS_ACT_HARDSIGMOID, (float)(l.k * z.k), (float)(l.k * z.c + l.c)};
    return become(w, n, u, z.x);
}

static ps_unary_params clip_of(double low, double high)
{
    if (low >= 0 && low <= 0 && high > 3e38) return (ps_unary_params){PS_ACT_RELU, 0, 0};
    return (ps_unary_params){PS_ACT_CLIP, (float)low, (float)high};
}

/* max(x, c), min(x, c), clips of clips; max(x, a*x) is leaky. */
static poise_status fuse_clip(ps_rewrite *w, ps_node *n)
{
    int kind = kind_of(n);
    double low = -HUGE_VAL, high = HUGE_VAL, c, low0, high0;
    int32_t x = ps_rw_in(w, n, 0);
    if (kind == PS_BINARY_MAX || kind == PS_BINARY_MIN) {
        int32_t other = ps_rw_in(w, n, 1);
        if (kind == PS_BINARY_MAX)
            for (int i = 0; i < 2; i++) {
                int32_t a = i ? other : x, b = i ? x : other;
                line l = line_to(w, b);
                if (a == l.x && b != a && l.k > 0 && l.k < 1 && l.c >= 0 && l.c <= 0)
                    return become(w, n, (ps_unary_params){PS_ACT_LEAKY, (float)l.k, 0}, a);
            }
        if (!ps_rw_scalar(w, other, &c)) {
            if (!ps_rw_scalar(w, x, &c)) return POISE_OK;
            x = other;
        }
        *(kind == PS_BINARY_MAX ? &low : &high) = c;
    } else if (!limits_of(n, &low, &high)) {
        return POISE_OK;
    }
    const ps_node *before = ps_rw_sole(w, x, &ps_op_unary);
    bool merged = limits_of(before, &low0, &high0) && low0 <= high0;
    if (merged) {
        low = fmin(fmax(low0, low), high);
        high = fmin(fmax(high0, low), high);
        x = ps_rw_in(w, before, 0);
    }
    ps_unary_params u = clip_of(low, high);
    if (kind < 0 && !merged && u.kind == ((const ps_unary_params *)n->params)->kind) return POISE_OK;
    return become(w, n, u, x);
}

static poise_status fuse_prelu(ps_rewrite *w, ps_node *n)
{
    int32_t slope = ps_rw_in(w, n, 1);
    enum { CHANNELS = 16384 };
    if (kind_of(n) != PS_BINARY_PRELU || !ps_rw_is_const(w, slope)) return POISE_OK;
    size_t count = ps_value_count(&w->g->values[slope]);
    if (!count || count > CHANNELS) return POISE_OK;
    float a = ps_rw_float(w, slope, 0);
    if (!ps_rw_all(w, slope, a)) return POISE_OK;
    return become(w, n, (ps_unary_params){PS_ACT_LEAKY, a, 0}, ps_rw_in(w, n, 0));
}

poise_status ps_fuse_activation(ps_rewrite *w, ps_node *n)
{
    if (n->op != &ps_op_binary && n->op != &ps_op_unary) return POISE_OK;
    if (w->g->values[n->out[0]].type != POISE_F32) return POISE_OK;
    PS_TRY(fuse_gate(w, n));
    PS_TRY(fuse_hard_sigmoid(w, n));
    PS_TRY(fuse_clip(w, n));
    return fuse_prelu(w, n);
}
