/* convert/onnx_import.c - walks an ONNX graph in order of its dependencies and has every node translated. */
#include "convert/onnx_import.h"
#include "convert/onnx_inputs.h"
#include "convert/onnx_quant.h"
#include "convert/sha256.h"
#include "convert/unsigned_codes.h"

#include <stdio.h>
#include <string.h>

/* The list of unsupported nodes must fit into an error text together with the file's name. */
enum { LIST_TEXT = 3200 };

#define OOM ps_fail(POISE_NO_MEMORY, "no memory to convert the ONNX file")

/* ---- names ---- */

static size_t hash(const char *s)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    for (; *s; s++) h = (h ^ (uint8_t)*s) * 1099511628211u;
    return (size_t)(h ^ h >> 32);
}

/* The entry of a name, or the free one where it would go. */
static ps_onnx_name *slot(const ps_onnx *c, const char *name)
{
    size_t i = hash(name) & (c->cap - 1);
    while (c->names[i].name && strcmp(c->names[i].name, name)) i = (i + 1) & (c->cap - 1);
    return &c->names[i];
}

static ps_onnx_name *find(const ps_onnx *c, const char *name)
{
    ps_onnx_name *e = slot(c, name);
    return e->name ? e : NULL;
}

static poise_status add_name(ps_onnx *c, const char *name, int32_t node, int32_t tensor)
{
    ps_onnx_name *e = slot(c, name);
    PS_REQUIRE(!e->name, POISE_BAD_MODEL, "the value '%s' is made twice", name);
    *e = (ps_onnx_name){name, PS_BROKEN, node, tensor, tensor < 0 ? 0 : c->model.tensors[tensor].type};
    return POISE_OK;
}

static poise_status name_all(ps_onnx *c)
{
    const ps_onnx_model *m = &c->model;
    size_t n = (size_t)m->n_tensors + (size_t)m->n_inputs;
    for (int32_t i = 0; i < m->n_nodes; i++) n += (size_t)m->nodes[i].n_out;
    for (c->cap = 64; c->cap < 2 * n; c->cap *= 2) {
    }
    c->names = ps_heap_push(&c->heap, c->cap * sizeof *c->names);
    if (!c->names) return OOM;
    for (int32_t i = 0; i < m->n_tensors; i++) PS_TRY(add_name(c, m->tensors[i].name, -1, i));
    for (int32_t i = 0; i < m->n_inputs; i++) /* before IR 4 every initialiser is an input too */
        if (!find(c, m->inputs[i].name)) PS_TRY(add_name(c, m->inputs[i].name, -1, -1));
    for (int32_t i = 0; i < m->n_nodes; i++)
        for (int32_t k = 0; k < m->nodes[i].n_out; k++)
            if (*m->nodes[i].out[k]) PS_TRY(add_name(c, m->nodes[i].out[k], i, -1));
    return POISE_OK;
}

int32_t ps_onnx_file_type(const ps_onnx_call *n, int i)
{
    const ps_onnx_name *e = i < n->node->n_in && *n->node->in[i] ? find(n->c, n->node->in[i]) : NULL;
    return e ? e->type : 0;
}

/* ---- order ---- */

static const char *title(const ps_onnx_node *n)
{
    return *n->name ? n->name : n->n_out ? n->out[0] : "";
}

/* Puts node indices into an order that can be run: the file's own where that is one.  Depth first with a
 * stack of its own; `next` is how far each node's inputs have been looked at, -1 when it is placed. */
