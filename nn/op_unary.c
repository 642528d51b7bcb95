/* nn/op_unary.c - y = f(x), element by element. */
#include "nn/move.h"
#include "nn/op.h"
#include "nn/params.h"
#include "nn/quantised.h"
#include "nn/rules.h"
#include "nn/spread.h"
#include "nn/unary_math.h"
#include "nn/widen.h"

#include <stdio.h>

static const char *const act_names[PS_ACT_COUNT] = {
    "identity",   "relu", "clip",      "leaky relu", "sigmoid", "silu", "hard sigmoid",
    "hard swish", "gelu", "gelu tanh", "tanh",       "elu",     "mish", "softplus"};
static const char *const names[PS_UNARY_COUNT - PS_UNARY_ABS] = {"abs",      "neg",
                                                                 "sign",     "ceil",
                                                                 "floor",    "round",
                                                                 "sqrt",     "reciprocal",
                                                                 "exp",      "log",
                                                                 "erf",      "sin",
                                                                 "cos",      "tan",
                                                                 "asin",     "acos",
                                                                 "atan",     "sinh",
                                                                 "cosh",     "asinh",
                                                                 "acosh",    "atanh",
                                                                 "selu",     "celu",
                                                                 "softsign", "thresholded relu",
                                                                 "shrink",   "not",
                                                                 "bit not",  "is nan",
                                                                 "is inf"};

static const char *kind_name(int32_t kind)
{
    return kind < PS_ACT_COUNT ? act_names[kind] : names[kind - PS_UNARY_ABS];
}

/* From real numbers to real numbers. */
static bool of_reals(int32_t kind)
{
    return kind < PS_UNARY_NOT;
}

static bool allowed(int32_t kind, poise_type type)
{
    if (kind == PS_UNARY_NOT) return type == POISE_BOOL;
    if (kind == PS_UNARY_BIT_NOT) return ps_is_integer(type);
    if (kind == PS_UNARY_ABS || kind == PS_UNARY_NEG || kind == PS_UNARY_SIGN) return ps_is_number(type);
    return type == POISE_F32;
}

static poise_status infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    const ps_unary_params *p = params;
    (void)n_in;
    int32_t kind = p->kind;
    bool codes = ps_value_is_quantised(in[0]), test = kind == PS_UNARY_IS_NAN || kind == PS_UNARY_IS_INF;
    bool known = (kind >= 0 && kind < PS_ACT_COUNT) || (kind >= PS_UNARY_ABS && kind < PS_UNARY_COUNT);
    PS_REQUIRE(known, POISE_BAD_MODEL, "unknown function %d", kind);
    PS_REQUIRE(codes ? of_reals(kind) : allowed(kind, in[0]->type), POISE_UNSUPPORTED, "%s of %s%s", kind_name(kind),
               codes ? "quantised " : "", poise_type_name(in[0]->type));
    if (codes) PS_TRY(ps_rule_real(in[0], "the input"));
    ps_shape_like(out[0], codes ? ps_real_type(1, in, out[0]) : test ? POISE_BOOL : in[0]->type, in[0]);
    return POISE_OK;
}

static void dense_row(const ps_call *c, size_t n, const void *x, void *y)
{
    const ps_unary_params *p = c->params;
    if (c->out[0]->type == POISE_F32)
        ps_unary_f32(c->k, p, n, x, y);
    else if (c->in[0]->type == POISE_F32)
        ps_unary_test(p, n, x, y);
    else
        ps_unary_integer(p->kind, c->in[0]->type, n, x, y);
}

/* Stored as 16 bits or codes on either side, computed in f32. */
static void mixed_piece(const void *ctx, size_t n, void *const *at, const ptrdiff_t *step, int thread)
{
    const ps_call *c = ctx;
    poise_type tx = c->in[0]->type, ty = c->out[0]->type;
    size_t sx = poise_type_size(tx), sy = poise_type_size(ty);
    float room[2][PS_WIDEN];
    (void)thread;
    for (size_t i = 0; i < n; i += PS_WIDEN) {
        size_t m = n - i < PS_WIDEN ? n - i : PS_WIDEN;
        const float *x = ps_widen(c->k, c->in[0], m, ps_at(at[1], (ptrdiff_t)i * step[1], sx), step[1], room[0]);
        ps_unary_f32(c->k, c->params, m, x, room[1]);
        ps_narrow_to(c->k, c->out[0], m, room[1], ps_at(at[0], (ptrdiff_t)i * step[0], sy), step[0]);
    }
}

