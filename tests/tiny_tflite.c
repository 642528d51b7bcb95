/* tests/tiny_tflite.c - a small FlatBuffers writer and four networks. */
#include "tests/tiny_tflite.h"

#include "runtime/memory.h"
#include "runtime/status.h"

#include <stdio.h>
#include <string.h>

/* ---- describing ---- */

int tfl_tensor(tfl *t, const char *name, int type, int rank, const int32_t *dim)
{
    int i = t->n_tensors++;
    t->tensor[i].name = name;
    t->tensor[i].type = type;
    t->tensor[i].rank = rank;
    memcpy(t->tensor[i].dim, dim, (size_t)rank * sizeof *dim);
    return i;
}

int tfl_constant(tfl *t, int type, int rank, const int32_t *dim, const void *data)
{
    static const size_t size[] = {4, 2, 4, 1, 8, 1, 1, 2, 8, 1};
    int i = tfl_tensor(t, "constant", type, rank, dim);
    size_t n = size[type];
    for (int d = 0; d < rank; d++) n *= (size_t)dim[d];
    t->tensor[i].data = data;
    t->tensor[i].bytes = n;
    return i;
}

int tfl_input(tfl *t, int type, int rank, const int32_t *dim)
{
    static const char *const names[TFL_PORTS] = {"x", "x1", "x2", "x3", "x4", "x5", "x6", "x7"};
    int i = tfl_tensor(t, names[t->n_in], type, rank, dim);
    t->in[t->n_in++] = i;
    return i;
}

void tfl_quantise(tfl *t, int tensor, float scale, int64_t zero)
{
    t->tensor[tensor].n_scales = t->tensor[tensor].n_zeros = 1;
    t->tensor[tensor].scale[0] = scale;
    t->tensor[tensor].zero[0] = zero;
}

void tfl_quantise_axis(tfl *t, int tensor, int axis, int n, const float *scale)
{
    t->tensor[tensor].n_scales = t->tensor[tensor].n_zeros = n;
    t->tensor[tensor].axis = axis;
    for (int i = 0; i < n; i++) t->tensor[tensor].scale[i] = scale[i], t->tensor[tensor].zero[i] = 0;
}

int tfl_node(tfl *t, int code, const int32_t *in, int type, int rank, const int32_t *dim)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p",
                                        "q", "r", "s", "t", "u", "v", "w", "y", "z", "A", "B", "C", "D", "E", "F", "G"};
    int i = t->n_nodes++;
    t->node[i].code = code;
    for (; *in != -2; in++) t->node[i].in[t->node[i].n_in++] = *in;
    t->node[i].out[t->node[i].n_out++] = tfl_tensor(t, names[i], type, rank, dim);
    return t->node[i].out[0];
}

static tfl_field *add_field(tfl *t, int id, int size)
{
    int i = t->n_nodes - 1;
    tfl_field *f = &t->node[i].field[t->node[i].n_fields++];
    f->id = id;
    f->size = size;
    return f;
}

void tfl_byte(tfl *t, int id, int v)
{
    add_field(t, id, 1)->bits = (uint32_t)v;
}

void tfl_int(tfl *t, int id, int32_t v)
{
    add_field(t, id, 4)->bits = (uint32_t)v;
}

void tfl_float(tfl *t, int id, float v)
{
    memcpy(&add_field(t, id, 4)->bits, &v, sizeof v);
}

void tfl_ints(tfl *t, int id, int n, const int32_t *v)
{
    tfl_field *f = add_field(t, id, 0);
    f->count = n;
    memcpy(f->list, v, (size_t)n * sizeof *v);
}

void tfl_output(tfl *t, int tensor)
{
    t->out[t->n_out++] = tensor;
}

/* ---- writing: front to back, so that offsets point forward as they must ---- */

typedef struct buf {
    uint8_t *p;
    size_t n, cap;
} buf;

static size_t put(buf *b, const void *p, size_t n)
{
    size_t at = b->n;
    if (b->n + n > b->cap) {
        size_t cap = (b->n + n) * 2 + 1024;
        uint8_t *q = ps_realloc(b->p, cap);
        if (!q) return 0; /* the result is then no network, and its reader says so */
        b->p = q;
        b->cap = cap;
    }
    if (n && p) memcpy(b->p + b->n, p, n);
    b->n += n;
    return at;
}