static poise_status sort_nodes(ps_onnx *c, int32_t *order)
{
    int32_t count = c->model.n_nodes, placed = 0;
    int32_t *next = ps_heap_push(&c->heap, (size_t)count * sizeof *next);
    int32_t *stack = ps_heap_push(&c->heap, (size_t)count * sizeof *stack);
    if (!next || !stack) return OOM;
    for (int32_t root = 0; root < count; root++) {
        int32_t depth = 0;
        if (next[root] >= 0) stack[depth++] = root;
        while (depth) {
            int32_t i = stack[depth - 1];
            const ps_onnx_node *n = &c->model.nodes[i];
            if (next[i] == n->n_in) {
                order[placed++] = i;
                next[i] = -1;
                depth--;
                continue;
            }
            const char *in = n->in[next[i]++];
            const ps_onnx_name *e = *in ? find(c, in) : NULL;
            PS_REQUIRE(!*in || e, POISE_BAD_MODEL, "node '%s' (%s) reads '%s', which nothing makes", title(n),
                       n->op, in);
            if (!e || e->node < 0 || next[e->node] < 0) continue;
            PS_REQUIRE(next[e->node] == 0 && e->node != i, POISE_BAD_MODEL,
                       "node '%s' (%s) is part of a cycle", title(n), n->op);
            stack[depth++] = e->node;
        }
    }
    return POISE_OK;
}

/* ---- values ---- */

/* The value of a name; initialisers become constants when first used. */
static poise_status resolve(ps_onnx *c, ps_onnx_name *e, int32_t *value)
{
    if (e->tensor >= 0) {
        const ps_onnx_tensor *t = &c->model.tensors[e->tensor];
        const void *data;
        int32_t v;
        PS_TRY(ps_onnx_tensor_data(t, &c->g->heap, &data));
        bool copied = data != t->raw;
        if (copied && c->g->mapped) ps_memory_release(t->message.at, ps_wire_left(&t->message));
        PS_TRY(ps_graph_value(c->g, t->name, &v));
        ps_value *p = &c->g->values[v];
        p->type = ps_onnx_storage_type(t->type);
        p->rank = t->rank;
        memcpy(p->dim, t->dim, sizeof p->dim);
        p->data = data;
        e->value = v;
        e->tensor = -1;
    }
    *value = e->value;
    return POISE_OK;
}

static poise_status add_inputs(ps_onnx *c)
{
    const ps_onnx_model *m = &c->model;
    PS_TRY(ps_onnx_check_shapes(c));
    for (int32_t i = 0; i < m->n_inputs; i++) {
        ps_onnx_name *e = find(c, m->inputs[i].name);
        if (e->tensor >= 0) continue; /* a default value: constant */
        PS_REQUIRE(e->value == PS_BROKEN, POISE_BAD_MODEL, "the input '%s' is declared twice", e->name);
        PS_TRY(ps_graph_value(c->g, e->name, &e->value));
        PS_TRY(ps_onnx_bind_input(c, &m->inputs[i], &c->g->values[e->value]));
        PS_TRY(ps_graph_input(c->g, e->value));
    }
    return POISE_OK;
}

static poise_status add_outputs(ps_onnx *c)
{
    ps_graph *g = c->g;
    PS_REQUIRE(c->model.n_outputs > 0, POISE_BAD_MODEL, "the ONNX graph has no outputs");
    PS_REQUIRE(g->n_inputs <= PS_ONNX_MAX_PORTS && c->model.n_outputs <= PS_ONNX_MAX_PORTS, POISE_UNSUPPORTED,
               "the ONNX graph has %d inputs and %d outputs, at most %d", g->n_inputs, c->model.n_outputs,
               PS_ONNX_MAX_PORTS);
    for (int32_t i = 0; i < c->model.n_outputs; i++) {
        const char *name = c->model.outputs[i].name;
        ps_onnx_name *e = find(c, name);
        PS_REQUIRE(e, POISE_BAD_MODEL, "the output '%s' is made by no node", name);
        int32_t v;
        PS_TRY(resolve(c, e, &v));
        PS_REQUIRE(v >= 0, POISE_BAD_MODEL, "the output '%s' is made by no node", name);
        PS_TRY(ps_emit_output(g, v, name));
    }
    return POISE_OK;
}

/* ---- nodes ---- */

