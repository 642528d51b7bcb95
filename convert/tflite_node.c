/* convert/tflite_node.c - what translators use: options and tensors of one TFLite operator, and its results. */
#include "convert/tflite_import.h"

#include <string.h>

/* ---- options ---- */

int32_t ps_tflite_int(ps_tflite_call *n, int id, int32_t otherwise)
{
    return ps_flat_i32(&n->c->model.file, n->node->options, id, otherwise);
}

int32_t ps_tflite_byte(ps_tflite_call *n, int id, int32_t otherwise)
{
    return ps_flat_i8(&n->c->model.file, n->node->options, id, otherwise);
}

float ps_tflite_float(ps_tflite_call *n, int id, float otherwise)
{
    return ps_flat_f32(&n->c->model.file, n->node->options, id, otherwise);
}

const int64_t *ps_tflite_ints(ps_tflite_call *n, int id, size_t *count)
{
    ps_flat_vector v = ps_flat_list(&n->c->model.file, n->node->options, id, 4);
    *count = 0;
    if (!v.p || n->e.status != POISE_OK) return NULL;
    int64_t *out = ps_emit_spend(&n->e, v.n * sizeof *out) ? ps_heap_push(n->e.heap, v.n * sizeof *out) : NULL;
    if (!out) PS_TFLITE_FAIL(n, POISE_NO_MEMORY, "an option of %u numbers", v.n);
    for (uint32_t i = 0; out && i < v.n; i++) out[i] = ps_flat_i32_at(v, i);
    if (out) *count = v.n;
    return out;
}

/* ---- tensors ---- */

bool ps_tflite_is_quantised(const ps_tflite_tensor *t)
{
    return (t->type == PS_TFLITE_I8 || t->type == PS_TFLITE_U8) && t->n_scales > 0;
}

int32_t ps_tflite_zero(const ps_tflite_tensor *t)
{
    return ps_emit_clamp32((int64_t)ps_emit_clamp32(t->zero[0]) + (t->type == PS_TFLITE_I8 ? 128 : 0));
}

static const int32_t to_nchw[4] = {0, 3, 1, 2}, to_file[4] = {0, 2, 3, 1};

/* A copy of constant data on the graph's heap. */
static void *copy_of(ps_emit *e, const void *data, size_t bytes)
{
    uint8_t *p = ps_emit_spend(e, bytes) ? ps_heap_push(&e->g->heap, bytes + PS_ALIGN) : NULL;
    if (!p) {
        PS_EMIT_FAIL(e, POISE_NO_MEMORY, "no memory for a constant of %zu bytes", bytes);
        return NULL;
    }
    p = (uint8_t *)ps_round_up((size_t)p, PS_ALIGN);
    if (bytes) memcpy(p, data, bytes);
    return p;
}

/* Two numbers of 4 bits in each byte, the lower one first. */
static void *unpack_nibbles(ps_emit *e, const ps_tflite_tensor *t)
{
    uint8_t *p = ps_emit_spend(e, t->count) ? ps_heap_push(&e->g->heap, t->count) : NULL;
    if (!p) PS_EMIT_FAIL(e, POISE_NO_MEMORY, "no memory for tensor '%s'", t->name);
    for (size_t i = 0; p && i < t->count; i++) {
        int v = i % 2 ? t->data[i / 2] >> 4 : t->data[i / 2] & 15;
        p[i] = (uint8_t)(v > 7 ? v - 16 : v);
    }
    return p;
}