static void align(buf *b, size_t to)
{
    while (b->n % to) put(b, "", 1);
}

/* Where field `id` of a table is. */
typedef struct table {
    size_t at, field[12];
} table;

/* A vtable and its table with fields of these sizes (0 = absent), largest alignment 8. */
static table begin(buf *b, int n, const int *size)
{
    table t = {0};
    uint16_t vtable[2 + 12] = {(uint16_t)(4 + 2 * n)}, end = 4;
    for (int i = 0; i < n; i++) {
        if (!size[i]) continue;
        end = (uint16_t)ps_round_up(end, (size_t)size[i]);
        vtable[2 + i] = end;
        end = (uint16_t)(end + size[i]);
    }
    vtable[1] = (uint16_t)ps_round_up(end, 4);
    align(b, 8);
    size_t v = put(b, vtable, vtable[0]);
    align(b, 8);
    int32_t back = (int32_t)(b->n - v);
    t.at = put(b, &back, 4);
    for (int i = 0; i < n; i++) t.field[i] = t.at + vtable[2 + i];
    put(b, NULL, vtable[1] - 4u);
    if (b->p) memset(b->p + t.at + 4, 0, vtable[1] - 4u);
    return t;
}

static void set(buf *b, size_t at, const void *v, size_t n)
{
    if (b->p) memcpy(b->p + at, v, n);
}

static void set32(buf *b, size_t at, uint32_t v)
{
    set(b, at, &v, 4);
}

/* The offset at `from` points to where the next bytes go. */
static void link_here(buf *b, size_t from)
{
    align(b, 4);
    set32(b, from, (uint32_t)(b->n - from));
}

static void vector(buf *b, size_t from, size_t n, const void *p, size_t size)
{
    align(b, 8);
    if (size == 8) put(b, "\0\0\0", 4); /* so that the elements are aligned */
    else if (size == 1) put(b, "\0\0\0\0\0\0\0\0\0\0\0", (28 - b->n % 16) % 16);
    set32(b, from, (uint32_t)(b->n - from));
    uint32_t count = (uint32_t)n;
    put(b, &count, 4);
    put(b, p, n * size);
}

/* A vector of n offsets to be set later; gives where they are. */
static size_t offsets(buf *b, size_t from, size_t n)
{
    link_here(b, from);
    uint32_t count = (uint32_t)n;
    put(b, &count, 4);
    size_t at = put(b, NULL, 4 * n);
    if (b->p) memset(b->p + at, 0, 4 * n);
    return at;
}

static void put_quantisation(buf *b, const tfl *t, int i, size_t from)
{
    link_here(b, from);
    table q = begin(b, 7, (int[]){0, 0, 4, t->tensor[i].n_zeros ? 4 : 0, 0, 0, 4});
    set32(b, from, (uint32_t)(q.at - from));
    set32(b, q.field[6], (uint32_t)t->tensor[i].axis);
    vector(b, q.field[2], (size_t)t->tensor[i].n_scales, t->tensor[i].scale, 4);
    if (t->tensor[i].n_zeros) vector(b, q.field[3], (size_t)t->tensor[i].n_zeros, t->tensor[i].zero, 8);
}

static void put_tensor(buf *b, const tfl *t, int i, size_t from)
{
    table m = begin(b, 5, (int[]){4, 1, 4, 4, t->tensor[i].n_scales ? 4 : 0});
    set32(b, from, (uint32_t)(m.at - from));
    set(b, m.field[1], &(uint8_t){(uint8_t)t->tensor[i].type}, 1);
    set32(b, m.field[2], (uint32_t)(t->tensor[i].buffer ? t->tensor[i].buffer : t->tensor[i].data ? i + 1 : 0));
    vector(b, m.field[0], (size_t)t->tensor[i].rank, t->tensor[i].dim, 4);
    vector(b, m.field[3], strlen(t->tensor[i].name), t->tensor[i].name, 1);
    if (t->tensor[i].n_scales) put_quantisation(b, t, i, m.field[4]);
}

