/* convert/onnx_quant.c - see onnx_quant.h */
#include "convert/onnx_quant.h"

#include <float.h>
#include <string.h>

/* ---- scales and zero points ---- */

static void set_range(ps_onnx_scale *q, int32_t file_type)
{
    static const struct {
        int32_t type, low, high;
    } small[] = {{PS_ONNX_U16, 0, 65535}, {PS_ONNX_I16, -32768, 32767}, {PS_ONNX_U4, 0, 15}, {PS_ONNX_I4, -8, 7}};
    q->low = q->codes == POISE_I8 ? -128 : 0;
    q->high = q->codes == POISE_I8 ? 127 : q->codes == POISE_U8 ? 255 : 0;
    for (size_t i = 0; i < sizeof small / sizeof *small; i++)
        if (file_type == small[i].type) q->low = small[i].low, q->high = small[i].high;
}

void ps_onnx_scale_type(ps_onnx_scale *q, int32_t file_type)
{
    q->codes = ps_onnx_storage_type(file_type);
    set_range(q, file_type);
}

static void check_scales(ps_onnx_call *n, const ps_value *v)
{
    const float *s = v->data;
    for (size_t i = 0; s && i < ps_value_count(v); i++)
        PS_ONNX_REQUIRE(n, s[i] > 0 && s[i] <= FLT_MAX && 1 / s[i] <= FLT_MAX, POISE_BAD_MODEL,
                        "scale[%zu] is %g, a scale must be positive and finite", i, (double)s[i]);
}

/* The zero points as i32; PS_ABSENT where all are 0, which is what most of them are. */
static int32_t read_zero(ps_onnx_call *n, int32_t z)
{
    ps_value v = ps_onnx_value(n, z);
    if (z < 0) return z;
    bool all = v.data != NULL;
    const uint8_t *bytes = v.data;
    for (size_t i = 0; all && i < ps_value_bytes(&v); i++) all = bytes[i] == 0;
    return all ? PS_ABSENT : ps_onnx_cast(n, POISE_I32, z);
}

static void fix(ps_onnx_call *n, ps_onnx_scale *q)
{
    ps_value s = ps_onnx_value(n, q->scale), z = ps_onnx_value(n, q->zero);
    if (n->status != POISE_OK || ps_value_count(&s) != 1 || !s.data || (q->zero >= 0 && !z.data)) return;
    q->fixed = true;
    q->s = *(const float *)s.data;
    q->z = q->zero >= 0 ? *(const int32_t *)z.data : 0;
}

static void read_scale(ps_onnx_call *n, int scale, int zero, ps_onnx_scale *q)
{
    int32_t s = ps_onnx_in(n, scale), z = zero < 0 ? PS_ABSENT : ps_onnx_in(n, zero);
    ps_value vs = ps_onnx_value(n, s), vz = ps_onnx_value(n, z);
    PS_ONNX_REQUIRE(n, s != PS_ABSENT, POISE_BAD_MODEL, "its input %d, a scale, is missing", scale);
    PS_ONNX_REQUIRE(n, vs.type == POISE_F32, POISE_UNSUPPORTED, "a scale of type %s, float is supported",
                    poise_type_name(vs.type));
    if (z >= 0) {
        q->codes = vz.type;
        PS_ONNX_REQUIRE(n, vz.type == POISE_U8 || vz.type == POISE_I8 || vz.type == POISE_I32, POISE_BAD_MODEL,
                        "a zero point of type %s", poise_type_name(vz.type));
        PS_ONNX_REQUIRE(n, ps_value_count(&vz) == ps_value_count(&vs), POISE_BAD_MODEL, "%zu zero points for %zu scales",
                        ps_value_count(&vz), ps_value_count(&vs));
    }
    check_scales(n, &vs);
    set_range(q, z >= 0 ? ps_onnx_file_type(n, zero) : 0);
    q->scale = s;
    q->zero = read_zero(n, z);
    fix(n, q);
}

ps_onnx_scale ps_onnx_scale_read(ps_onnx_call *n, int scale, int zero, poise_type otherwise)
{
    ps_onnx_scale q = {.scale = PS_BROKEN, .zero = PS_ABSENT, .codes = otherwise};
    read_scale(n, scale, zero, &q);
    return q;
}

ps_onnx_scale ps_onnx_scale_one(ps_onnx_call *n, int zero, poise_type codes)
{
    int32_t z = ps_onnx_in(n, zero);
    ps_value v = ps_onnx_value(n, z);
    bool bad = z >= 0 && v.type != codes;
    if (bad) PS_ONNX_FAIL(n, POISE_BAD_MODEL, "a zero point of %s for %s", poise_type_name(v.type), poise_type_name(codes));
    int32_t count = z >= 0 ? (int32_t)ps_value_count(&v) : 1;
    ps_onnx_scale q = {.codes = codes, .zero = read_zero(n, z)};
    q.scale = ps_onnx_expand(n, ps_onnx_scalar(n, POISE_F32, 1), 1, &count);
    set_range(&q, 0);
    fix(n, &q);
    return q;
}

