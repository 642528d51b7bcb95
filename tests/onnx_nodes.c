/* tests/onnx_nodes.c - runs the ONNX backend's node tests through the whole path, from file to session.
 *
 *     onnx_nodes [-v] [--markdown] [--only TEXT] [DIR]
 *
 * DIR holds test_<name>/{model.onnx, test_data_set_<k>/{input,output}_<i>.pb}, as Debian's libonnx-testdata
 * installs them.  A test whose inputs must be constants for Poise (shapes, axes) is run again with them bound
 * as initialisers.  Excluded tests are named with their reason; any other that fails makes the exit status 1
 * when fewer than 97 % pass.  --markdown writes docs/OPERATORS.md to standard output. */
#define _DEFAULT_SOURCE
#include "convert/onnx_import.h"
#include "convert/optimize.h"
#include "convert/tflite_import.h"
#include "nn/model.h"
#include "runtime/file.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PORTS = 32, MAX_TESTS = 4096, PATH = 1024 };

typedef enum verdict { PASSED, PASSED_BOUND, FAILED, EXCLUDED } verdict;

typedef struct outcome {
    char *name;
    verdict verdict;
    char reason[200];
} outcome;

/* What Poise does not run for good, or not yet. */
static const struct {
    const char *op, *why;
} excluded[] = {
    {"If", "control flow"},
    {"Loop", "control flow"},
    {"Scan", "control flow"},
    {"SequenceInsert", "sequences"},
    {"SequenceConstruct", "sequences"},
    {"SequenceMap", "sequences"},
    {"SequenceAt", "sequences"},
    {"SequenceEmpty", "sequences"},
    {"SequenceLength", "sequences"},
    {"Optional", "optionals"},
    {"OptionalGetElement", "optionals"},
    {"OptionalHasElement", "optionals"},
    {"StringNormalizer", "strings"},
    {"TfIdfVectorizer", "strings"},
    {"Bernoulli", "random numbers"},
    {"RandomUniformLike", "random numbers"},
    {"Adagrad", "training"},
    {"Adam", "training"},
    {"Momentum", "training"},
    {"NegativeLogLikelihoodLoss", "training losses (their expanded forms run)"},
    {"SoftmaxCrossEntropyLoss", "training losses (their expanded forms run)"},
    {"RNN", "recurrent layers"},
    {"LSTM", "recurrent layers"},
    {"GRU", "recurrent layers"},
    {"DFT", "signal processing"},
    {"STFT", "signal processing"},
    {"MelWeightMatrix", "signal processing"},
    {"HannWindow", "signal processing (the expanded forms run)"},
    {"HammingWindow", "signal processing (the expanded forms run)"},
    {"BlackmanWindow", "signal processing (the expanded forms run)"},
    {"Unique", "not in vision graphs"},
    {"Det", "not in vision graphs"},
};

/* One data set, decoded. */
typedef struct port {
    ps_file file;
    ps_onnx_tensor tensor;
    const void *data;
} port;

typedef struct data_set {
    port in[MAX_PORTS], out[MAX_PORTS];
    int n_in, n_out;
    ps_heap heap;
} data_set;

typedef struct bytes {
    uint8_t *p;
    size_t n, cap;
} bytes;

/* ---- reading a test ---- */

static bool read_port(port *p, ps_heap *heap, const char *dir, int set, const char *kind, int i)
{
    char path[PATH];
    snprintf(path, sizeof path, "%s/test_data_set_%d/%s_%d.pb", dir, set, kind, i);
    if (ps_file_map(path, &p->file) != POISE_OK) return false;
    if (ps_onnx_tensor_read(&p->tensor, heap, ps_wire_of(p->file.bytes, p->file.size)) != POISE_OK)
        return false;
    return ps_onnx_tensor_data(&p->tensor, heap, &p->data) == POISE_OK;
}

static void close_set(data_set *d)
{
    for (int i = 0; i < d->n_in; i++) ps_file_unmap(&d->in[i].file);
    for (int i = 0; i < d->n_out; i++) ps_file_unmap(&d->out[i].file);
    ps_heap_free(&d->heap);
}

static bool open_set(data_set *d, const char *dir, int set)
{
    *d = (data_set){0};
    while (d->n_in < MAX_PORTS && read_port(&d->in[d->n_in], &d->heap, dir, set, "input", d->n_in)) d->n_in++;
    while (d->n_out < MAX_PORTS && read_port(&d->out[d->n_out], &d->heap, dir, set, "output", d->n_out))
        d->n_out++;
    return d->n_out > 0;
}

