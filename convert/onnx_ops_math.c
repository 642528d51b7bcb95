/* convert/onnx_ops_math.c - elementwise ONNX operators: functions of one, two or more tensors, and casts. */
#include "convert/onnx_import.h"

#include <math.h>
#include <string.h>

static poise_type type_of(const ps_onnx_call *n, int32_t x)
{
    return ps_onnx_value(n, x).type;
}

/* ---- one tensor ---- */

static void plain(ps_onnx_call *n)
{
    ps_onnx_result(n, 0, ps_onnx_unary(n, n->arg, 0, 0, ps_onnx_in(n, 0)));
}

/* Names of `a` and `b` with their defaults, for those that have them. */
static const struct {
    int kind;
    const char *a;
    float a0;
    const char *b;
    float b0;
} parameters[] = {
    {PS_ACT_LEAKY, "alpha", 0.01F, NULL, 0},
    {PS_ACT_ELU, "alpha", 1.0F, NULL, 0},
    {PS_ACT_HARDSIGMOID, "alpha", 0.2F, "beta", 0.5F},
    {PS_UNARY_CELU, "alpha", 1.0F, NULL, 0},
    {PS_UNARY_THRESHOLDED_RELU, "alpha", 1.0F, NULL, 0},
    {PS_UNARY_SELU, "alpha", 1.67326319217681884765625F, "gamma", 1.05070102214813232421875F},
    {PS_UNARY_SHRINK, "lambd", 0.5F, "bias", 0.0F},
};

static void with_parameters(ps_onnx_call *n)
{
    float a = 0, b = 0;
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++) {
        if (parameters[i].kind != n->arg) continue;
        a = ps_onnx_float(n, parameters[i].a, parameters[i].a0);
        if (parameters[i].b) b = ps_onnx_float(n, parameters[i].b, parameters[i].b0);
    }
    ps_onnx_result(n, 0, ps_onnx_unary(n, n->arg, a, b, ps_onnx_in(n, 0)));
}

/* Integers have no activations: max(x, 0) is the same. */
static void relu(ps_onnx_call *n)
{
    int32_t x = ps_onnx_in(n, 0);
    if (type_of(n, x) == POISE_F32)
        ps_onnx_result(n, 0, ps_onnx_unary(n, PS_ACT_RELU, 0, 0, x));
    else
        ps_onnx_result(n, 0, ps_onnx_binary(n, PS_BINARY_MAX, x, ps_onnx_scalar(n, type_of(n, x), 0)));
}

static void gelu(ps_onnx_call *n)
{
    static const char *const how[] = {"none", "tanh", NULL};
    int k = ps_onnx_choice(n, "approximate", "none", how);
    ps_onnx_result(n, 0, ps_onnx_unary(n, k ? PS_ACT_GELU_TANH : PS_ACT_GELU, 0, 0, ps_onnx_in(n, 0)));
}

static void is_inf(ps_onnx_call *n)
{
    float a = (float)ps_onnx_flag(n, "detect_negative", true),
          b = (float)ps_onnx_flag(n, "detect_positive", true);
    ps_onnx_result(n, 0, ps_onnx_unary(n, PS_UNARY_IS_INF, a, b, ps_onnx_in(n, 0)));
}

/* One bound of Clip, when it is a constant float; false when it must be an operation of its own. */
static bool bound(ps_onnx_call *n, int i, float *v)
{
    ps_value b = ps_onnx_value(n, ps_onnx_in(n, i));
    if (ps_onnx_in(n, i) == PS_ABSENT) return true;
    if (!b.data || b.type != POISE_F32 || ps_value_count(&b) != 1) return false;
    *v = *(const float *)b.data;
    return true;
}

static void clip(ps_onnx_call *n)
{
    int32_t x = ps_onnx_in(n, 0);
    float a = -INFINITY, b = INFINITY;
    if (n->opset < 11) {
        a = ps_onnx_float(n, "min", a);
        b = ps_onnx_float(n, "max", b);
    }
    if (type_of(n, x) == POISE_F32 && bound(n, 1, &a) && bound(n, 2, &b)) {
        ps_onnx_result(n, 0, ps_onnx_unary(n, PS_ACT_CLIP, a, b, x));
        return;
    }
    if (ps_onnx_in(n, 1) != PS_ABSENT) x = ps_onnx_binary(n, PS_BINARY_MAX, x, ps_onnx_in(n, 1));
    if (ps_onnx_in(n, 2) != PS_ABSENT) x = ps_onnx_binary(n, PS_BINARY_MIN, x, ps_onnx_in(n, 2));
    ps_onnx_result(n, 0, x);
}

static void identity(ps_onnx_call *n)
{
    ps_onnx_result(n, 0, ps_onnx_in(n, 0));
}