/* The contents of a constant tensor as a value of its own type, without scale. */
static int32_t stored(ps_tflite *c, ps_emit *e, const ps_tflite_tensor *t)
{
    bool nibbles = t->type == PS_TFLITE_I4;
    poise_type type = nibbles ? POISE_I8 : ps_tflite_type(t->type);
    size_t bytes = nibbles ? (t->count + 1) / 2 : ps_size_cap(t->count, poise_type_size(type));
    int32_t v = PS_BROKEN;
    if (e->status != POISE_OK) return v;
    if (type == POISE_NONE)
        PS_EMIT_FAIL(e, POISE_UNSUPPORTED, "tensor '%.100s' has type %s", t->name, ps_tflite_type_name(t->type));
    else if (t->sparse)
        PS_EMIT_FAIL(e, POISE_UNSUPPORTED, "tensor '%.100s' is sparse", t->name);
    else if (!t->data && t->count)
        PS_EMIT_FAIL(e, POISE_BAD_MODEL, "nothing makes tensor '%.100s', and it has no contents", t->name);
    else if (t->data && t->data_size != bytes)
        PS_EMIT_FAIL(e, POISE_BAD_MODEL, "tensor '%.100s' has %zu bytes of data, its dimensions ask for %zu", t->name,
                     t->data_size, bytes);
    if (e->status != POISE_OK) return v;
    const void *data = t->data;
    bool copied = !data || nibbles || type == POISE_BOOL || (uintptr_t)data % poise_type_size(type);
    if (nibbles) data = unpack_nibbles(e, t);
    else if (copied) data = copy_of(e, data, bytes);
    if (copied && t->data && c->g->mapped) ps_memory_release(t->data, bytes);
    if (data && type == POISE_BOOL)
        for (size_t i = 0; i < bytes; i++) ((uint8_t *)(uintptr_t)data)[i] = t->data[i] != 0;
    if (e->status == POISE_OK) e->status = ps_graph_value(c->g, t->name, &v);
    if (e->status != POISE_OK) return PS_BROKEN;
    ps_value *p = &c->g->values[v];
    p->type = type;
    p->rank = t->rank;
    memcpy(p->dim, t->dim, sizeof p->dim);
    p->data = data;
    return v;
}

static void check_scale(ps_emit *e, const ps_tflite_tensor *t)
{
    int32_t zero = ps_emit_clamp32(t->zero[0]);
    if (t->n_scales != 1)
        PS_EMIT_FAIL(e, POISE_UNSUPPORTED, "tensor '%.100s' has %d scales where one is supported", t->name, t->n_scales);
    else if (!ps_scale_is_legal(ps_tflite_type(t->type), t->scale[0], zero))
        PS_EMIT_FAIL(e, POISE_BAD_MODEL, "tensor '%.100s' of %s has scale %g and zero point %lld", t->name,
                     ps_tflite_type_name(t->type), (double)t->scale[0], (long long)t->zero[0]);
}

/* A quantised constant as a value of u8 codes. */
static int32_t stored_codes(ps_tflite *c, ps_emit *e, const ps_tflite_tensor *t)
{
    check_scale(e, t);
    int32_t v = stored(c, e, t);
    if (e->status != POISE_OK) return PS_BROKEN;
    if (t->type == PS_TFLITE_I8) {
        uint8_t *p = copy_of(e, c->g->values[v].data, t->count);
        for (size_t i = 0; p && i < t->count; i++) p[i] ^= 0x80;
        c->g->values[v].data = p;
        c->g->values[v].type = POISE_U8;
    }
    c->g->values[v].scale = t->scale[0];
    c->g->values[v].zero = ps_tflite_zero(t);
    return e->status == POISE_OK ? v : PS_BROKEN;
}

static int32_t other_order(ps_emit *e, int32_t x, ps_tflite_order to)
{
    return ps_emit_transpose(e, x, 4, to == PS_TFLITE_NCHW ? to_nchw : to_file);
}

int32_t ps_tflite_codes(ps_tflite *c, ps_emit *e, int32_t tensor, ps_tflite_order order)
{
    ps_tflite_slot *s = &c->slots[tensor];
    const ps_tflite_tensor *t = &c->model.tensors[tensor];
    if (s->codes[order] >= 0) return s->codes[order];
    if (s->codes[!order] >= 0) return s->codes[order] = other_order(e, s->codes[!order], order);
    int32_t v = stored_codes(c, e, t);
    s->codes[PS_TFLITE_FILE] = v;
    return order == PS_TFLITE_FILE ? v : (s->codes[order] = other_order(e, v, order));
}