static void put_options(buf *b, const tfl *t, int i, size_t from)
{
    int size[TFL_FIELDS + 4] = {0}, n = 0;
    for (int k = 0; k < t->node[i].n_fields; k++) {
        const tfl_field *f = &t->node[i].field[k];
        size[f->id] = f->size ? f->size : 4;
        if (f->id >= n) n = f->id + 1;
    }
    table o = begin(b, n, size);
    set32(b, from, (uint32_t)(o.at - from));
    for (int k = 0; k < t->node[i].n_fields; k++) {
        const tfl_field *f = &t->node[i].field[k];
        if (f->size) set(b, o.field[f->id], &f->bits, (size_t)f->size);
        else vector(b, o.field[f->id], (size_t)f->count, f->list, 4);
    }
}

static void put_node(buf *b, const tfl *t, int i, size_t from)
{
    table m = begin(b, 5, (int[]){4, 4, 4, 1, t->node[i].n_fields ? 4 : 0});
    set32(b, from, (uint32_t)(m.at - from));
    set32(b, m.field[0], (uint32_t)i); /* a code for each operator */
    vector(b, m.field[1], (size_t)t->node[i].n_in, t->node[i].in, 4);
    vector(b, m.field[2], (size_t)t->node[i].n_out, t->node[i].out, 4);
    if (t->node[i].n_fields) put_options(b, t, i, m.field[4]);
}

static void put_graph(buf *b, const tfl *t, size_t from)
{
    table g = begin(b, 4, (int[]){4, 4, 4, 4});
    set32(b, from, (uint32_t)(g.at - from));
    vector(b, g.field[1], (size_t)t->n_in, t->in, 4);
    vector(b, g.field[2], (size_t)t->n_out, t->out, 4);
    size_t tensors = offsets(b, g.field[0], (size_t)t->n_tensors);
    for (int i = 0; i < t->n_tensors; i++) put_tensor(b, t, i, tensors + 4 * (size_t)i);
    size_t nodes = offsets(b, g.field[3], (size_t)t->n_nodes);
    for (int i = 0; i < t->n_nodes; i++) put_node(b, t, i, nodes + 4 * (size_t)i);
}

/* Buffer 0 is empty, buffer i + 1 that of tensor i. */
static void put_buffers(buf *b, const tfl *t, size_t from)
{
    size_t at = offsets(b, from, (size_t)t->n_tensors + 1);
    for (int i = -1; i < t->n_tensors; i++, at += 4) {
        bool full = i >= 0 && t->tensor[i].data;
        table m = begin(b, 1, (int[]){full ? 4 : 0});
        set32(b, at, (uint32_t)(m.at - at));
        if (full) vector(b, m.field[0], t->tensor[i].bytes, t->tensor[i].data, 1);
    }
}

void *tfl_finish(const tfl *t, size_t *size)
{
    buf b = {0};
    put(&b, "\0\0\0\0TFL3", 8);
    table m = begin(&b, 5, (int[]){4, 4, 4, 0, 4});
    set32(&b, 0, (uint32_t)m.at);
    set32(&b, m.field[0], (uint32_t)(t->version ? t->version : 3));
    size_t codes = offsets(&b, m.field[1], (size_t)t->n_nodes);
    for (int i = 0; i < t->n_nodes; i++) {
        table c = begin(&b, 4, (int[]){1, 0, 4, 4});
        set32(&b, codes + 4 * (size_t)i, (uint32_t)(c.at - codes - 4 * (size_t)i));
        set(&b, c.field[0], &(uint8_t){(uint8_t)(t->node[i].code < 127 ? t->node[i].code : 127)}, 1);
        set32(&b, c.field[2], 1);
        set32(&b, c.field[3], (uint32_t)t->node[i].code);
    }
    size_t graphs = offsets(&b, m.field[2], 1);
    put_graph(&b, t, graphs);
    put_buffers(&b, t, m.field[4]);
    *size = b.n;
    return b.p;
}

/* ---- networks ---- */

enum { ADD = 0, AVERAGE_POOL = 1, CONCATENATION = 2, CONV = 3, DEPTHWISE = 4, FULLY = 9, LOGISTIC = 14, MAX_POOL = 17, MUL = 18,
       RESHAPE = 22, SOFTMAX = 25, PAD = 34, TRANSPOSE = 39, STRIDED_SLICE = 45, SPLIT = 49, PACK = 83 };