/* ---- writing a model whose inputs are initialisers ---- */

static void put(bytes *b, const void *p, size_t n)
{
    if (b->n + n > b->cap) {
        b->cap = 2 * (b->n + n) + 64;
        b->p = realloc(b->p, b->cap);
        if (!b->p) abort();
    }
    if (n) memcpy(b->p + b->n, p, n);
    b->n += n;
}

static void put_varint(bytes *b, uint64_t v)
{
    uint8_t c;
    for (; v > 0x7f; v >>= 7) {
        c = (uint8_t)(v | 0x80);
        put(b, &c, 1);
    }
    c = (uint8_t)v;
    put(b, &c, 1);
}

static void put_field(bytes *b, unsigned number, const void *p, size_t n)
{
    put_varint(b, number << 3 | PS_WIRE_BYTES);
    put_varint(b, n);
    put(b, p, n);
}

/* The model with inputs `from` and later as initialisers of its graph. */
static bytes bind_inputs(const ps_file *model, const ps_onnx_model *m, const data_set *d, int from)
{
    bytes out = {0}, graph = {0};
    ps_wire w = ps_wire_of(model->bytes, model->size);
    ps_wire_field f;
    for (const uint8_t *at = w.at; ps_wire_next(&w, &f); at = w.at) {
        if (f.number != 7)
            put(&out, at, (size_t)(w.at - at));
        else
            put(&graph, f.bytes.at, ps_wire_left(&f.bytes));
    }
    for (int i = from; i < d->n_in && i < m->n_inputs; i++) {
        bytes tensor = {0};
        put(&tensor, d->in[i].file.bytes, d->in[i].file.size);
        put_field(&tensor, 8, m->inputs[i].name, strlen(m->inputs[i].name)); /* the last name counts */
        put_field(&graph, 5, tensor.p, tensor.n);
        free(tensor.p);
    }
    put_field(&out, 7, graph.p, graph.n);
    free(graph.p);
    return out;
}

/* ---- running ---- */

static poise_status open_model(const uint8_t *p, size_t n, const poise_convert_options *o,
                               poise_model **model)
{
    ps_graph g = {0};
    void *file = NULL;
    size_t size = 0;
    poise_status s = ps_onnx_read(&g, p, n, o);
    if (s == POISE_OK) s = ps_optimize(&g);
    if (s == POISE_OK) s = ps_format_write(&g, &file, &size);
    ps_graph_free(&g);
    return s == POISE_OK ? ps_model_adopt(file, size, NULL, NULL, model) : s;
}

static bool close_enough(double got, double want)
{
    if (isnan(want) || isnan(got)) return isnan(want) && isnan(got);
    if (isinf(want) || isinf(got)) return got == want;
    return fabs(got - want) <= 1e-7 + 1e-3 * fabs(want); /* as the ONNX backend tests have it */
}

static double half(uint16_t h)
{
    int e = h >> 10 & 31;
    double m = h & 1023, v = e == 31 ? (m != 0 ? (double)NAN : (double)INFINITY)
                             : e     ? ldexp(1024 + m, e - 25)
                                     : ldexp(m, -24);
    return h & 0x8000 ? -v : v;
}

static double element(poise_type t, const void *p, size_t i)
{
    switch (t) {
    case POISE_F32: return (double)((const float *)p)[i];
    case POISE_F64: return ((const double *)p)[i];
    case POISE_F16: return half(((const uint16_t *)p)[i]);
    case POISE_I32: return ((const int32_t *)p)[i];
    case POISE_I64: return (double)((const int64_t *)p)[i];
    case POISE_I8: return ((const int8_t *)p)[i];
    default: return ((const uint8_t *)p)[i];
    }
}

static poise_status compare(const poise_tensor *got, const ps_onnx_tensor *want, const void *data, int k)
{
    char a[PS_SHAPE_TEXT], b[PS_SHAPE_TEXT];
    PS_REQUIRE(got->type == ps_onnx_type(want->type), POISE_IO, "output %d is %s, not %s", k,
               poise_type_name(got->type), ps_onnx_type_name(want->type));
    bool same = got->rank == want->rank;
    for (int i = 0; same && i < got->rank; i++) same = got->dim[i] == want->dim[i];
    PS_REQUIRE(same, POISE_IO, "output %d is %s, not %s", k, ps_shape_text(got->rank, got->dim, a),
               ps_shape_text(want->rank, want->dim, b));
    void *dense = ps_alloc(want->count * poise_type_size(got->type));
    if (!dense) abort();
    poise_tensor_read(got, dense);
    poise_status s = POISE_OK;
    for (size_t i = 0; i < want->count && s == POISE_OK; i++) {
        double g = element(got->type, dense, i), w = element(got->type, data, i);
        if (!close_enough(g, w)) s = ps_fail(POISE_IO, "output %d[%zu] is %.9g, not %.9g", k, i, g, w);
    }
    ps_free(dense);
    return s;
}