static int32_t to_real(ps_emit *e, int32_t codes)
{
    return PS_EMIT_NODE(e, &ps_op_quantize, (&(ps_quantize_params){POISE_F32, 0}), codes);
}

/* Scales and zero points of constant codes as values [1] or [k]; zeros are left out where they are all 0. */
static void constant_scales(ps_emit *e, const ps_tflite_tensor *t, int32_t out[2])
{
    bool any = false;
    int32_t k = t->n_scales;
    int32_t *zero = ps_emit_spend(e, (size_t)k * 8) ? ps_heap_push(e->heap, (size_t)k * sizeof *zero) : NULL;
    out[0] = out[1] = PS_BROKEN;
    if (!zero) PS_EMIT_FAIL(e, POISE_NO_MEMORY, "no memory for %d zero points", k);
    for (int32_t i = 0; i < k && e->status == POISE_OK; i++) {
        poise_type type = t->type == PS_TFLITE_U8 ? POISE_U8 : POISE_I8;
        zero[i] = ps_emit_clamp32(t->zero[i]);
        any |= zero[i] != 0;
        if (!ps_scale_is_legal(type, t->scale[i], zero[i]))
            PS_EMIT_FAIL(e, POISE_BAD_MODEL, "tensor '%.100s' of %s has scale %g and zero point %lld", t->name,
                         ps_tflite_type_name(t->type), (double)t->scale[i], (long long)t->zero[i]);
    }
    if (e->status != POISE_OK) return;
    out[0] = ps_emit_constant(e, POISE_F32, 1, &k, t->scale);
    out[1] = any ? ps_emit_constant(e, POISE_I32, 1, &k, zero) : PS_ABSENT;
}

/* The real numbers of constant codes, dimension j being the file's dimension perm[j], scales along dimension `axis`. */
static int32_t dequantised(ps_tflite *c, ps_emit *e, const ps_tflite_tensor *t, const int32_t *perm, int32_t axis)
{
    int32_t scale[2];
    if (t->type != PS_TFLITE_I8 && t->type != PS_TFLITE_U8 && t->type != PS_TFLITE_I4)
        PS_EMIT_FAIL(e, POISE_UNSUPPORTED, "tensor '%.100s' has codes of %s", t->name, ps_tflite_type_name(t->type));
    if (t->n_scales != 1 && (t->axis != perm[axis] || t->n_scales != t->dim[perm[axis]]))
        PS_EMIT_FAIL(e, POISE_BAD_MODEL, "tensor '%.100s' has %d scales along dimension %d, its %d channels are dimension %d",
                     t->name, t->n_scales, t->axis, t->dim[perm[axis]], perm[axis]);
    constant_scales(e, t, scale);
    int32_t w = ps_emit_transpose(e, stored(c, e, t), t->rank, perm);
    ps_quantize_params p = {POISE_F32, axis};
    return ps_emit_node(e, &ps_op_quantize, &p, scale[1] == PS_ABSENT ? 2 : 3, (int32_t[]){w, scale[0], scale[1]});
}

/* The same as the file has them. */
static int32_t dequantised_whole(ps_tflite *c, ps_emit *e, const ps_tflite_tensor *t)
{
    static const int32_t same[POISE_MAX_DIMS] = {0, 1, 2, 3, 4, 5, 6, 7};
    bool known = t->axis >= 0 && t->axis < t->rank;
    if (t->n_scales != 1 && !known)
        PS_EMIT_FAIL(e, POISE_BAD_MODEL, "tensor '%.100s' has scales along dimension %d of %d", t->name, t->axis, t->rank);
    return e->status == POISE_OK ? dequantised(c, e, t, same, known ? t->axis : 0) : PS_BROKEN;
}