/* Numbers for weights: small, of both signs, the same in every build. */
static void noise(int n, float *f, int8_t *q)
{
    for (int i = 0; i < n; i++) {
        q[i] = (int8_t)((i * 37 + 11) % 41 - 20);
        f[i] = (float)q[i] * 0.02f;
    }
}

typedef struct parts {
    float f[512];
    int8_t q[512];
    float scale[TFL_SCALES], bias[TFL_SCALES];
    int32_t sums[TFL_SCALES];
} parts;

static int weights(tfl *t, const parts *p, int kind, int axis, int channels, int rank, const int32_t *dim)
{
    int w = tfl_constant(t, kind == TINY_TFLITE_FLOAT ? TFL_F32 : TFL_I8, rank, dim,
                         kind == TINY_TFLITE_FLOAT ? (const void *)p->f : p->q);
    if (kind != TINY_TFLITE_FLOAT) tfl_quantise_axis(t, w, axis, channels, p->scale);
    return w;
}

static int bias(tfl *t, const parts *p, int kind, int channels)
{
    int b = tfl_constant(t, kind == TINY_TFLITE_INT8 ? TFL_I32 : TFL_F32, 1, &channels,
                         kind == TINY_TFLITE_INT8 ? (const void *)p->sums : p->bias);
    if (kind == TINY_TFLITE_INT8) tfl_quantise(t, b, 0.05f * 0.02f, 0);
    return b;
}

static int step(tfl *t, int kind, int code, const int32_t *in, int rank, const int32_t *dim)
{
    int y = tfl_node(t, code, in, kind == TINY_TFLITE_INT8 ? TFL_I8 : TFL_F32, rank, dim);
    if (kind == TINY_TFLITE_INT8) tfl_quantise(t, y, code == SOFTMAX ? 1 / 256.0f : 0.05f, code == SOFTMAX ? -128 : -10);
    return y;
}

static void window(tfl *t, int stride, int at, int act)
{
    tfl_byte(t, 0, 0);
    tfl_int(t, 1, stride);
    tfl_int(t, 2, stride);
    tfl_byte(t, at, act);
}

static void classify(tfl *t, const parts *p, int kind)
{
    int x = tfl_input(t, kind == TINY_TFLITE_INT8 ? TFL_I8 : TFL_F32, TFL_DIMS(1, 8, 8, 3));
    if (kind == TINY_TFLITE_INT8) tfl_quantise(t, x, 1 / 64.0f, 3);
    int w = weights(t, p, kind, 0, 4, TFL_DIMS(4, 3, 3, 3)), b = bias(t, p, kind, 4);
    x = step(t, kind, CONV, TFL_IN(x, w, b), TFL_DIMS(1, 4, 4, 4));
    window(t, 2, 3, 3);
    w = weights(t, p, kind, 3, 8, TFL_DIMS(1, 3, 3, 8));
    int y = step(t, kind, DEPTHWISE, TFL_IN(x, w, bias(t, p, kind, 8)), TFL_DIMS(1, 4, 4, 8));
    window(t, 1, 4, 1);
    tfl_int(t, 3, 2);
    w = weights(t, p, kind, 0, 4, TFL_DIMS(4, 1, 1, 8));
    y = step(t, kind, CONV, TFL_IN(y, w, b), TFL_DIMS(1, 4, 4, 4));
    window(t, 1, 3, 0);
    x = step(t, kind, ADD, TFL_IN(x, y), TFL_DIMS(1, 4, 4, 4));
    y = step(t, kind, LOGISTIC, TFL_IN(x), TFL_DIMS(1, 4, 4, 4));
    x = step(t, kind, MUL, TFL_IN(x, y), TFL_DIMS(1, 4, 4, 4));
    y = step(t, kind, MAX_POOL, TFL_IN(x), TFL_DIMS(1, 4, 4, 4));
    window(t, 1, 5, 0);
    tfl_int(t, 3, 3);
    tfl_int(t, 4, 3);
    x = step(t, kind, CONCATENATION, TFL_IN(x, y), TFL_DIMS(1, 4, 4, 8));
    tfl_int(t, 0, 3);
    x = step(t, kind, AVERAGE_POOL, TFL_IN(x), TFL_DIMS(1, 1, 1, 8));
    tfl_byte(t, 0, 1);
    for (int i = 1; i < 5; i++) tfl_int(t, i, 4);
    w = weights(t, p, kind, 0, 4, TFL_DIMS(4, 8));
    x = step(t, kind, FULLY, TFL_IN(x, w, b), TFL_DIMS(1, 4));
    x = step(t, kind, SOFTMAX, TFL_IN(x), TFL_DIMS(1, 4));
    tfl_float(t, 0, 1);
    tfl_output(t, x);
}