static const char *first_consumer(const ps_onnx *c, const ps_onnx_node *n)
{
    const ps_onnx_model *m = &c->model;
    for (int32_t i = 0; i < m->n_nodes; i++)
        for (int32_t k = 0; k < m->nodes[i].n_in; k++)
            for (int32_t o = 0; o < n->n_out && o < 4; o++)
                if (*n->out[o] && !strcmp(m->nodes[i].in[k], n->out[o])) return title(&m->nodes[i]);
    return "an output";
}

static void list_unsupported(ps_onnx *c, const ps_onnx_node *n, const char *reason)
{
    size_t used = strlen(c->unsupported), room = LIST_TEXT - used;
    char line[400];
    bool standard = !*n->domain || !strcmp(n->domain, "ai.onnx");
    c->n_unsupported++;
    if (room < sizeof line) return; /* counted only */
    snprintf(line, sizeof line, "%s'%.80s' (%.40s%s%.40s, opset %d, feeds '%.80s')%s%.100s", used ? "; " : "",
             title(n), standard ? "" : n->domain, standard ? "" : ".", n->op, (int)c->model.opset,
             first_consumer(c, n), *reason ? ": " : "", reason);
    memcpy(c->unsupported + used, line, strlen(line) + 1);
    c->n_listed++;
}

/* Types that only Cast computes with (and what merely passes values on). */
static bool may_have_storage_types(const char *op)
{
    static const char *const names[] = {"Cast",    "CastLike",  "Identity", "Shape",    "Size",    "Reshape",
                                        "Squeeze", "Unsqueeze", "Flatten",  "Constant", "Dropout", NULL};
    for (int i = 0; names[i]; i++)
        if (!strcmp(op, names[i])) return true;
    return false;
}

static void check_types(ps_onnx_call *n)
{
    for (int i = 0; i < n->node->n_in; i++) {
        poise_type t = ps_onnx_value(n, n->in[i]).type;
        if ((t == POISE_F16 || t == POISE_F64) && !may_have_storage_types(n->node->op))
            PS_ONNX_FAIL(n, POISE_UNSUPPORTED, "type %s is supported only through Cast", poise_type_name(t));
    }
}

static void translate(ps_onnx_call *n)
{
    const ps_onnx_op *op = n->op;
    const ps_onnx_node *node = n->node;
    PS_ONNX_REQUIRE(n, node->n_in >= op->min_in && node->n_in <= op->max_in, POISE_BAD_MODEL,
                    "it has %d inputs, %d to %d are right", node->n_in, op->min_in, op->max_in);
    for (int i = 0; i < op->min_in; i++)
        PS_ONNX_REQUIRE(n, n->in[i] != PS_ABSENT, POISE_BAD_MODEL, "its input %d is missing", i);
    check_types(n);
    if (n->status != POISE_OK) return;
    ps_onnx_translate_quantised(n);
    for (int k = 0; k < node->n_out; k++)
        if (ps_onnx_has_out(n, k) && n->out[k] < 0)
            PS_ONNX_FAIL(n, POISE_UNSUPPORTED, "its output %d ('%.40s') is not supported", k, node->out[k]);
}