/* Those of a quantised value. */
static ps_onnx_scale scale_of(ps_onnx_call *n, const ps_value *v)
{
    ps_onnx_scale q = {.codes = v->type, .fixed = true, .s = v->scale, .z = v->zero};
    q.scale = ps_onnx_scalar(n, POISE_F32, (double)v->scale);
    q.zero = v->zero ? ps_onnx_scalar(n, POISE_I32, v->zero) : PS_ABSENT;
    set_range(&q, 0);
    return q;
}

/* ---- elementwise, where `quantize` does not reach ---- */

/* One number for each block along an axis, repeated to the dimensions of x. */
static int32_t repeat_blocks(ps_onnx_call *n, int32_t v, const ps_value *x, const ps_onnx_scale *q)
{
    int32_t pre = ps_onnx_product(x, 0, q->axis), post = ps_onnx_product(x, q->axis + 1, x->rank);
    int32_t dim = x->dim[q->axis], blocks = dim / q->block + (dim % q->block != 0);
    int32_t padded = ps_onnx_clamp32((int64_t)blocks * q->block);
    v = ps_onnx_reshape(n, v, 4, (int32_t[]){pre, blocks, 1, post});
    v = ps_onnx_expand(n, v, 4, (int32_t[]){pre, blocks, q->block, post});
    v = ps_onnx_reshape(n, v, 3, (int32_t[]){pre, padded, post});
    ps_slice_params p = {.rank = 3, .step = {1, 1, 1}, .size = {pre, dim, post}};
    if (padded != dim) v = PS_EMIT(n, &ps_op_slice, &p, v);
    return ps_onnx_reshape(n, v, x->rank, x->dim);
}

static void check_blocks(ps_onnx_call *n, const ps_value *s, const ps_value *x, const ps_onnx_scale *q)
{
    bool same = s->rank == x->rank;
    for (int i = 0; same && i < x->rank; i++)
        same = s->dim[i] == (i == q->axis ? (x->dim[i] - 1) / q->block + 1 : x->dim[i]);
    PS_ONNX_REQUIRE(n, same, POISE_BAD_MODEL, "its scales are not one for each block of %d along axis %d", q->block, q->axis);
}

/* Scales or zero points as floats that broadcast with x. */
static int32_t spread(ps_onnx_call *n, int32_t v, const ps_value *x, const ps_onnx_scale *q)
{
    ps_value s = ps_onnx_value(n, v);
    size_t count = ps_value_count(&s);
    int32_t dim[POISE_MAX_DIMS];
    v = ps_onnx_cast(n, POISE_F32, v);
    if (n->status != POISE_OK) return v;
    if (q->block > 0) return repeat_blocks(n, v, x, q);
    for (int i = 0; i < x->rank; i++) dim[i] = 1;
    if (count != 1) {
        if (q->axis < 0 || q->axis >= x->rank || count != (size_t)x->dim[q->axis]) {
            PS_ONNX_FAIL(n, POISE_BAD_MODEL, "%zu scales, it must be one, or one for each element along axis %d", count, q->axis);
            return v;
        }
        dim[q->axis] = x->dim[q->axis];
    }
    return ps_onnx_reshape(n, v, x->rank, dim);
}

static int32_t codes_elementwise(ps_onnx_call *n, int32_t x, const ps_onnx_scale *q)
{
    ps_value v = ps_onnx_value(n, x);
    int32_t y = ps_onnx_binary(n, PS_BINARY_DIV, x, spread(n, q->scale, &v, q));
    y = ps_onnx_unary(n, PS_UNARY_ROUND, 0, 0, y);
    if (q->zero >= 0) y = ps_onnx_binary(n, PS_BINARY_ADD, y, spread(n, q->zero, &v, q));
    return ps_onnx_cast(n, q->codes, ps_onnx_unary(n, PS_ACT_CLIP, (float)q->low, (float)q->high, y));
}

static int32_t real_elementwise(ps_onnx_call *n, int32_t x, const ps_onnx_scale *q)
{
    ps_value v = ps_onnx_value(n, x);
    int32_t y = ps_onnx_cast(n, POISE_F32, x);
    if (q->zero >= 0) y = ps_onnx_binary(n, PS_BINARY_SUB, y, spread(n, q->zero, &v, q));
    return ps_onnx_binary(n, PS_BINARY_MUL, y, spread(n, q->scale, &v, q));
}

