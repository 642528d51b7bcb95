/* tests/tiny_onnx.c - a small protobuf writer and seven networks. */
#include "tests/tiny_onnx.h"

#include "runtime/memory.h"
#include "runtime/status.h"

#include <stdio.h>
#include <string.h>

/* Field numbers of onnx.proto. */
enum { MODEL_IR = 1, MODEL_GRAPH = 7, MODEL_OPSET = 8, MODEL_META = 14 };
enum { GRAPH_NODE = 1, GRAPH_NAME = 2, GRAPH_CONST = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12 };
enum { NODE_IN = 1, NODE_OUT = 2, NODE_NAME = 3, NODE_TYPE = 4, NODE_ATTR = 5, NODE_DOMAIN = 7 };
enum { ATTR_NAME = 1, ATTR_F = 2, ATTR_I = 3, ATTR_S = 4, ATTR_INTS = 8, ATTR_TYPE = 20 };
enum { ELEM_F32 = 1, ELEM_U8 = 2, ELEM_I8 = 3, ELEM_I64 = 7 };

typedef struct text {
    uint8_t *p;
    size_t n, cap;
} text;

static void put(text *t, const void *p, size_t n)
{
    if (t->n + n > t->cap) {
        size_t cap = (t->n + n) * 2 + 256;
        uint8_t *q = ps_realloc(t->p, cap);
        if (!q) return; /* the result is then no network, and its reader says so */
        t->p = q;
        t->cap = cap;
    }
    memcpy(t->p + t->n, p, n);
    t->n += n;
}

static void varint(text *t, uint64_t v)
{
    for (; v > 127; v >>= 7) put(t, &(uint8_t){(uint8_t)(v | 128)}, 1);
    put(t, &(uint8_t){(uint8_t)v}, 1);
}
static void number(text *t, int field, int64_t v)
{
    varint(t, (uint64_t)field << 3);
    varint(t, (uint64_t)v);
}
static void bytes(text *t, int field, const void *p, size_t n)
{
    varint(t, (uint64_t)field << 3 | 2);
    varint(t, n);
    put(t, p, n);
}
static void string(text *t, int field, const char *s)
{
    bytes(t, field, s, strlen(s));
}
static void message(text *t, int field, text *m)
{
    bytes(t, field, m->p, m->n);
    ps_free(m->p);
    *m = (text){0};
}

/* A tensor's name, element type and shape; dimension -1 is symbolic. */
static void value_info(text *graph, int field, const char *name, int rank, const int64_t *dim)
{
    text shape = {0}, tensor = {0}, type = {0}, info = {0};
    for (int i = 0; i < rank; i++) {
        text d = {0};
        if (dim[i] < 0) string(&d, 2, i == 2 ? "height" : "width");
        else number(&d, 1, dim[i]);
        message(&shape, 1, &d);
    }
    number(&tensor, 1, ELEM_F32);
    message(&tensor, 2, &shape);
    message(&type, 1, &tensor);
    string(&info, 1, name);
    message(&info, 2, &type);
    message(graph, field, &info);
}

static void constant(text *graph, const char *name, int type, int rank, const int64_t *dim, const void *data, size_t n)
{
    text t = {0};
    for (int i = 0; i < rank; i++) number(&t, 1, dim[i]);
    number(&t, 2, type);
    string(&t, 8, name);
    bytes(&t, 9, data, n);
    message(graph, GRAPH_CONST, &t);
}
static void floats(text *graph, const char *name, int rank, const int64_t *dim, const float *data)
{
    size_t n = 1;
    for (int i = 0; i < rank; i++) n *= (size_t)dim[i];
    constant(graph, name, ELEM_F32, rank, dim, data, n * sizeof *data);
}
static void integers(text *graph, const char *name, int n, const int64_t *data)
{
    constant(graph, name, ELEM_I64, 1, &(int64_t){n}, data, (size_t)n * sizeof *data);
}