int32_t ps_tflite_real(ps_tflite *c, ps_emit *e, int32_t tensor, ps_tflite_order order)
{
    ps_tflite_slot *s = &c->slots[tensor];
    const ps_tflite_tensor *t = &c->model.tensors[tensor];
    if (s->real[order] >= 0) return s->real[order];
    bool constant = s->made < 0 && t->data;
    if (s->same_as >= 0 && s->real[!order] < 0)
        s->real[PS_TFLITE_FILE] = dequantised_whole(c, e, &c->model.tensors[s->same_as]);
    else if (ps_tflite_is_quantised(t) && constant && t->count == 1 && e->status == POISE_OK) { /* a number: no code is saved */
        check_scale(e, t);
        int32_t v = stored(c, e, t);
        const void *data = ps_emit_value(e, v).data;
        if (!data) return PS_BROKEN;
        int32_t q = t->type == PS_TFLITE_I8 ? *(const int8_t *)data : *(const uint8_t *)data;
        float real = (float)(q - (int32_t)t->zero[0]) * t->scale[0];
        return s->real[0] = s->real[1] = ps_emit_constant(e, POISE_F32, t->rank, t->dim, &real);
    }
    if (ps_tflite_is_quantised(t)) return s->real[order] = to_real(e, ps_tflite_codes(c, e, tensor, order));
    if (s->real[PS_TFLITE_FILE] == PS_ABSENT && s->real[PS_TFLITE_NCHW] == PS_ABSENT) s->real[PS_TFLITE_FILE] = stored(c, e, t);
    return s->real[order] >= 0 ? s->real[order] : (s->real[order] = other_order(e, s->real[!order], order));
}

bool ps_tflite_has(const ps_tflite_call *n, int i)
{
    return i >= 0 && i < n->node->n_in && n->node->in[i] >= 0;
}

const ps_tflite_tensor *ps_tflite_input(const ps_tflite_call *n, int i)
{
    return &n->c->model.tensors[n->node->in[i]];
}

const ps_tflite_tensor *ps_tflite_output(const ps_tflite_call *n, int k)
{
    return &n->c->model.tensors[n->node->out[k]];
}

int32_t ps_tflite_in_as(ps_tflite_call *n, int i, ps_tflite_order order)
{
    if (n->e.status != POISE_OK) return PS_BROKEN;
    return ps_tflite_has(n, i) ? ps_tflite_real(n->c, &n->e, n->node->in[i], order) : PS_ABSENT;
}

int32_t ps_tflite_in(ps_tflite_call *n, int i)
{
    return ps_tflite_in_as(n, i, PS_TFLITE_FILE);
}

int32_t ps_tflite_raw(ps_tflite_call *n, int i, ps_tflite_order order)
{
    bool codes = n->e.status == POISE_OK && ps_tflite_has(n, i) && ps_tflite_is_quantised(ps_tflite_input(n, i));
    return codes ? ps_tflite_codes(n->c, &n->e, n->node->in[i], order) : ps_tflite_in_as(n, i, order);
}

ps_value ps_tflite_shape(ps_tflite_call *n, int i)
{
    if (!ps_tflite_has(n, i)) return ps_emit_value(&n->e, PS_ABSENT);
    const ps_tflite_slot *s = &n->c->slots[n->node->in[i]];
    for (int order = 0; order < 2; order++) {
        int32_t v = s->real[order] >= 0 ? s->real[order] : s->codes[order];
        if (v < 0) continue;
        ps_value value = ps_emit_value(&n->e, v);
        int32_t dim[4];
        memcpy(dim, value.dim, sizeof dim);
        for (int d = 0; order == PS_TFLITE_NCHW && d < 4; d++) value.dim[d] = dim[to_file[d]];
        if (order == PS_TFLITE_NCHW && value.live >= 0) value.live_axis = to_nchw[value.live_axis];
        return value;
    }
    ps_value value = ps_emit_value(&n->e, PS_ABSENT); /* a constant not yet used */
    const ps_tflite_tensor *t = ps_tflite_input(n, i);
    value.rank = t->rank;
    memcpy(value.dim, t->dim, sizeof value.dim);
    return value;
}

int32_t ps_tflite_rank(ps_tflite_call *n, int i)
{
    return ps_tflite_shape(n, i).rank;
}