/* ---- real numbers and codes ---- */

static int32_t emit_given(ps_onnx_call *n, int32_t x, poise_type to, const ps_onnx_scale *q)
{
    ps_quantize_params p = {(int32_t)to, q->axis};
    return q->zero >= 0 ? PS_EMIT(n, &ps_op_quantize, &p, x, q->scale, q->zero)
                        : PS_EMIT(n, &ps_op_quantize, &p, x, q->scale);
}

int32_t ps_onnx_plain(ps_onnx_call *n, int32_t x)
{
    ps_value v = ps_onnx_value(n, x);
    if (!ps_value_is_quantised(&v)) return x;
    ps_onnx_scale q = scale_of(n, &v);
    x = PS_EMIT(n, &ps_op_quantize, (&(ps_quantize_params){POISE_F32, 0}), x);
    return emit_given(n, x, v.type, &q);
}

/* Weights of u8 around 128 are those of i8 around 0. */
static int32_t signed_weights(ps_onnx_call *n, int32_t x, ps_onnx_scale *q)
{
    ps_value v = ps_onnx_value(n, x), z = ps_onnx_value(n, q->zero);
    if (!v.data || v.type != POISE_U8 || !z.data) return x;
    size_t count = ps_value_count(&v);
    for (size_t i = 0; i < ps_value_count(&z); i++)
        if (((const int32_t *)z.data)[i] != 128) return x;
    if (!ps_emit_spend(&n->e, count)) return x;
    int32_t y = ps_onnx_constant(n, POISE_I8, v.rank, v.dim, NULL);
    if (n->status != POISE_OK) return x;
    uint8_t *to = (uint8_t *)(uintptr_t)ps_onnx_value(n, y).data;
    for (size_t i = 0; i < count; i++) to[i] = ((const uint8_t *)v.data)[i] ^ 128;
    q->zero = PS_ABSENT;
    return y;
}

/* An input of the network that nothing has read yet: its codes have this scale from now on. */
static bool scale_input(ps_onnx_call *n, int32_t x, const ps_onnx_scale *q)
{
    ps_graph *g = n->c->g;
    bool is_input = false;
    for (int32_t i = 0; i < g->n_inputs; i++) is_input |= g->inputs[i] == x;
    if (!is_input || !q->fixed || !ps_scale_is_legal(g->values[x].type, q->s, q->z)) return false;
    for (int32_t i = 0; i < g->n_nodes; i++)
        for (int32_t k = 0; k < g->nodes[i].n_in; k++)
            if (g->nodes[i].in[k] == x) return false;
    g->values[x].scale = q->s;
    g->values[x].zero = q->z;
    return true;
}

int32_t ps_onnx_to_real(ps_onnx_call *n, int32_t x, const ps_onnx_scale *given)
{
    ps_onnx_scale q = *given;
    ps_value v = ps_onnx_value(n, x), s = ps_onnx_value(n, q.scale);
    if (n->status != POISE_OK) return PS_BROKEN;
    if (v.type != q.codes)
        PS_ONNX_FAIL(n, POISE_BAD_MODEL, "a zero point of %s for %s", poise_type_name(q.codes), poise_type_name(v.type));
    if (v.type != POISE_U8 && v.type != POISE_I8 && v.type != POISE_I32)
        PS_ONNX_FAIL(n, POISE_BAD_MODEL, "%s cannot be dequantised", poise_type_name(v.type));
    if (q.block > 0) check_blocks(n, &s, &v, &q);
    if (n->status != POISE_OK) return PS_BROKEN;
    bool same = ps_value_is_quantised(&v) ? q.fixed && q.s == v.scale && q.z == v.zero
                                          : !v.data && scale_input(n, x, &q);
    if (same) return PS_EMIT(n, &ps_op_quantize, (&(ps_quantize_params){POISE_F32, 0}), x);
    x = ps_onnx_plain(n, x);
    if (q.block > 0 || (v.data && v.rank < 2)) return real_elementwise(n, x, &q); /* folded: no weights */
    x = signed_weights(n, x, &q);
    return emit_given(n, x, POISE_F32, &q);
}