static text begin_node(const char *type, const char *in, const char *out)
{
    text n = {0};
    for (const char *list[2] = {in, out}, **l = list; l < list + 2; l++)
        for (const char *s = *l; *s;) {
            size_t len = strcspn(s, " ");
            bytes(&n, l == list ? NODE_IN : NODE_OUT, s, len);
            s += len + (s[len] == ' ');
        }
    string(&n, NODE_NAME, out);
    string(&n, NODE_TYPE, type);
    return n;
}
static void attr_ints(text *node, const char *name, int n, const int64_t *v)
{
    text a = {0};
    string(&a, ATTR_NAME, name);
    for (int i = 0; i < n; i++) number(&a, ATTR_INTS, v[i]);
    number(&a, ATTR_TYPE, 7);
    message(node, NODE_ATTR, &a);
}
static void attr_int(text *node, const char *name, int64_t v)
{
    text a = {0};
    string(&a, ATTR_NAME, name);
    number(&a, ATTR_I, v);
    number(&a, ATTR_TYPE, 2);
    message(node, NODE_ATTR, &a);
}
static void attr_string(text *node, const char *name, const char *v)
{
    text a = {0};
    string(&a, ATTR_NAME, name);
    string(&a, ATTR_S, v);
    number(&a, ATTR_TYPE, 3);
    message(node, NODE_ATTR, &a);
}
static void end_node(text *graph, text *node)
{
    message(graph, GRAPH_NODE, node);
}
static void plain_node(text *graph, const char *type, const char *in, const char *out)
{
    text n = begin_node(type, in, out);
    end_node(graph, &n);
}

static void conv(text *graph, const char *in, const char *out, int kernel, int stride)
{
    text n = begin_node("Conv", in, out);
    attr_ints(&n, "kernel_shape", 2, (int64_t[]){kernel, kernel});
    attr_ints(&n, "strides", 2, (int64_t[]){stride, stride});
    end_node(graph, &n);
}

static void metadata(text *model, const char *key, const char *value)
{
    text m = {0};
    string(&m, 1, key);
    string(&m, 2, value);
    message(model, MODEL_META, &m);
}

/* ---- networks ---- */

const tiny_box tiny_boxes[TINY_BOXES] = {
    {4, 4, 12, 20, 0, 0.9f},
    {16, 2, 30, 14, 1, 0.8f},
    {14, 18, 26, 30, 0, 0.6f},
};

static void detect(text *graph, text *model)
{
    enum { CELLS = 16, ROWS = 6 };
    float boxes[ROWS * CELLS] = {0}, zero[ROWS * 3 * 64] = {0};
    for (int i = 0; i < CELLS; i++) { /* cells without an object have a box too */
        const tiny_box b = i < TINY_BOXES ? tiny_boxes[i] : (tiny_box){1, 1, 3, 3, 0, 0.01f};
        boxes[i] = (b.x1 + b.x2) / 2;
        boxes[CELLS + i] = (b.y1 + b.y2) / 2;
        boxes[2 * CELLS + i] = b.x2 - b.x1;
        boxes[3 * CELLS + i] = b.y2 - b.y1;
        boxes[(4 + b.class_id) * CELLS + i] = b.score;
    }
    value_info(graph, GRAPH_INPUT, "images", 4, (int64_t[]){1, 3, 32, 32});
    value_info(graph, GRAPH_OUTPUT, "output0", 3, (int64_t[]){1, ROWS, CELLS});
    floats(graph, "w", 4, (int64_t[]){ROWS, 3, 8, 8}, zero);
    floats(graph, "boxes", 3, (int64_t[]){1, ROWS, CELLS}, boxes);
    integers(graph, "shape", 3, (int64_t[]){1, ROWS, -1});
    conv(graph, "images w", "cells", 8, 8);
    plain_node(graph, "Reshape", "cells shape", "flat");
    plain_node(graph, "Add", "flat boxes", "output0");
    metadata(model, "task", "detect");
    metadata(model, "names", "{0: 'ball', 1: 'box'}");
    metadata(model, "imgsz", "[32, 32]");
    metadata(model, "stride", "8");
}

static void classify(text *graph, text *model)
{
    static const float eye[12] = {8, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0, 0}, bias[4] = {0, 0, 0, 4};
    value_info(graph, GRAPH_INPUT, "images", 4, (int64_t[]){1, 3, 16, 16});
    value_info(graph, GRAPH_OUTPUT, "scores", 2, (int64_t[]){1, 4});
    floats(graph, "w", 4, (int64_t[]){4, 3, 1, 1}, eye);
    floats(graph, "b", 1, (int64_t[]){4}, bias);
    conv(graph, "images w b", "maps", 1, 1);
    plain_node(graph, "Relu", "maps", "positive");
    plain_node(graph, "GlobalAveragePool", "positive", "means");
    plain_node(graph, "Flatten", "means", "flat");
    text n = begin_node("Softmax", "flat", "scores");
    attr_int(&n, "axis", 1);
    end_node(graph, &n);
    metadata(model, "task", "classify");
    metadata(model, "names", "{0: 'red', 1: 'green', 2: 'blue', 3: 'grey'}");
}