ps_tflite_order ps_tflite_common_order(ps_tflite_call *n)
{
    ps_tflite_order order = PS_TFLITE_FILE;
    for (int i = 0; i < n->node->n_in; i++) {
        if (!ps_tflite_has(n, i)) continue;
        int32_t rank = ps_tflite_rank(n, i);
        if (rank > 4) return PS_TFLITE_FILE;
        if (rank == 4 && n->c->slots[n->node->in[i]].order == PS_TFLITE_NCHW) order = PS_TFLITE_NCHW;
    }
    return order;
}

int32_t ps_tflite_operand(ps_tflite_call *n, int i, ps_tflite_order order)
{
    ps_value v = ps_tflite_shape(n, i);
    if (order == PS_TFLITE_FILE || v.rank == 4) return ps_tflite_in_as(n, i, order);
    int32_t x = ps_tflite_in(n, i), dim[4] = {1, 1, 1, 1};
    if (v.rank == 0 || ps_value_count(&v) == 1) return x;
    for (int d = 0; d < v.rank; d++) dim[4 - v.rank + d] = v.dim[d];
    return other_order(&n->e, ps_emit_reshape(&n->e, x, 4, dim), order);
}

int32_t ps_tflite_axis_in(ps_tflite_order order, int32_t axis)
{
    return order == PS_TFLITE_NCHW ? to_file[axis & 3] : axis;
}

const int64_t *ps_tflite_const(ps_tflite_call *n, int i, const char *what, size_t *count)
{
    return ps_emit_ints(&n->e, ps_tflite_in(n, i), what, count);
}

int64_t ps_tflite_const_one(ps_tflite_call *n, int i, const char *what)
{
    size_t count;
    const int64_t *v = ps_tflite_const(n, i, what, &count);
    if (v && count == 1) return v[0];
    PS_TFLITE_FAIL(n, POISE_BAD_MODEL, "input '%s' must be one number", what);
    return 0;
}

/* ---- weights ---- */

int32_t ps_tflite_weights(ps_tflite_call *n, int i, int rank, const int32_t *perm, int32_t axis)
{
    if (n->e.status != POISE_OK || !ps_tflite_has(n, i)) return PS_BROKEN;
    const ps_tflite_tensor *t = ps_tflite_input(n, i);
    int32_t have = ps_tflite_rank(n, i), same_as = n->c->slots[n->node->in[i]].same_as;
    if (have != rank) PS_TFLITE_FAIL(n, POISE_BAD_MODEL, "its weights have %d dimensions, %d are right", have, rank);
    if (same_as >= 0) t = &n->c->model.tensors[same_as];
    if (t->rank != rank) PS_TFLITE_FAIL(n, POISE_BAD_MODEL, "its weights have %d dimensions, %d are right", t->rank, rank);
    bool codes = t->data && t->n_scales && (ps_tflite_is_quantised(t) || t->type == PS_TFLITE_I4);
    if (n->e.status != POISE_OK) return PS_BROKEN;
    if (codes) return dequantised(n->c, &n->e, t, perm, axis);
    int32_t w = ps_tflite_in(n, i);
    poise_type type = ps_emit_value(&n->e, w).type;
    if (type == POISE_I8 || type == POISE_U8)
        PS_TFLITE_FAIL(n, POISE_BAD_MODEL, "tensor '%.100s' of %s has no scale", t->name, ps_tflite_type_name(t->type));
    return ps_emit_transpose(&n->e, w, rank, perm);
}