static void piece(const void *ctx, size_t n, void *const *at, const ptrdiff_t *step, int thread)
{
    enum { BLOCK = 128 };
    const ps_call *c = ctx;
    (void)thread;
    if (n == 1 || (step[0] == 1 && step[1] == 1)) {
        dense_row(c, n, at[1], at[0]);
        return;
    }
    int64_t x[BLOCK], y[BLOCK]; /* room for the largest type */
    size_t sy = poise_type_size(c->out[0]->type), sx = poise_type_size(c->in[0]->type);
    for (size_t i = 0; i < n; i += BLOCK) {
        size_t m = n - i < BLOCK ? n - i : BLOCK;
        ps_gather(sx, m, (const char *)at[1] + (ptrdiff_t)(i * sx) * step[1], step[1], x);
        dense_row(c, m, x, y);
        ps_scatter(sy, m, y, (char *)at[0] + (ptrdiff_t)(i * sy) * step[0], step[0]);
    }
}

/* Nanoseconds an element, roughly, on one AVX2 core: kernels, then calls of libm. */
static double cost(int32_t kind)
{
    if (kind < PS_ACT_COUNT || kind == PS_UNARY_EXP) return 0.4;
    if ((kind >= PS_UNARY_LOG && kind <= PS_UNARY_CELU)) return 10;
    return 0.5;
}

/* ---- codes to codes: a table, made when the model is opened ---- */

static bool from_table(const ps_call *c)
{
    return ps_is_quantised(c->in[0]) && ps_is_quantised(c->out[0]);
}

static size_t packed(const ps_call *c)
{
    return from_table(c) ? PS_CODES : 0;
}

static void pack(const ps_call *c, void *dst)
{
    float real[PS_CODES];
    ps_all_reals(c->k, c->in[0], real);
    ps_unary_f32(ps_steady(c), c->params, PS_CODES, real, real);
    ps_codes_of(c->k, c->out[0], PS_CODES, real, dst);
}

static void run(const ps_call *c)
{
    const ps_unary_params *p = c->params;
    ps_walk w;
    if (from_table(c)) {
        ps_lookup(c->k, c->threads, c->packed, c->in[0], c->out[0]);
        return;
    }
    ps_walk_init(&w, 2, (const poise_tensor *[]){c->out[0], c->in[0]});
    (ps_is_mixed(c) ? ps_spread_short : ps_spread)(&w, c->threads, cost(p->kind), ps_is_mixed(c) ? mixed_piece : piece, c);
}

static void describe(const void *params, char *buf, size_t size)
{
    const ps_unary_params *p = params;
    int32_t k = p->kind;
    bool a = k == PS_ACT_LEAKY || k == PS_ACT_ELU || k == PS_UNARY_CELU || k == PS_UNARY_THRESHOLDED_RELU;
    bool ab = k == PS_ACT_CLIP || k == PS_ACT_HARDSIGMOID || k == PS_UNARY_SELU || k == PS_UNARY_SHRINK;
    if (ab)
        snprintf(buf, size, "%s %g %g", kind_name(k), (double)p->a, (double)p->b);
    else if (a)
        snprintf(buf, size, "%s %g", kind_name(k), (double)p->a);
    else
        snprintf(buf, size, "%s", kind_name(k));
}

const ps_op ps_op_unary = {.name = "unary",
                           .min_in = 1,
                           .max_in = 1,
                           .n_out = 1,
                           .order = PS_ORDER_LIKE,
                           .flags = PS_OP_INPLACE | PS_OP_QUANTISED,
                           .param_bytes = sizeof(ps_unary_params),
                           .infer = infer,
                           .live = ps_live_same,
                           .packed = packed,
                           .pack = pack,
                           .run = run,
                           .narrow = ps_narrow_each,
                           .describe = describe};
