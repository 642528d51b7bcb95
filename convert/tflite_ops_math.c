/* convert/tflite_ops_math.c - elementwise TFLite operators: functions of one, two or three tensors, and types. */
#include "convert/tflite_import.h"

static poise_type type_of(const ps_tflite_call *n, int32_t x)
{
    return ps_emit_value(&n->e, x).type;
}

/* ---- one tensor ---- */

/* Input 0 in the order that the result will have. */
static int32_t only(ps_tflite_call *n, ps_tflite_order *order)
{
    *order = ps_tflite_common_order(n);
    return ps_tflite_operand(n, 0, *order);
}

static void one(ps_tflite_call *n, int kind, float a, float b)
{
    ps_tflite_order order;
    int32_t x = only(n, &order);
    ps_tflite_result(n, 0, ps_emit_unary(&n->e, kind, a, b, x), order);
}

static void plain(ps_tflite_call *n)
{
    one(n, n->arg, 0, 0);
}

static void elu(ps_tflite_call *n)
{
    one(n, PS_ACT_ELU, 1, 0);
}

static void leaky(ps_tflite_call *n)
{
    one(n, PS_ACT_LEAKY, ps_tflite_float(n, 0, 0), 0);
}

static void gelu(ps_tflite_call *n)
{
    one(n, ps_tflite_byte(n, 0, 0) ? PS_ACT_GELU_TANH : PS_ACT_GELU, 0, 0);
}

/* arg: ActivationFunctionType; 10 is RELU_0_TO_1, which is no fused activation. */
static void activation(ps_tflite_call *n)
{
    ps_tflite_order order;
    int32_t x = only(n, &order);
    x = n->arg == 10 ? ps_emit_unary(&n->e, PS_ACT_CLIP, 0, 1, x) : ps_tflite_activate(n, n->arg, x);
    ps_tflite_result(n, 0, x, order);
}

static void rsqrt(ps_tflite_call *n)
{
    ps_tflite_order order;
    int32_t x = only(n, &order);
    x = ps_emit_unary(&n->e, PS_UNARY_SQRT, 0, 0, x);
    ps_tflite_result(n, 0, ps_emit_unary(&n->e, PS_UNARY_RECIPROCAL, 0, 0, x), order);
}

static void square(ps_tflite_call *n)
{
    ps_tflite_order order;
    int32_t x = only(n, &order);
    ps_tflite_result(n, 0, ps_emit_binary(&n->e, PS_BINARY_MUL, x, x), order);
}

/* ---- types ---- */

/* Constants of codes: whoever reads them dequantises, and weights stay codes. */
static bool constant_codes(ps_tflite_call *n)
{
    const ps_tflite_tensor *from = ps_tflite_input(n, 0);
    ps_tflite_slot *s = &n->c->slots[n->node->out[0]];
    if (!from->data || !from->n_scales || from->type == PS_TFLITE_I32) return false;
    s->same_as = n->node->in[0];
    s->ready = true;
    return true;
}

/* QUANTIZE and DEQUANTIZE: the result's own scale, or none, says what to do. */
static void requantise(ps_tflite_call *n)
{
    ps_tflite_order order = ps_tflite_common_order(n);
    const ps_tflite_tensor *from = ps_tflite_input(n, 0), *to = ps_tflite_output(n, 0);
    PS_TFLITE_REQUIRE(n, n->arg ? ps_tflite_is_quantised(to) : to->type == PS_TFLITE_F32, POISE_UNSUPPORTED,
                      "it gives %s '%.100s'%s", ps_tflite_type_name(to->type), to->name,
                      n->arg ? " with one scale only for int8 and uint8" : "");
    if (!n->arg && constant_codes(n)) return;
    if (ps_tflite_is_quantised(from)) {
        ps_tflite_result(n, 0, ps_tflite_raw(n, 0, order), order);
        return;
    }
    int32_t x = ps_tflite_operand(n, 0, order);
    poise_type type = type_of(n, x);
    PS_TFLITE_REQUIRE(n, type == POISE_F32 || type == POISE_F16, POISE_BAD_MODEL, "it reads %s '%.100s', which has no scale",
                      ps_tflite_type_name(from->type), from->name);
    ps_tflite_result(n, 0, ps_emit_cast(&n->e, POISE_F32, x), order);
}