static poise_status run_session(poise_session *s, const poise_model *model, const ps_onnx_model *m,
                                const data_set *d)
{
    for (int i = 0; i < poise_model_inputs(model); i++) {
        const char *name = poise_model_input(model, i, NULL);
        for (int k = 0; k < m->n_inputs && k < d->n_in; k++)
            if (!strcmp(m->inputs[k].name, name))
                poise_tensor_write(poise_session_input(s, i), d->in[k].data);
    }
    poise_session_run(s);
    for (int k = 0; k < d->n_out; k++) {
        PS_REQUIRE(k < poise_model_outputs(model), POISE_IO, "output %d is missing", k);
        PS_TRY(compare(poise_session_output(s, k), &d->out[k].tensor, d->out[k].data, k));
    }
    return POISE_OK;
}

/* Runs one data set with inputs `from` and later bound as constants. */
static poise_status attempt(const ps_file *file, const ps_onnx_model *m, const data_set *d, int from)
{
    char text[MAX_PORTS][PATH], shape[PS_SHAPE_TEXT];
    const char *shapes[MAX_PORTS];
    poise_convert_options o = {.shapes = shapes};
    for (int i = 0; i < d->n_in && i < m->n_inputs && i < from; i++) {
        const ps_onnx_tensor *t = &d->in[i].tensor;
        snprintf(text[i], sizeof text[i], "%.500s=%s", m->inputs[i].name,
                 ps_shape_text(t->rank, t->dim, shape));
        shapes[o.n_shapes++] = text[i];
    }
    bytes bound = bind_inputs(file, m, d, from);
    poise_model *model = NULL;
    poise_session *s = NULL;
    poise_status st = open_model(bound.p, bound.n, &o, &model);
    if (st == POISE_OK) st = poise_session_open(model, &s);
    if (st == POISE_OK) st = run_session(s, model, m, d);
    poise_session_close(s);
    poise_model_close(model);
    free(bound.p);
    return st;
}

/* ---- judging ---- */

/* Tests that ask for what other runtimes do not do either. */
static const struct {
    const char *name, *why;
} disputed[] = {
    {"test_resize_downsample_scales_linear_align_corners",
     "it aligns the corners of 2.4 pixels; Poise and ONNX Runtime those of the 2 that there are"},
    {"test_resize_downsample_scales_cubic_align_corners",
     "it aligns the corners of 3.2 pixels; Poise and ONNX Runtime those of the 3 that there are"},
};

static void explain(outcome *o)
{
    for (size_t i = 0; i < sizeof disputed / sizeof *disputed; i++)
        if (!strcmp(o->name, disputed[i].name)) snprintf(o->reason, sizeof o->reason, "%s", disputed[i].why);
}

static bool exclude(outcome *o, const char *fmt, const char *what, const char *why)
{
    snprintf(o->reason, sizeof o->reason, fmt, what, why);
    o->verdict = EXCLUDED;
    return true;
}

static bool bad_type(outcome *o, const ps_onnx_model *m, int32_t type)
{
    poise_type t = ps_onnx_type(type);
    bool cast = m->n_nodes > 0 && !strncmp(m->nodes[0].op, "Cast", 4);
    if (!type) return exclude(o, "%s%s", "sequences and optionals", "");
    if (t == POISE_NONE) return exclude(o, "type %s%s", ps_onnx_type_name(type), "");
    if (!cast && (t == POISE_F16 || t == POISE_F64))
        return exclude(o, "type %s outside Cast%s", ps_onnx_type_name(type), "");
    return false;
}

static bool out_of_scope(outcome *o, const ps_onnx_model *m)
{
    for (int i = 0; i < m->n_nodes; i++)
        for (size_t k = 0; k < sizeof excluded / sizeof *excluded; k++)
            if (!strcmp(m->nodes[i].op, excluded[k].op))
                return exclude(o, "%s: %s", excluded[k].op, excluded[k].why);
    for (int i = 0; i < m->n_inputs; i++)
        if (bad_type(o, m, m->inputs[i].type)) return true;
    for (int i = 0; i < m->n_outputs; i++)
        if (bad_type(o, m, m->outputs[i].type)) return true;
    return false;
}

