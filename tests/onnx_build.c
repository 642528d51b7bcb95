/* tests/onnx_build.c - a protobuf writer of a few lines. */
#include "tests/onnx_build.h"

#include "convert/onnx.h"
#include "convert/optimize.h"
#include "nn/model.h"

#include <string.h>

static void byte(pb *b, unsigned v)
{
    assert_true(b->n < sizeof b->p);
    b->p[b->n++] = (uint8_t)v;
}

static void varint(pb *b, uint64_t v)
{
    for (; v > 0x7f; v >>= 7) byte(b, (unsigned)(v & 0x7f) | 0x80);
    byte(b, (unsigned)v);
}

void pb_number(pb *b, unsigned field, int64_t v)
{
    varint(b, field << 3);
    varint(b, (uint64_t)v);
}

void pb_data(pb *b, unsigned field, const void *p, size_t n)
{
    varint(b, field << 3 | 2);
    varint(b, n);
    for (size_t i = 0; i < n; i++) byte(b, ((const uint8_t *)p)[i]);
}

void pb_text(pb *b, unsigned field, const char *s)
{
    pb_data(b, field, s, strlen(s));
}

void pb_child(pb *b, unsigned field, const pb *c)
{
    pb_data(b, field, c->p, c->n);
}

/* ---- graphs ---- */

void pb_typed_info(pb *graph, unsigned field, const char *name, int elements, int rank, const int64_t *dim)
{
    pb v = {0}, type = {0}, tensor = {0}, shape = {0};
    for (int i = 0; i < rank; i++) {
        pb d = {0};
        if (dim[i] < 0)
            pb_text(&d, 2, "size");
        else
            pb_number(&d, 1, dim[i]);
        pb_child(&shape, 1, &d);
    }
    pb_number(&tensor, 1, elements);
    pb_child(&tensor, 2, &shape);
    pb_child(&type, 1, &tensor);
    pb_text(&v, 1, name);
    pb_child(&v, 2, &type);
    pb_child(graph, field, &v);
}

void pb_info(pb *graph, unsigned field, const char *name, int rank, const int64_t *dim)
{
    pb_typed_info(graph, field, name, PB_FLOAT, rank, dim);
}

static void names(pb *n, unsigned field, const char *s)
{
    while (*s) {
        size_t len = strcspn(s, " ");
        pb_data(n, field, s, *s == '-' ? 0 : len);
        s += len + (s[len] == ' ');
    }
}

pb pb_begin(const char *op, const char *in, const char *out)
{
    pb n = {0};
    names(&n, 1, in);
    names(&n, 2, out);
    pb_data(&n, 3, out, strcspn(out, " "));
    const char *dot = strrchr(op, '.'); /* "com.microsoft.QGemm" */
    pb_text(&n, 4, dot ? dot + 1 : op);
    if (dot) pb_data(&n, 7, op, (size_t)(dot - op));
    return n;
}

void pb_end(pb *graph, const pb *node)
{
    pb_child(graph, 1, node);
}

void pb_node(pb *graph, const char *op, const char *in, const char *out)
{
    pb n = pb_begin(op, in, out);
    pb_end(graph, &n);
}

void pb_integer(pb *node, const char *name, int64_t v)
{
    pb a = {0};
    pb_text(&a, 1, name);
    pb_number(&a, 3, v);
    pb_number(&a, 20, 2);
    pb_child(node, 5, &a);
}

void pb_integers(pb *node, const char *name, int count, const int64_t *v)
{
    pb a = {0};
    pb_text(&a, 1, name);
    for (int i = 0; i < count; i++) pb_number(&a, 8, v[i]);
    pb_number(&a, 20, 7);
    pb_child(node, 5, &a);
}

void pb_constant(pb *graph, const char *name, int type, int rank, const int64_t *dim, size_t bytes, const void *data)
{
    pb t = {0};
    for (int i = 0; i < rank; i++) pb_number(&t, 1, dim[i]);
    pb_number(&t, 2, type);
    pb_text(&t, 8, name);
    pb_data(&t, 9, data, bytes);
    pb_child(graph, 5, &t);
}

void pb_floats(pb *graph, const char *name, int rank, const int64_t *dim, int count, const float *v)
{
    pb_constant(graph, name, PB_FLOAT, rank, dim, (size_t)count * sizeof *v, v);
}

/* ---- reading and running ---- */

poise_status pb_read(const pb *graph, int opset, const poise_convert_options *o, ps_graph *g)
{
    static pb file;
    pb version = {0};
    file.n = 0;
    pb_number(&version, 2, opset);
    pb_number(&file, 1, 8);
    pb_child(&file, 7, graph);
    pb_child(&file, 8, &version);
    *g = (ps_graph){0};
    return ps_onnx_read(g, file.p, file.n, o);
}

void pb_says(poise_status want, const char *part, const pb *graph, int opset, const poise_convert_options *o)
{
    ps_graph g;
    poise_status got = pb_read(graph, opset, o, &g);
    if (got != want) fail_msg("status %d, not %d, for what should say '%s': '%s'", got, want, part, poise_error_text());
    if (!strstr(poise_error_text(), part)) fail_msg("'%s' does not say '%s'", poise_error_text(), part);
    if (strchr(poise_error_text(), '\n')) fail_msg("'%s' is not one line", poise_error_text());
    ps_graph_free(&g);
}

poise_model *pb_open(const pb *graph, int opset)
{
    ps_graph g;
    void *file = NULL;
    size_t size = 0;
    poise_model *m = NULL;
    poise_status s = pb_read(graph, opset, NULL, &g);
    if (s == POISE_OK) s = ps_optimize(&g);
    if (s == POISE_OK) s = ps_format_write(&g, &file, &size);
    ps_graph_free(&g);
    if (s == POISE_OK) s = ps_model_adopt(file, size, NULL, NULL, &m);
    if (s != POISE_OK) fail_msg("%s", poise_error_text());
    return m;
}

void pb_run(const poise_model *m, const void *const *in, void *const *out)
{
    poise_session *s;
    if (poise_session_open(m, &s)) fail_msg("%s", poise_error_text());
    for (int i = 0; i < poise_model_inputs(m); i++) poise_tensor_write(poise_session_input(s, i), in[i]);
    poise_session_run(s);
    for (int i = 0; i < poise_model_outputs(m); i++) poise_tensor_read(poise_session_output(s, i), out[i]);
    poise_session_close(s);
}