static void shapes(text *graph)
{
    value_info(graph, GRAPH_INPUT, "x", 4, (int64_t[]){1, 2, -1, -1});
    value_info(graph, GRAPH_OUTPUT, "rows", 3, (int64_t[]){1, 2, -1});
    value_info(graph, GRAPH_OUTPUT, "half", 4, (int64_t[]){1, 1, -1, -1});
    integers(graph, "two", 1, (int64_t[]){2});
    integers(graph, "minus", 1, (int64_t[]){-1});
    integers(graph, "zero", 1, (int64_t[]){0});
    floats(graph, "scales", 1, (int64_t[]){4}, (const float[]){1, 1, 2, 2});
    text n = begin_node("Resize", "x  scales", "big");
    attr_string(&n, "mode", "nearest");
    attr_string(&n, "coordinate_transformation_mode", "asymmetric");
    attr_string(&n, "nearest_mode", "floor");
    end_node(graph, &n);
    plain_node(graph, "Shape", "big", "size");
    plain_node(graph, "Gather", "size zero", "batch");
    n = begin_node("Concat", "batch two minus", "target");
    attr_int(&n, "axis", 0);
    end_node(graph, &n);
    plain_node(graph, "Reshape", "big target", "rows");
    n = begin_node("Split", "big", "half rest");
    attr_int(&n, "axis", 1);
    end_node(graph, &n);
}

static void pose(text *graph)
{
    enum { JOINTS = 17, PIXELS = 16 };
    float w[JOINTS * 3 * PIXELS] = {0};
    for (int j = 0; j < JOINTS; j++) /* pure red gives 0.4 * (1 - mean) / std = 0.9 */
        for (int i = 0; i < PIXELS; i++) w[j * 3 * PIXELS + i] = 0.4f / PIXELS;
    value_info(graph, GRAPH_INPUT, "images", 4, (int64_t[]){1, 3, 64, 48});
    value_info(graph, GRAPH_OUTPUT, "heatmaps", 4, (int64_t[]){1, JOINTS, 16, 12});
    floats(graph, "w", 4, (int64_t[]){JOINTS, 3, 4, 4}, w);
    conv(graph, "images w", "heatmaps", 4, 4);
}

/* x -> codes of one scale -> floats */
static void through_codes(text *graph, const char *x, const char *scale, const char *codes, const char *y)
{
    char in[60];
    snprintf(in, sizeof in, "%s %s none", x, scale);
    plain_node(graph, "QuantizeLinear", in, codes);
    snprintf(in, sizeof in, "%s %s none", codes, scale);
    plain_node(graph, "DequantizeLinear", in, y);
}

static void codes(text *graph, text *model)
{
    static const int8_t eye[12] = {127, 0, 0, 0, 127, 0, 0, 0, 127, 0, 0, 0};
    static const float by_channel[4] = {8 / 127.0f, 8 / 127.0f, 8 / 127.0f, 1}, pixel[1] = {1 / 255.0f}, wide[1] = {1 / 16.0f};
    value_info(graph, GRAPH_INPUT, "images", 4, (int64_t[]){1, 3, 16, 16});
    value_info(graph, GRAPH_OUTPUT, "scores", 2, (int64_t[]){1, 4});
    constant(graph, "w", ELEM_I8, 4, (int64_t[]){4, 3, 1, 1}, eye, sizeof eye);
    constant(graph, "none", ELEM_U8, 0, NULL, "", 1);
    floats(graph, "ws", 1, (int64_t[]){4}, by_channel);
    floats(graph, "s", 0, NULL, pixel);
    floats(graph, "t", 0, NULL, wide);
    through_codes(graph, "images", "s", "q", "pixels");
    text n = begin_node("DequantizeLinear", "w ws", "weights");
    attr_int(&n, "axis", 0);
    end_node(graph, &n);
    conv(graph, "pixels weights", "maps", 1, 1);
    plain_node(graph, "Relu", "maps", "positive");
    through_codes(graph, "positive", "t", "p", "again");
    plain_node(graph, "GlobalAveragePool", "again", "means");
    through_codes(graph, "means", "t", "m", "mean");
    n = begin_node("QLinearAdd", "m t none m t none t none", "sum");
    string(&n, NODE_DOMAIN, "com.microsoft");
    end_node(graph, &n);
    plain_node(graph, "DequantizeLinear", "sum t none", "twice");
    plain_node(graph, "Add", "twice mean", "thrice");
    plain_node(graph, "Flatten", "thrice", "flat");
    n = begin_node("Softmax", "flat", "scores");
    attr_int(&n, "axis", 1);
    end_node(graph, &n);
    metadata(model, "task", "classify");
    metadata(model, "names", "{0: 'red', 1: 'green', 2: 'blue', 3: 'grey'}");
}