static poise_status convert_node(ps_onnx *c, const ps_onnx_node *node)
{
    ps_onnx_call n = {.e = {POISE_OK, c->g, &c->heap, &c->budget, title(node)}, .c = c, .node = node, .opset = (int)c->model.opset};
    bool broken = false;
    n.op = ps_onnx_op_find(node->domain, node->op, c->model.opset);
    n.in = ps_heap_push(&c->heap, (size_t)node->n_in * sizeof *n.in);
    n.out = ps_heap_push(&c->heap, (size_t)node->n_out * sizeof *n.out);
    if (!n.in || !n.out) return OOM;
    for (int32_t k = 0; k < node->n_out; k++) n.out[k] = PS_BROKEN;
    for (int32_t i = 0; i < node->n_in && n.status == POISE_OK; i++) {
        n.in[i] = PS_ABSENT;
        if (*node->in[i]) n.status = resolve(c, find(c, node->in[i]), &n.in[i]);
        broken |= n.in[i] == PS_BROKEN && n.status == POISE_OK;
    }
    if (!n.op) {
        list_unsupported(c, node, "");
        return POISE_OK;
    }
    if (broken) return POISE_OK; /* what it reads is on the list already */
    n.arg = n.op->arg;
    translate(&n);
    if (n.status == POISE_UNSUPPORTED) {
        list_unsupported(c, node, poise_error_text());
        return POISE_OK;
    }
    if (n.status != POISE_OK) return ps_fail_in(n.status, "node '%.100s' (%.40s)", title(node), node->op);
    for (int32_t k = 0; k < node->n_out; k++)
        if (*node->out[k]) find(c, node->out[k])->value = n.out[k];
    return POISE_OK;
}

static poise_status convert_nodes(ps_onnx *c)
{
    int32_t *order = ps_heap_push(&c->heap, (size_t)c->model.n_nodes * sizeof *order);
    c->unsupported = ps_heap_push(&c->heap, LIST_TEXT + 1);
    if (!order || !c->unsupported) return OOM;
    PS_TRY(sort_nodes(c, order));
    for (int32_t i = 0; i < c->model.n_nodes; i++) PS_TRY(convert_node(c, &c->model.nodes[order[i]]));
    if (!c->n_unsupported) return POISE_OK;
    char more[40] = "";
    if (c->n_listed < c->n_unsupported)
        snprintf(more, sizeof more, "; ... and %d more", c->n_unsupported - c->n_listed);
    return ps_fail(POISE_UNSUPPORTED, "%d node%s cannot be run: %s%s", c->n_unsupported,
                   c->n_unsupported == 1 ? "" : "s", c->unsupported, more);
}

/* ---- the whole ---- */

static poise_status add_meta(ps_onnx *c, const uint8_t *bytes, size_t size)
{
    const ps_onnx_model *m = &c->model;
    char text[100], hex[65];
    for (int32_t i = 0; i < m->n_meta; i++)
        if (*m->meta[2 * i]) PS_TRY(ps_graph_set_meta(c->g, m->meta[2 * i], m->meta[2 * i + 1]));
    snprintf(text, sizeof text, "%d", (int)m->opset);
    PS_TRY(ps_graph_set_meta(c->g, "source.opset", text));
    snprintf(text, sizeof text, "%.60s%s%.30s", m->producer, *m->producer_version ? " " : "",
             m->producer_version);
    PS_TRY(ps_graph_set_meta(c->g, "source.producer", text));
    ps_sha256_hex(bytes, size, c->g->mapped ? ps_memory_release : NULL, hex);
    return ps_graph_set_meta(c->g, "source.sha256", hex);
}

static poise_status import(ps_onnx *c, const uint8_t *bytes, size_t size)
{
    PS_TRY(ps_onnx_model_read(&c->model, &c->heap, bytes, size));
    PS_REQUIRE(c->model.opset >= 7 && c->model.opset <= 21, POISE_UNSUPPORTED,
               "the ONNX file has opset %lld, 7 to 21 are supported", (long long)c->model.opset);
    PS_TRY(name_all(c));
    PS_TRY(add_inputs(c));
    PS_TRY(convert_nodes(c));
    PS_TRY(add_outputs(c));
    PS_TRY(ps_unsigned_codes(c->g));
    return add_meta(c, bytes, size);
}

poise_status ps_onnx_read(ps_graph *g, const uint8_t *bytes, size_t size, const poise_convert_options *o)
{
    ps_onnx c = {.g = g, .o = o, .budget = ((size_t)1 << 29) + (size < SIZE_MAX / 32 ? 8 * size : 0)};
    poise_status s = import(&c, bytes, size);
    ps_heap_free(&c.heap);
    return s;
}