/* To the type of the result.  Codes are cast as the integers that they are. */
static void cast(ps_tflite_call *n)
{
    ps_tflite_order order;
    const ps_tflite_tensor *from = ps_tflite_input(n, 0), *to = ps_tflite_output(n, 0);
    poise_type type = ps_tflite_type(to->type);
    PS_TFLITE_REQUIRE(n, type != POISE_NONE && !ps_tflite_is_quantised(to), POISE_UNSUPPORTED, "it gives %s%s",
                      ps_tflite_is_quantised(to) ? "quantised " : "", ps_tflite_type_name(to->type));
    int32_t x = only(n, &order);
    if (ps_tflite_is_quantised(from)) { /* q = real / scale + zero, rounded: what was divided has an error */
        x = ps_emit_binary(&n->e, PS_BINARY_DIV, x, ps_emit_scalar(&n->e, POISE_F32, (double)from->scale[0]));
        x = ps_emit_binary(&n->e, PS_BINARY_ADD, x, ps_emit_scalar(&n->e, POISE_F32, (double)from->zero[0]));
        x = ps_emit_unary(&n->e, PS_UNARY_ROUND, 0, 0, x);
    }
    ps_tflite_result(n, 0, ps_emit_cast(&n->e, type, x), order);
}

/* ---- two tensors ---- */

static void pair(ps_tflite_call *n, int32_t *a, int32_t *b, ps_tflite_order *order)
{
    *order = ps_tflite_common_order(n);
    *a = ps_tflite_operand(n, 0, *order);
    *b = ps_tflite_operand(n, 1, *order);
}

/* Option 0 of ADD, SUB, MUL, DIV is an activation; the others have none. */
static void two(ps_tflite_call *n)
{
    ps_tflite_order order;
    int32_t a, b;
    pair(n, &a, &b, &order);
    int32_t y = ps_emit_binary(&n->e, n->arg, a, b);
    ps_tflite_result(n, 0, n->arg <= PS_BINARY_DIV ? ps_tflite_activate(n, ps_tflite_byte(n, 0, 0), y) : y, order);
}

static void not_equal(ps_tflite_call *n)
{
    ps_tflite_order order;
    int32_t a, b;
    pair(n, &a, &b, &order);
    int32_t y = ps_emit_binary(&n->e, PS_BINARY_EQUAL, a, b);
    ps_tflite_result(n, 0, ps_emit_unary(&n->e, PS_UNARY_NOT, 0, 0, y), order);
}

static void squared_difference(ps_tflite_call *n)
{
    ps_tflite_order order;
    int32_t a, b;
    pair(n, &a, &b, &order);
    int32_t d = ps_emit_binary(&n->e, PS_BINARY_SUB, a, b);
    ps_tflite_result(n, 0, ps_emit_binary(&n->e, PS_BINARY_MUL, d, d), order);
}

/* FLOOR_DIV and FLOOR_MOD (arg): floor(a/b), a - floor(a/b)*b. */
static void floored(ps_tflite_call *n)
{
    ps_tflite_order order;
    int32_t a, b, y;
    pair(n, &a, &b, &order);
    if (type_of(n, a) == POISE_F32) {
        int32_t q = ps_emit_unary(&n->e, PS_UNARY_FLOOR, 0, 0, ps_emit_binary(&n->e, PS_BINARY_DIV, a, b));
        y = n->arg ? ps_emit_binary(&n->e, PS_BINARY_SUB, a, ps_emit_binary(&n->e, PS_BINARY_MUL, q, b)) : q;
    } else { /* division of integers truncates: without a rest it is exact */
        int32_t rest = ps_emit_binary(&n->e, PS_BINARY_MOD, a, b);
        y = n->arg ? rest : ps_emit_binary(&n->e, PS_BINARY_DIV, ps_emit_binary(&n->e, PS_BINARY_SUB, a, rest), b);
    }
    ps_tflite_result(n, 0, y, order);
}

/* ---- more ---- */

static void add_n(ps_tflite_call *n)
{
    ps_tflite_order order = ps_tflite_common_order(n);
    int32_t y = ps_tflite_operand(n, 0, order);
    for (int i = 1; i < n->node->n_in; i++) y = ps_emit_binary(&n->e, PS_BINARY_ADD, y, ps_tflite_operand(n, i, order));
    ps_tflite_result(n, 0, y, order);
}