/* Reasons that only the conversion finds. */
static bool found_out_of_scope(outcome *o)
{
    const char *text = poise_error_text();
    if (strstr(text, "training mode")) return exclude(o, "%s%s", "training mode", "");
    if (strstr(text, "spatial dimensions")) return exclude(o, "%s%s", "three or more spatial dimensions", "");
    return false;
}

static void judge(outcome *o, const ps_file *file, const ps_onnx_model *m, const char *dir)
{
    data_set d;
    o->verdict = PASSED;
    for (int set = 0; open_set(&d, dir, set); set++) {
        int from = d.n_in; /* all dynamic; then all but the first constant; then all */
        poise_status s = attempt(file, m, &d, from);
        if (s == POISE_UNSUPPORTED && strstr(poise_error_text(), "must be constant") && d.n_in > 1)
            s = attempt(file, m, &d, from = 1);
        if (s == POISE_UNSUPPORTED && strstr(poise_error_text(), "must be constant"))
            s = attempt(file, m, &d, from = 0);
        if (from < d.n_in && o->verdict == PASSED) o->verdict = PASSED_BOUND;
        close_set(&d);
        if (s == POISE_OK) continue;
        if (s == POISE_UNSUPPORTED && found_out_of_scope(o)) return;
        o->verdict = FAILED;
        snprintf(o->reason, sizeof o->reason, "%s", poise_error_text());
        explain(o);
        return;
    }
    close_set(&d);
}

static void run_test(outcome *o, const char *root)
{
    char dir[PATH], path[PATH + 16];
    snprintf(dir, sizeof dir, "%s/%s", root, o->name);
    snprintf(path, sizeof path, "%s/model.onnx", dir);
    ps_file file;
    ps_onnx_model m;
    ps_heap heap = {0};
    o->verdict = FAILED;
    if (ps_file_map(path, &file) != POISE_OK) {
        snprintf(o->reason, sizeof o->reason, "%s", poise_error_text());
        return;
    }
    if (ps_onnx_model_read(&m, &heap, file.bytes, file.size) != POISE_OK)
        snprintf(o->reason, sizeof o->reason, "%s", poise_error_text());
    else if (m.opset && (m.opset < 7 || m.opset > 21))
        exclude(o, "%s%s", "opset before 7 or after 21", "");
    else if (!out_of_scope(o, &m))
        judge(o, &file, &m, dir);
    ps_heap_free(&heap);
    ps_file_unmap(&file);
}

/* ---- reporting ---- */

typedef struct summary {
    int passed, bound, failed, excluded;
} summary;

static summary count(const outcome *o, int n)
{
    summary s = {0};
    for (int i = 0; i < n; i++) {
        s.passed += o[i].verdict <= PASSED_BOUND;
        s.bound += o[i].verdict == PASSED_BOUND;
        s.failed += o[i].verdict == FAILED;
        s.excluded += o[i].verdict == EXCLUDED;
    }
    return s;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const ps_onnx_op *const *)a)->name, (*(const ps_onnx_op *const *)b)->name);
}

static void write_operators(void)
{
    const ps_onnx_op *ops[512];
    size_t n = 0;
    while (n < 512 && (ops[n] = ps_onnx_op_at((int)n))) n++;
    qsort(ops, n, sizeof *ops, by_name);
    printf("| operator | opsets | inputs |\n|---|---|---|\n");
    for (size_t i = 0; i < n; i++) {
        const ps_onnx_op *o = ops[i];
        int since = o->since < 7 ? 7 : o->since, until = o->until ? o->until : 21;
        char inputs[32], most[16];
        snprintf(most, sizeof most, o->max_in >= PS_MANY ? "any" : "%d", o->max_in);
        snprintf(inputs, sizeof inputs, o->min_in == o->max_in ? "%d" : "%d to %s", o->min_in, most);
        if (o->domain)
            printf("| %s (%s) | any | %s |\n", o->name, o->domain, inputs);
        else
            printf("| %s | %d to %d | %s |\n", o->name, since, until, inputs);
    }
}