int32_t ps_tflite_bias(ps_tflite_call *n, int i, int at, int32_t channels)
{
    if (n->e.status != POISE_OK) return PS_BROKEN;
    if (!ps_tflite_has(n, i)) return PS_ABSENT;
    const ps_tflite_tensor *t = ps_tflite_input(n, i), *x = ps_tflite_input(n, at), *w = ps_tflite_input(n, 1);
    int32_t b = ps_tflite_in(n, i);
    ps_value v = ps_emit_value(&n->e, b);
    if (ps_value_count(&v) != (size_t)channels || v.rank > POISE_MAX_DIMS)
        PS_TFLITE_FAIL(n, POISE_BAD_MODEL, "a bias of %zu elements for %d channels", ps_value_count(&v), channels);
    if (n->e.status != POISE_OK) return PS_BROKEN;
    if (v.type != POISE_I32) return ps_emit_reshape(&n->e, b, 1, &channels);
    const float *sums = ps_emit_floats(&n->e, b, "bias", &(size_t){0});
    float *real = ps_emit_spend(&n->e, (size_t)channels * 4) ? ps_heap_push(n->e.heap, (size_t)channels * 4) : NULL;
    bool own = t->n_scales == 1 || t->n_scales == channels;
    if (!own && !(ps_tflite_is_quantised(x) && (w->n_scales == 1 || w->n_scales == channels)))
        PS_TFLITE_FAIL(n, POISE_BAD_MODEL, "tensor '%.100s' of int32 has no scale", t->name);
    if (!sums || !real) PS_TFLITE_FAIL(n, POISE_NO_MEMORY, "no memory for %d biases", channels);
    if (n->e.status != POISE_OK) return PS_BROKEN;
    for (int32_t j = 0; j < channels; j++) /* the sums of products of codes: their unit is the product of both scales */
        real[j] = sums[j] * (own ? t->scale[t->n_scales == 1 ? 0 : j] : x->scale[0] * w->scale[w->n_scales == 1 ? 0 : j]);
    return ps_emit_constant(&n->e, POISE_F32, 1, &channels, real);
}

/* ---- results ---- */

int32_t ps_tflite_activate(ps_tflite_call *n, int32_t kind, int32_t x)
{
    switch (kind) {
    case 0: return x;
    case 1: return ps_emit_unary(&n->e, PS_ACT_RELU, 0, 0, x);
    case 2: return ps_emit_unary(&n->e, PS_ACT_CLIP, -1, 1, x);
    case 3: return ps_emit_unary(&n->e, PS_ACT_CLIP, 0, 6, x);
    case 4: return ps_emit_unary(&n->e, PS_ACT_TANH, 0, 0, x);
    default: PS_TFLITE_FAIL(n, POISE_UNSUPPORTED, "fused activation %d", kind); return PS_BROKEN;
    }
}

static void name_value(ps_tflite_call *n, int32_t value, const char *name)
{
    ps_value *v = value >= 0 ? &n->c->g->values[value] : NULL;
    if (!v || *v->name) return;
    v->name = ps_heap_string(&n->c->g->heap, name, strlen(name));
    if (v->name) return;
    v->name = "";
    PS_TFLITE_FAIL(n, POISE_NO_MEMORY, "no memory for a name");
}

void ps_tflite_result(ps_tflite_call *n, int k, int32_t value, ps_tflite_order order)
{
    if (n->e.status != POISE_OK || k >= n->node->n_out || value < 0) return;
    const ps_tflite_tensor *t = ps_tflite_output(n, k);
    ps_tflite_slot *s = &n->c->slots[n->node->out[k]];
    bool codes = ps_tflite_is_quantised(t);
    ps_value v = ps_emit_value(&n->e, value);
    if (codes) {
        check_scale(&n->e, t);
        bool same = ps_value_is_quantised(&v) && v.type == POISE_U8 && v.scale == t->scale[0] && v.zero == ps_tflite_zero(t);
        ps_quantize_params p = {POISE_U8, 0};
        if (!same && n->e.status == POISE_OK)
            value = ps_emit_scaled(&n->e, &ps_op_quantize, &p, 1, &value, t->scale[0], ps_tflite_zero(t));
    } else {
        if (ps_value_is_quantised(&v)) value = to_real(&n->e, value);
        poise_type type = ps_emit_value(&n->e, value).type;
        PS_TFLITE_REQUIRE(n, type == ps_tflite_type(t->type), POISE_UNSUPPORTED, "its result '%.40s' of %s would be %s", t->name,
                          ps_tflite_type_name(t->type), poise_type_name(type));
    }
    if (n->e.status != POISE_OK) return;
    *(codes ? &s->codes[order] : &s->real[order]) = value;
    s->order = order;
    s->ready = true;
    name_value(n, value, t->name);
}