static void moves(tfl *t)
{
    static const int32_t pads[8] = {0, 0, 1, 2, 0, 1, 0, 0}, from[4] = {0, 1, 0, 0}, to[4] = {0, -1, 0, 2}, by[4] = {1, 2, 1, 1};
    static const int32_t perm[4] = {0, 3, 1, 2}, shape[3] = {1, -1, 5}, axis[1] = {1};
    int x = tfl_input(t, TFL_F32, TFL_DIMS(1, 4, 4, 2));
    x = tfl_node(t, PAD, TFL_IN(x, tfl_constant(t, TFL_I32, TFL_DIMS(4, 2), pads)), TFL_F32, TFL_DIMS(1, 7, 5, 2));
    x = tfl_node(t, STRIDED_SLICE,
                 TFL_IN(x, tfl_constant(t, TFL_I32, TFL_DIMS(4), from), tfl_constant(t, TFL_I32, TFL_DIMS(4), to),
                        tfl_constant(t, TFL_I32, TFL_DIMS(4), by)),
                 TFL_F32, TFL_DIMS(1, 3, 5, 2));
    tfl_int(t, 0, 4);
    tfl_int(t, 1, 4);
    x = tfl_node(t, TRANSPOSE, TFL_IN(x, tfl_constant(t, TFL_I32, TFL_DIMS(4), perm)), TFL_F32, TFL_DIMS(1, 2, 3, 5));
    x = tfl_node(t, RESHAPE, TFL_IN(x, tfl_constant(t, TFL_I32, TFL_DIMS(3), shape)), TFL_F32, TFL_DIMS(1, 6, 5));
    int a = tfl_node(t, SPLIT, TFL_IN(tfl_constant(t, TFL_I32, TFL_SCALAR, axis), x), TFL_F32, TFL_DIMS(1, 3, 5));
    tfl_int(t, 0, 2);
    int b = tfl_tensor(t, "rest", TFL_F32, TFL_DIMS(1, 3, 5));
    t->node[t->n_nodes - 1].out[t->node[t->n_nodes - 1].n_out++] = b;
    x = tfl_node(t, PACK, TFL_IN(b, a), TFL_F32, TFL_DIMS(1, 3, 2, 5));
    tfl_int(t, 0, 2);
    tfl_int(t, 1, 2);
    tfl_output(t, x);
    tfl_output(t, a);
}

int tiny_tflite_kind(const char *name)
{
    static const char *const names[] = {"tflite-float", "tflite-int8", "tflite-hybrid", "tflite-moves"};
    for (int i = 0; i < TINY_TFLITE_COUNT; i++)
        if (!strcmp(name, names[i])) return i;
    return -1;
}

void tiny_tflite_describe(int kind, tfl *t)
{
    static parts p;
    noise(512, p.f, p.q);
    for (int i = 0; i < TFL_SCALES; i++) {
        p.scale[i] = 0.02f;
        p.sums[i] = i * 40 - 60;
        p.bias[i] = (float)p.sums[i] * 0.001f;
    }
    *t = (tfl){0};
    if (kind == TINY_TFLITE_MOVES) moves(t);
    else classify(t, &p, kind);
}

poise_status tiny_tflite_make(int kind, void **bytes, size_t *size)
{
    static tfl t;
    PS_REQUIRE(kind >= 0 && kind < TINY_TFLITE_COUNT, POISE_BAD_ARGUMENT, "there is no tiny TFLite network %d", kind);
    tiny_tflite_describe(kind, &t);
    *bytes = tfl_finish(&t, size);
    PS_REQUIRE(*bytes, POISE_NO_MEMORY, "no memory for a tiny network");
    return POISE_OK;
}