static int by_tflite_name(const void *a, const void *b)
{
    const ps_tflite_op *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static void write_tflite_operators(void)
{
    const ps_tflite_op *ops[256];
    size_t n = 0;
    while (n < 256 && (ops[n] = ps_tflite_op_at((int)n))) n++;
    qsort(ops, n, sizeof *ops, by_tflite_name);
    printf("\n## TFLite operators that Poise reads\n\n"
           "Schema 3, the first subgraph; all versions of an operator.  Float files, float16 weights, int8 weights with\n"
           "float activations, and int8 or uint8 throughout (one scale for a tensor; weights also one for each channel).\n"
           "int16 activations, control flow, recurrent layers, sparse tensors and custom operators are refused by name.\n\n");
    for (size_t i = 0; i < n; i++) printf("%s%s", ops[i]->name, i + 1 == n ? ".\n" : (i + 1) % 6 ? ", " : ",\n");
}

static void write_list(const outcome *o, int n, verdict v)
{
    for (int i = 0; i < n; i++) {
        bool first = o[i].verdict == v;
        for (int k = 0; k < i && first; k++) first = o[k].verdict != v || strcmp(o[k].reason, o[i].reason);
        if (!first) continue;
        printf("* **%s**:", o[i].reason);
        for (int k = i; k < n; k++)
            if (o[k].verdict == v && !strcmp(o[k].reason, o[i].reason)) printf(" %s", o[k].name + 5);
        printf("\n");
    }
}

static void write_markdown(const outcome *o, int n)
{
    summary s = count(o, n);
    printf(
        "# Operators\n\n"
        "Generated by `make operators`: do not edit.\n\n"
        "## ONNX operators that Poise reads\n\n"
        "Opsets 7 to 21.  Element types: float, int32, int64, uint8, int8, bool; float16 and double "
        "constants and\n"
        "inputs through Cast.  Inputs that decide shapes (shape, axes, pads, K, ...) must be constant after\n"
        "folding; sizes that depend on data (NonZero, NonMaxSuppression) have a planned bound.\n\n");
    write_operators();
    write_tflite_operators();
    printf("\n## ONNX backend node tests\n\n"
           "%d of %d tests are in scope; %d of them pass (%.1f %%), %d of those with shape-like inputs bound "
           "as\n"
           "constants.  Tolerance: 1e-7 + 1e-3 relative, as in the ONNX test runner.\n\n",
           s.passed + s.failed, n, s.passed,
           100.0 * s.passed / (s.passed + s.failed ? s.passed + s.failed : 1), s.bound);
    if (s.failed) printf("### In scope and failing\n\n");
    write_list(o, n, FAILED);
    printf("%s### Excluded, with the reason\n\n", s.failed ? "\n" : "");
    write_list(o, n, EXCLUDED);
}

static int is_test(const struct dirent *d)
{
    return !strncmp(d->d_name, "test_", 5);
}

int main(int argc, char **argv)
{
    const char *root = "/usr/share/libonnx-testdata/data/node", *only = "";
    bool verbose = false, markdown = false;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "-v"))
            verbose = true;
        else if (!strcmp(argv[i], "--markdown"))
            markdown = true;
        else if (!strcmp(argv[i], "--only") && i + 1 < argc)
            only = argv[++i];
        else
            root = argv[i];
    }
    struct dirent **list;
    int n = scandir(root, &list, is_test, alphasort), kept = 0;
    if (n <= 0) {
        printf("SKIP onnx_nodes: no tests in %s (Debian: libonnx-testdata)\n", root);
        return 0;
    }
    static const char *const words[] = {"ok", "ok (inputs bound)", "FAILED", "excluded"};
    outcome *o = calloc((size_t)n, sizeof *o);
    if (!o) return 1;
    for (int i = 0; i < n; i++) {
        if (strstr(list[i]->d_name, only)) {
            o[kept].name = list[i]->d_name;
            if (verbose) fprintf(stderr, "%s: ", o[kept].name);
            run_test(&o[kept], root);
            const outcome *r = &o[kept++];
            if (verbose)
                fprintf(stderr, "%s%s%s\n", words[r->verdict], *r->reason ? ": " : "", r->reason);
            else if (r->verdict == FAILED && !markdown)
                printf("%s: FAILED: %s\n", r->name, r->reason);
        }
    }
    summary s = count(o, kept);
    if (markdown) write_markdown(o, kept);
    fprintf(markdown ? stderr : stdout, "onnx_nodes: %d passed, %d failed, %d skipped\n", s.passed, s.failed,
            s.excluded);
    for (int i = 0; i < n; i++) free(list[i]);
    free(list);
    free(o);
    return s.passed * 100 < (s.passed + s.failed) * 97;
}