/* Inference only: the mask, if asked for, is all true. */
static void dropout(ps_onnx_call *n)
{
    int32_t x = ps_onnx_in(n, 0);
    ps_value v = ps_onnx_value(n, x), training = ps_onnx_value(n, ps_onnx_in(n, 2));
    PS_ONNX_REQUIRE(n, ps_onnx_in(n, 2) == PS_ABSENT || training.data, POISE_UNSUPPORTED,
                    "input 'training_mode' must be constant");
    PS_ONNX_REQUIRE(n, !training.data || training.type != POISE_BOOL || !*(const uint8_t *)training.data,
                    POISE_UNSUPPORTED, "training mode");
    ps_onnx_result(n, 0, x);
    if (!ps_onnx_has_out(n, 1)) return;
    int32_t one = ps_onnx_scalar(n, n->opset < 10 ? POISE_F32 : POISE_BOOL, 1);
    ps_onnx_result(n, 1, ps_onnx_expand(n, one, v.rank, v.dim));
}

/* ---- types ---- */

static void cast(ps_onnx_call *n)
{
    int32_t x = ps_onnx_in(n, 0);
    int32_t onnx = (int32_t)ps_onnx_int(n, "to", 0);
    poise_type to = ps_onnx_type(onnx);
    if (n->arg) to = type_of(n, ps_onnx_in(n, 1)); /* CastLike */
    PS_ONNX_REQUIRE(n, to != POISE_NONE, POISE_UNSUPPORTED, "type %s", ps_onnx_type_name(onnx));
    ps_onnx_result(n, 0, ps_onnx_cast(n, to, x));
}

/* ---- two tensors ---- */

static void two(ps_onnx_call *n)
{
    ps_onnx_result(n, 0, ps_onnx_binary(n, n->arg, ps_onnx_in(n, 0), ps_onnx_in(n, 1)));
}

static void mod(ps_onnx_call *n)
{
    int32_t x = ps_onnx_in(n, 0);
    bool fmod = ps_onnx_flag(n, "fmod", false);
    PS_ONNX_REQUIRE(n, fmod || type_of(n, x) != POISE_F32, POISE_BAD_MODEL, "Mod of floats needs fmod=1");
    ps_onnx_result(n, 0, ps_onnx_binary(n, fmod ? PS_BINARY_FMOD : PS_BINARY_MOD, x, ps_onnx_in(n, 1)));
}

static void shift(ps_onnx_call *n)
{
    static const char *const ways[] = {"LEFT", "RIGHT", NULL};
    int way = ps_onnx_choice(n, "direction", "", ways);
    ps_onnx_result(n, 0,
                   ps_onnx_binary(n, way ? PS_BINARY_SHIFT_RIGHT : PS_BINARY_SHIFT_LEFT, ps_onnx_in(n, 0),
                                  ps_onnx_in(n, 1)));
}

/* The slope is broadcast from the right, except the old form [c], which means channels. */
static void prelu(ps_onnx_call *n)
{
    int32_t x = ps_onnx_in(n, 0), slope = ps_onnx_in(n, 1);
    ps_value v = ps_onnx_value(n, x), s = ps_onnx_value(n, slope);
    if (s.rank == 1 && v.rank > 2 && s.dim[0] == v.dim[1] && s.dim[0] != v.dim[v.rank - 1] && s.dim[0] != 1) {
        int32_t dim[POISE_MAX_DIMS] = {s.dim[0], 1, 1, 1, 1, 1, 1, 1};
        slope = ps_onnx_reshape(n, slope, v.rank - 1, dim);
    }
    ps_onnx_result(n, 0, ps_onnx_binary(n, PS_BINARY_PRELU, x, slope));
}

/* ---- any number ---- */

static void variadic(ps_onnx_call *n)
{
    int32_t x = ps_onnx_in(n, 0);
    for (int i = 1; i < n->node->n_in; i++) x = ps_onnx_binary(n, n->arg, x, ps_onnx_in(n, i));
    ps_onnx_result(n, 0, x);
}

static void mean(ps_onnx_call *n)
{
    int32_t x = ps_onnx_in(n, 0);
    for (int i = 1; i < n->node->n_in; i++) x = ps_onnx_binary(n, PS_BINARY_ADD, x, ps_onnx_in(n, i));
    if (n->node->n_in > 1)
        x = ps_onnx_binary(n, PS_BINARY_DIV, x, ps_onnx_scalar(n, type_of(n, x), n->node->n_in));
    ps_onnx_result(n, 0, x);
}

static void where(ps_onnx_call *n)
{
    ps_onnx_result(n, 0,
                   PS_EMIT(n, &ps_op_where, NULL, ps_onnx_in(n, 0), ps_onnx_in(n, 1), ps_onnx_in(n, 2)));
}

#define UNARY(name, since, kind)                \
    {                                           \
        name, since, 0, 1, 1, plain, kind, NULL \
    }
#define PARAM(name, since, kind)                          \
    {                                                     \
        name, since, 0, 1, 1, with_parameters, kind, NULL \
    }
#define BINARY(name, since, kind)             \
    {                                         \
        name, since, 0, 2, 2, two, kind, NULL \
    }
#define MANY(name, since, kind)                          \
    {                                                    \
        name, since, 0, 1, PS_MANY, variadic, kind, NULL \
    }