/* Weights enough to see in a process's memory, at addresses of every alignment; scales make a rewritten copy of each. */
static void large(text *graph)
{
    enum { LAYERS = 6, C = 1024 };
    float *w = ps_alloc_array(C, C * sizeof *w), scale[C];
    if (!w) return;
    for (int i = 0; i < C * C; i++) w[i] = (float)(i % 7 - 3) / C;
    for (int i = 0; i < C; i++) scale[i] = 1 + (float)(i % 5) / 8;
    value_info(graph, GRAPH_INPUT, "x", 4, (int64_t[]){1, C, 4, 4});
    value_info(graph, GRAPH_OUTPUT, "y", 4, (int64_t[]){1, C, 4, 4});
    for (int i = 0; i < LAYERS; i++) {
        const char *pad = &"......"[6 - i], *last = i == LAYERS - 1 ? "y" : NULL;
        char in[40], out[20], weights[20], factors[20], to[20];
        snprintf(weights, sizeof weights, "w%d%s", i, pad);
        snprintf(factors, sizeof factors, "s%d", i);
        floats(graph, weights, 4, (int64_t[]){C, C, 1, 1}, w);
        floats(graph, factors, 4, (int64_t[]){1, C, 1, 1}, scale);
        snprintf(out, sizeof out, "c%d", i);
        if (i) snprintf(in, sizeof in, "m%d %s", i - 1, weights);
        else snprintf(in, sizeof in, "x %s", weights);
        conv(graph, in, out, 1, 1);
        snprintf(in, sizeof in, "%s %s", out, factors);
        snprintf(to, sizeof to, "m%d", i);
        plain_node(graph, "Mul", in, last ? last : to);
    }
    ps_free(w);
}

static void outlier(text *graph)
{
    static const float first[12] = {1000, 0, 0, 1, -1, 0, 0, 1, 0, 0, 0, 1}, second[8] = {0, 1, 1, 0, 0, 0, 1, 1};
    value_info(graph, GRAPH_INPUT, "images", 4, (int64_t[]){1, 3, 16, 16});
    value_info(graph, GRAPH_OUTPUT, "sums", 4, (int64_t[]){1, 2, 16, 16});
    floats(graph, "w", 4, (int64_t[]){4, 3, 1, 1}, first);
    floats(graph, "v", 4, (int64_t[]){2, 4, 1, 1}, second);
    conv(graph, "images w", "maps", 1, 1);
    plain_node(graph, "Relu", "maps", "positive");
    conv(graph, "positive v", "sums", 1, 1);
}

int tiny_onnx_kind(const char *name)
{
    static const char *const names[] = {"detect", "classify", "shapes", "pose", "codes", "large", "outlier"};
    for (int i = 0; i <= TINY_OUTLIER; i++)
        if (!strcmp(name, names[i])) return i;
    return -1;
}

poise_status tiny_onnx_make(int kind, void **out, size_t *size)
{
    text graph = {0}, model = {0}, opset = {0};
    PS_REQUIRE(kind >= 0 && kind <= TINY_OUTLIER, POISE_BAD_ARGUMENT, "there is no tiny network %d", kind);
    number(&model, MODEL_IR, 8);
    if (kind == TINY_DETECT) detect(&graph, &model);
    if (kind == TINY_CLASSIFY) classify(&graph, &model);
    if (kind == TINY_SHAPES) shapes(&graph);
    if (kind == TINY_POSE) pose(&graph);
    if (kind == TINY_CODES) codes(&graph, &model);
    if (kind == TINY_LARGE) large(&graph);
    if (kind == TINY_OUTLIER) outlier(&graph);
    string(&graph, GRAPH_NAME, "tiny");
    message(&model, MODEL_GRAPH, &graph);
    number(&opset, 2, 13);
    message(&model, MODEL_OPSET, &opset);
    PS_REQUIRE(model.p, POISE_NO_MEMORY, "no memory for a tiny network");
    *out = model.p;
    *size = model.n;
    return POISE_OK;
}