int32_t ps_onnx_to_codes(ps_onnx_call *n, int32_t x, const ps_onnx_scale *q)
{
    ps_value v = ps_onnx_value(n, x), s = ps_onnx_value(n, q->scale);
    if (n->status != POISE_OK) return PS_BROKEN;
    if (v.type != POISE_F32 && v.type != POISE_I32)
        PS_ONNX_FAIL(n, POISE_BAD_MODEL, "%s cannot be quantised", poise_type_name(v.type));
    if (q->high <= q->low) PS_ONNX_FAIL(n, POISE_UNSUPPORTED, "quantising to %s", poise_type_name(q->codes));
    if (q->block > 0) check_blocks(n, &s, &v, q);
    x = ps_onnx_cast(n, POISE_F32, x);
    if (q->block > 0 || q->high - q->low != 255) return codes_elementwise(n, x, q);
    if (!q->fixed || v.data) return emit_given(n, x, q->codes, q);
    ps_quantize_params p = {(int32_t)q->codes, 0};
    return ps_onnx_emit_scaled(n, &ps_op_quantize, &p, 1, &x, q->s, q->z);
}

/* ---- operators on codes ---- */

/* A value made behind `first` gives its name up: another one is to be the node's result. */
static void unname(ps_onnx_call *n, int32_t value, int32_t first)
{
    if (n->status == POISE_OK && value >= first) n->c->g->values[value].name = "";
}

int32_t ps_onnx_as(ps_onnx_call *n, const char *op, int n_in, const int32_t *in)
{
    if (n->status != POISE_OK) return PS_BROKEN;
    int32_t ins[8], out = PS_BROKEN, first = n->c->g->n_values;
    memcpy(ins, in, (size_t)n_in * sizeof *in);
    ps_onnx_node node = *n->node;
    node.n_in = n_in;
    node.n_out = 1;
    ps_onnx_call sub = {.e = n->e, .c = n->c, .node = &node, .opset = n->opset, .in = ins, .out = &out};
    sub.op = ps_onnx_op_find("", op, n->opset);
    if (!sub.op || n->node->n_out < 1) {
        PS_ONNX_FAIL(n, POISE_BAD_MODEL, "%s with %d outputs in opset %d", op, n->node->n_out, n->opset);
        return PS_BROKEN;
    }
    sub.arg = sub.op->arg;
    sub.op->translate(&sub);
    n->status = sub.status;
    unname(n, out, first);
    return n->status == POISE_OK ? out : PS_BROKEN;
}

static bool listed(const char *name, const char *const *list)
{
    while (*list && strcmp(*list, name)) list++;
    return *list != NULL;
}

/* Operators of the tables below read scales themselves. */
static bool knows_codes(const ps_onnx_op *op)
{
    static const ps_onnx_op *const tables[] = {ps_onnx_ops_quant, ps_onnx_ops_qlinear};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const ps_onnx_op *o = tables[i]; o->name; o++)
            if (o == op) return true;
    return false;
}

/* Elements stay as they are: the codes are those of the input. */
static bool moves(const ps_onnx_call *n)
{
    static const char *const names[] = {"Identity",     "Reshape",      "Flatten", "Squeeze", "Unsqueeze", "Transpose",
                                        "Slice",        "Split",        "Expand",  "Tile",    "Gather",    "GatherElements",
                                        "DepthToSpace", "SpaceToDepth", "Dropout", "Concat",  NULL};
    if (n->op->domain || !listed(n->op->name, names)) return false;
    ps_value first = ps_onnx_value(n, n->in[0]);
    for (int i = 1; i < n->node->n_in && !strcmp(n->op->name, "Concat"); i++) {
        ps_value v = ps_onnx_value(n, n->in[i]);
        if (v.type != first.type || v.scale != first.scale || v.zero != first.zero) return false;
    }
    return true;
}

/* Results are among the inputs, or between them: real numbers and codes give the same. */
static bool picks(const ps_onnx_call *n)
{
    static const char *const names[] = {"MaxPool", "GlobalMaxPool", "Resize", "Upsample", NULL};
    return !n->op->domain && listed(n->op->name, names);
}

static void pick(ps_onnx_call *n)
{
    ps_value v = ps_onnx_value(n, n->in[0]);
    ps_onnx_scale q = scale_of(n, &v);
    int32_t first = n->c->g->n_values;
    n->in[0] = ps_onnx_to_real(n, n->in[0], &q);
    n->op->translate(n);
    if (n->status != POISE_OK || !ps_onnx_has_out(n, 0)) return;
    int32_t y = n->out[0];
    unname(n, y, first);
    ps_onnx_result(n, 0, ps_onnx_to_codes(n, y, &q));
}

void ps_onnx_translate_quantised(ps_onnx_call *n)
{
    bool kept = knows_codes(n->op) || (n->node->n_in > 0 && moves(n));
    ps_value first = ps_onnx_value(n, ps_onnx_in(n, 0));
    if (!kept && ps_value_is_quantised(&first) && picks(n)) {
        pick(n);
        return;
    }
    for (int i = 0; i < n->node->n_in && !kept; i++) n->in[i] = ps_onnx_plain(n, n->in[i]);
    if (n->status == POISE_OK) n->op->translate(n);
}