const ps_onnx_op ps_onnx_ops_math[] = {
    UNARY("Abs", 1, PS_UNARY_ABS),
    UNARY("Acos", 7, PS_UNARY_ACOS),
    UNARY("Acosh", 9, PS_UNARY_ACOSH),
    UNARY("Asin", 7, PS_UNARY_ASIN),
    UNARY("Asinh", 9, PS_UNARY_ASINH),
    UNARY("Atan", 7, PS_UNARY_ATAN),
    UNARY("Atanh", 9, PS_UNARY_ATANH),
    UNARY("BitwiseNot", 18, PS_UNARY_BIT_NOT),
    UNARY("Ceil", 1, PS_UNARY_CEIL),
    UNARY("Cos", 7, PS_UNARY_COS),
    UNARY("Cosh", 9, PS_UNARY_COSH),
    UNARY("Erf", 9, PS_UNARY_ERF),
    UNARY("Exp", 1, PS_UNARY_EXP),
    UNARY("Floor", 1, PS_UNARY_FLOOR),
    UNARY("HardSwish", 14, PS_ACT_HARDSWISH),
    UNARY("IsNaN", 9, PS_UNARY_IS_NAN),
    UNARY("Log", 1, PS_UNARY_LOG),
    UNARY("Mish", 18, PS_ACT_MISH),
    UNARY("Neg", 1, PS_UNARY_NEG),
    UNARY("Not", 1, PS_UNARY_NOT),
    UNARY("Reciprocal", 1, PS_UNARY_RECIPROCAL),
    UNARY("Round", 11, PS_UNARY_ROUND),
    UNARY("Sigmoid", 1, PS_ACT_SIGMOID),
    UNARY("Sign", 9, PS_UNARY_SIGN),
    UNARY("Sin", 7, PS_UNARY_SIN),
    UNARY("Sinh", 9, PS_UNARY_SINH),
    UNARY("Softplus", 1, PS_ACT_SOFTPLUS),
    UNARY("Softsign", 1, PS_UNARY_SOFTSIGN),
    UNARY("Sqrt", 1, PS_UNARY_SQRT),
    UNARY("Tan", 7, PS_UNARY_TAN),
    UNARY("Tanh", 1, PS_ACT_TANH),
    PARAM("Celu", 12, PS_UNARY_CELU),
    PARAM("Elu", 1, PS_ACT_ELU),
    PARAM("HardSigmoid", 1, PS_ACT_HARDSIGMOID),
    PARAM("LeakyRelu", 1, PS_ACT_LEAKY),
    PARAM("Selu", 1, PS_UNARY_SELU),
    PARAM("Shrink", 9, PS_UNARY_SHRINK),
    PARAM("ThresholdedRelu", 10, PS_UNARY_THRESHOLDED_RELU),
    {"Relu", 1, 0, 1, 1, relu, 0, NULL},
    {"Gelu", 20, 0, 1, 1, gelu, 0, NULL},
    {"Gelu", 1, 0, 1, 1, gelu, 0, "com.microsoft"},
    {"IsInf", 10, 0, 1, 1, is_inf, 0, NULL},
    {"Clip", 1, 0, 1, 3, clip, 0, NULL},
    {"Identity", 1, 0, 1, 1, identity, 0, NULL},
    {"Dropout", 7, 0, 1, 3, dropout, 0, NULL},
    {"Cast", 1, 0, 1, 1, cast, 0, NULL},
    {"CastLike", 15, 0, 2, 2, cast, 1, NULL},
    BINARY("Add", 7, PS_BINARY_ADD),
    BINARY("And", 7, PS_BINARY_AND),
    BINARY("BitwiseAnd", 18, PS_BINARY_BIT_AND),
    BINARY("BitwiseOr", 18, PS_BINARY_BIT_OR),
    BINARY("BitwiseXor", 18, PS_BINARY_BIT_XOR),
    BINARY("Div", 7, PS_BINARY_DIV),
    BINARY("Equal", 7, PS_BINARY_EQUAL),
    BINARY("Greater", 7, PS_BINARY_GREATER),
    BINARY("GreaterOrEqual", 12, PS_BINARY_GREATER_EQUAL),
    BINARY("Less", 7, PS_BINARY_LESS),
    BINARY("LessOrEqual", 12, PS_BINARY_LESS_EQUAL),
    BINARY("Mul", 7, PS_BINARY_MUL),
    BINARY("Or", 7, PS_BINARY_OR),
    BINARY("Pow", 7, PS_BINARY_POW),
    BINARY("Sub", 7, PS_BINARY_SUB),
    BINARY("Xor", 7, PS_BINARY_XOR),
    {"Mod", 10, 0, 2, 2, mod, 0, NULL},
    {"BitShift", 11, 0, 2, 2, shift, 0, NULL},
    {"PRelu", 7, 0, 2, 2, prelu, 0, NULL},
    MANY("Max", 6, PS_BINARY_MAX),
    MANY("Min", 6, PS_BINARY_MIN),
    MANY("Sum", 6, PS_BINARY_ADD),
    {"Mean", 6, 0, 1, PS_MANY, mean, 0, NULL},
    {"Where", 9, 0, 3, 3, where, 0, NULL},
    {.name = NULL},
};