/* SELECT_V2 broadcasts; a vector as the condition of SELECT (arg) chooses whole rows. */
static void choose(ps_tflite_call *n)
{
    ps_tflite_order order = ps_tflite_common_order(n);
    ps_value c = ps_tflite_shape(n, 0), x = ps_tflite_shape(n, 1);
    if (n->arg && c.rank == 1 && x.rank > 1) {
        int32_t rows[POISE_MAX_DIMS] = {c.dim[0], 1, 1, 1, 1, 1, 1, 1};
        int32_t where = ps_emit_reshape(&n->e, ps_tflite_in(n, 0), x.rank, rows);
        ps_tflite_result(n, 0, PS_EMIT_NODE(&n->e, &ps_op_where, NULL, where, ps_tflite_in(n, 1), ps_tflite_in(n, 2)),
                         PS_TFLITE_FILE);
        return;
    }
    int32_t y = PS_EMIT_NODE(&n->e, &ps_op_where, NULL, ps_tflite_operand(n, 0, order), ps_tflite_operand(n, 1, order),
                             ps_tflite_operand(n, 2, order));
    ps_tflite_result(n, 0, y, order);
}

#define UNARY(name, code, kind)       \
    {                                 \
        name, code, 1, 1, plain, kind \
    }
#define BINARY(name, code, kind)    \
    {                               \
        name, code, 2, 2, two, kind \
    }

const ps_tflite_op ps_tflite_ops_math[] = {
    UNARY("ABS", 101, PS_UNARY_ABS),
    UNARY("CEIL", 104, PS_UNARY_CEIL),
    UNARY("COS", 108, PS_UNARY_COS),
    UNARY("EXP", 47, PS_UNARY_EXP),
    UNARY("FLOOR", 8, PS_UNARY_FLOOR),
    UNARY("HARD_SWISH", 117, PS_ACT_HARDSWISH),
    UNARY("LOG", 73, PS_UNARY_LOG),
    UNARY("LOGICAL_NOT", 87, PS_UNARY_NOT),
    UNARY("LOGISTIC", 14, PS_ACT_SIGMOID),
    UNARY("NEG", 59, PS_UNARY_NEG),
    UNARY("ROUND", 116, PS_UNARY_ROUND),
    UNARY("SIGN", 158, PS_UNARY_SIGN),
    UNARY("SIN", 66, PS_UNARY_SIN),
    UNARY("SQRT", 75, PS_UNARY_SQRT),
    UNARY("TANH", 28, PS_ACT_TANH),
    {"RELU", 19, 1, 1, activation, 1},
    {"RELU_N1_TO_1", 20, 1, 1, activation, 2},
    {"RELU6", 21, 1, 1, activation, 3},
    {"RELU_0_TO_1", 152, 1, 1, activation, 10},
    {"ELU", 111, 1, 1, elu, 0},
    {"LEAKY_RELU", 98, 1, 1, leaky, 0},
    {"GELU", 150, 1, 1, gelu, 0},
    {"RSQRT", 76, 1, 1, rsqrt, 0},
    {"SQUARE", 92, 1, 1, square, 0},
    {"DEQUANTIZE", 6, 1, 1, requantise, 0},
    {"QUANTIZE", 114, 1, 1, requantise, 1},
    {"CAST", 53, 1, 1, cast, 0},
    BINARY("ADD", 0, PS_BINARY_ADD),
    BINARY("DIV", 42, PS_BINARY_DIV),
    BINARY("EQUAL", 71, PS_BINARY_EQUAL),
    BINARY("GREATER", 61, PS_BINARY_GREATER),
    BINARY("GREATER_EQUAL", 62, PS_BINARY_GREATER_EQUAL),
    BINARY("LESS", 58, PS_BINARY_LESS),
    BINARY("LESS_EQUAL", 63, PS_BINARY_LESS_EQUAL),
    BINARY("LOGICAL_AND", 86, PS_BINARY_AND),
    BINARY("LOGICAL_OR", 84, PS_BINARY_OR),
    BINARY("MAXIMUM", 55, PS_BINARY_MAX),
    BINARY("MINIMUM", 57, PS_BINARY_MIN),
    BINARY("MUL", 18, PS_BINARY_MUL),
    BINARY("POW", 78, PS_BINARY_POW),
    BINARY("PRELU", 54, PS_BINARY_PRELU),
    BINARY("SUB", 41, PS_BINARY_SUB),
    {"NOT_EQUAL", 72, 2, 2, not_equal, 0},
    {"SQUARED_DIFFERENCE", 99, 2, 2, squared_difference, 0},
    {"FLOOR_DIV", 90, 2, 2, floored, 0},
    {"FLOOR_MOD", 95, 2, 2, floored, 1},
    {"ADD_N", 106, 1, PS_TFLITE_MAX_PORTS, add_n, 0},
    {"SELECT", 64, 3, 3, choose, 1},
    {"SELECT_V2", 123, 3, 3, choose, 0},
    {.name = NULL},
};
