/* convert/tflite_import.c - walks a TFLite graph in the order of its file and has every operator translated. */
#include "convert/tflite_import.h"
#include "convert/sha256.h"
#include "convert/shape_option.h"

#include <stdio.h>
#include <string.h>

/* The list of unsupported operators must fit into an error text together with the file's name. */
enum { LIST_TEXT = 3200 };

#define OOM ps_fail(POISE_NO_MEMORY, "no memory to convert the TFLite file")

static const char *op_name(const ps_tflite_node *n)
{
    const ps_tflite_op *op = ps_tflite_op_find(n->code);
    return *n->custom ? n->custom : op ? op->name : "unknown operator";
}

/* What people know an operator by: its first output. */
static const char *title(const ps_tflite *c, const ps_tflite_node *n)
{
    return n->n_out ? c->model.tensors[n->out[0]].name : "";
}

/* ---- tensors ---- */

static poise_status add_slots(ps_tflite *c)
{
    const ps_tflite_model *m = &c->model;
    c->slots = ps_heap_push(&c->heap, (size_t)m->n_tensors * sizeof *c->slots);
    if (!c->slots) return OOM;
    for (int32_t i = 0; i < m->n_tensors; i++)
        c->slots[i] = (ps_tflite_slot){.real = {PS_ABSENT, PS_ABSENT},
                                       .codes = {PS_ABSENT, PS_ABSENT},
                                       .made = -1,
                                       .reader = -1,
                                       .same_as = PS_ABSENT,
                                       .pad_of = PS_ABSENT,
                                       .ready = m->tensors[i].data != NULL};
    for (int32_t i = 0; i < m->n_nodes; i++) {
        const ps_tflite_node *n = &m->nodes[i];
        for (int32_t k = 0; k < n->n_in; k++)
            if (n->in[k] >= 0) c->slots[n->in[k]].readers++, c->slots[n->in[k]].reader = i;
        for (int32_t k = 0; k < n->n_out; k++) {
            ps_tflite_slot *s = &c->slots[n->out[k]];
            PS_REQUIRE(s->made < 0 && !s->ready, POISE_BAD_MODEL, "tensor '%.100s' is made twice", m->tensors[n->out[k]].name);
            s->made = i;
        }
    }
    for (int32_t i = 0; i < m->n_outputs; i++) c->slots[m->outputs[i]].readers++;
    return POISE_OK;
}

static poise_status check_shapes(const ps_tflite *c)
{
    const ps_tflite_model *m = &c->model;
    if (!c->o || !c->o->n_shapes) return POISE_OK;
    const char **names = ps_alloc_array((size_t)m->n_inputs, sizeof *names);
    if (!names) return OOM;
    for (int32_t i = 0; i < m->n_inputs; i++) names[i] = m->tensors[m->inputs[i]].name;
    poise_status s = ps_shape_options_check(c->o, m->n_inputs, names);
    ps_free(names);
    return s;
}

static poise_status bind_input(const ps_tflite *c, const ps_tflite_tensor *t, ps_value *v)
{
    size_t count;
    v->type = ps_tflite_type(t->type);
    PS_REQUIRE(v->type != POISE_NONE, POISE_UNSUPPORTED, "input '%s' has type %s, which is not supported", t->name,
               ps_tflite_type_name(t->type));
    v->rank = t->rank;
    memcpy(v->dim, t->dim, sizeof v->dim);
    if (ps_shape_option(c->o, t->name, &v->rank, v->dim))
        PS_REQUIRE(v->rank == t->rank, POISE_BAD_ARGUMENT, "input '%s' has %d dimensions, --shape gives it %d", t->name,
                   t->rank, v->rank);
    PS_REQUIRE(ps_dims_count(v->rank, v->dim, &count), POISE_BAD_ARGUMENT, "input '%s' is too large", t->name);
    if (!ps_tflite_is_quantised(t)) return POISE_OK;
    PS_REQUIRE(t->n_scales == 1 && ps_scale_is_legal(v->type, t->scale[0], ps_emit_clamp32(t->zero[0])), POISE_BAD_MODEL,
               "input '%.100s' of %s has scale %g and zero point %lld", t->name, ps_tflite_type_name(t->type),
               (double)t->scale[0], (long long)t->zero[0]);
    v->scale = t->scale[0];
    v->zero = (int32_t)t->zero[0];
    return POISE_OK;
}

static poise_status add_inputs(ps_tflite *c)
{
    const ps_tflite_model *m = &c->model;
    PS_TRY(check_shapes(c));
    for (int32_t i = 0; i < m->n_inputs; i++) {
        const ps_tflite_tensor *t = &m->tensors[m->inputs[i]];
        ps_tflite_slot *s = &c->slots[m->inputs[i]];
        int32_t v;
        PS_REQUIRE(!s->ready && s->made < 0, POISE_BAD_MODEL,
                   "the input '%s' is declared twice, or is a constant or a result too", t->name);
        PS_TRY(ps_graph_value(c->g, t->name, &v));
        PS_TRY(bind_input(c, t, &c->g->values[v]));
        PS_TRY(ps_graph_input(c->g, v));
        s->ready = true;
        if (!ps_tflite_is_quantised(t)) {
            s->real[PS_TFLITE_FILE] = v;
            continue;
        }
        s->codes[PS_TFLITE_FILE] = v;
        if (t->type == PS_TFLITE_U8) continue;
        ps_emit e = {POISE_OK, c->g, &c->heap, &c->budget, t->name};
        ps_quantize_params p = {POISE_U8, 0};
        s->codes[PS_TFLITE_FILE] = ps_emit_scaled(&e, &ps_op_quantize, &p, 1, &v, t->scale[0], ps_tflite_zero(t));
        PS_TRY(e.status);
    }
    return POISE_OK;
}

static poise_status add_outputs(ps_tflite *c)
{
    const ps_tflite_model *m = &c->model;
    PS_REQUIRE(m->n_outputs > 0, POISE_BAD_MODEL, "the TFLite graph has no outputs");
    for (int32_t i = 0; i < m->n_outputs; i++) {
        const ps_tflite_tensor *t = &m->tensors[m->outputs[i]];
        PS_REQUIRE(c->slots[m->outputs[i]].ready, POISE_BAD_MODEL, "the output '%s' is made by no operator", t->name);
        ps_emit e = {POISE_OK, c->g, &c->heap, &c->budget, t->name};
        bool codes = ps_tflite_is_quantised(t);
        int32_t v = codes ? ps_tflite_codes(c, &e, m->outputs[i], PS_TFLITE_FILE)
                          : ps_tflite_real(c, &e, m->outputs[i], PS_TFLITE_FILE);
        ps_quantize_params p = {POISE_I8, 0};
        if (codes && t->type == PS_TFLITE_I8)
            v = ps_emit_scaled(&e, &ps_op_quantize, &p, 1, &v, t->scale[0], (int32_t)t->zero[0]);
        PS_TRY(e.status);
        PS_TRY(ps_emit_output(c->g, v, t->name));
    }
    return POISE_OK;
}

/* ---- operators ---- */

static const char *first_reader(const ps_tflite *c, const ps_tflite_node *n)
{
    const ps_tflite_model *m = &c->model;
    for (int32_t i = 0; i < m->n_nodes; i++)
        for (int32_t k = 0; k < m->nodes[i].n_in; k++)
            for (int32_t o = 0; o < n->n_out && o < 4; o++)
                if (m->nodes[i].in[k] == n->out[o]) return title(c, &m->nodes[i]);
    return "an output";
}

static void list_unsupported(ps_tflite *c, const ps_tflite_node *n, const char *reason)
{
    size_t used = strlen(c->unsupported), room = LIST_TEXT - used;
    char line[400];
    c->n_unsupported++;
    if (room < sizeof line) return; /* counted only */
    snprintf(line, sizeof line, "%s'%.80s' (%.40s, code %d, feeds '%.80s')%s%.100s", used ? "; " : "", title(c, n),
             op_name(n), (int)n->code, first_reader(c, n), *reason ? ": " : "", reason);
    memcpy(c->unsupported + used, line, strlen(line) + 1);
    c->n_listed++;
}

static void translate(ps_tflite_call *n, const ps_tflite_op *op)
{
    const ps_tflite_node *node = n->node;
    PS_TFLITE_REQUIRE(n, node->n_in >= op->min_in && node->n_in <= op->max_in, POISE_BAD_MODEL,
                      "it has %d inputs, %d to %d are right", node->n_in, op->min_in, op->max_in);
    int needed = op->max_in == PS_TFLITE_MAX_PORTS ? node->n_in : op->min_in;
    for (int i = 0; i < needed; i++)
        PS_TFLITE_REQUIRE(n, node->in[i] >= 0, POISE_BAD_MODEL, "its input %d is missing", i);
    PS_TFLITE_REQUIRE(n, node->n_out > 0, POISE_BAD_MODEL, "it has no output");
    op->translate(n);
    PS_TFLITE_REQUIRE(n, !n->c->model.file.bad, POISE_BAD_MODEL, "its options are damaged: %s", n->c->model.file.bad);
    for (int k = 0; k < node->n_out; k++)
        PS_TFLITE_REQUIRE(n, n->c->slots[node->out[k]].ready, POISE_UNSUPPORTED, "its output %d ('%.40s') is not supported", k,
                          ps_tflite_output(n, k)->name);
}

/* *broken: it reads the result of an operator that is on the list already. */
static poise_status check_inputs(const ps_tflite *c, int32_t index, bool *broken)
{
    const ps_tflite_node *n = &c->model.nodes[index];
    *broken = false;
    for (int32_t i = 0; i < n->n_in; i++) {
        const ps_tflite_slot *s = n->in[i] >= 0 ? &c->slots[n->in[i]] : NULL;
        if (!s || s->ready) continue;
        const ps_tflite_tensor *t = &c->model.tensors[n->in[i]];
        if (s->broken) {
            *broken = true;
            continue;
        }
        PS_REQUIRE(s->made < index, POISE_BAD_MODEL, "operator '%.100s' (%.40s) reads '%.100s' before it is made", title(c, n),
                   op_name(n), t->name);
        PS_REQUIRE(s->made >= 0 || t->variable || !t->count, POISE_BAD_MODEL,
                   "operator '%.100s' (%.40s) reads '%.100s', which nothing makes", title(c, n), op_name(n), t->name);
    }
    return POISE_OK;
}

static poise_status convert_node(ps_tflite *c, int32_t index)
{
    const ps_tflite_node *node = &c->model.nodes[index];
    const ps_tflite_op *op = ps_tflite_op_find(node->code);
    bool broken;
    PS_TRY(check_inputs(c, index, &broken));
    for (int32_t k = 0; k < node->n_out; k++) c->slots[node->out[k]].broken = true;
    if (!op || !op->translate) {
        list_unsupported(c, node, "");
        return POISE_OK;
    }
    if (broken) return POISE_OK;
    ps_tflite_call n = {{POISE_OK, c->g, &c->heap, &c->budget, title(c, node)}, c, node, op->arg};
    translate(&n, op);
    if (n.e.status == POISE_UNSUPPORTED) {
        list_unsupported(c, node, poise_error_text());
        for (int32_t k = 0; k < node->n_out; k++) c->slots[node->out[k]].ready = false;
        return POISE_OK;
    }
    if (n.e.status != POISE_OK) return ps_fail_in(n.e.status, "operator '%.100s' (%.40s)", title(c, node), op_name(node));
    for (int32_t k = 0; k < node->n_out; k++) c->slots[node->out[k]].broken = false;
    return POISE_OK;
}

static poise_status convert_nodes(ps_tflite *c)
{
    c->unsupported = ps_heap_push(&c->heap, LIST_TEXT + 1);
    if (!c->unsupported) return OOM;
    for (int32_t i = 0; i < c->model.n_nodes; i++) PS_TRY(convert_node(c, i));
    if (!c->n_unsupported) return POISE_OK;
    char more[40] = "";
    if (c->n_listed < c->n_unsupported)
        snprintf(more, sizeof more, "; ... and %d more", c->n_unsupported - c->n_listed);
    return ps_fail(POISE_UNSUPPORTED, "%d operator%s cannot be run: %s%s", c->n_unsupported,
                   c->n_unsupported == 1 ? "" : "s", c->unsupported, more);
}

/* ---- the whole ---- */

static poise_status add_meta(ps_tflite *c, const uint8_t *bytes, size_t size)
{
    char hex[65];
    PS_TRY(ps_tflite_read_labels(c->g, &c->heap, bytes, size));
    PS_TRY(ps_graph_set_meta(c->g, "source.format", "tflite"));
    if (*c->model.description) PS_TRY(ps_graph_set_meta(c->g, "source.producer", c->model.description));
    ps_sha256_hex(bytes, size, c->g->mapped ? ps_memory_release : NULL, hex);
    return ps_graph_set_meta(c->g, "source.sha256", hex);
}

static poise_status import(ps_tflite *c, const uint8_t *bytes, size_t size)
{
    PS_TRY(ps_tflite_model_read(&c->model, &c->heap, bytes, size));
    PS_TRY(add_slots(c));
    PS_TRY(add_inputs(c));
    PS_TRY(convert_nodes(c));
    PS_TRY(add_outputs(c));
    return add_meta(c, bytes, size);
}

poise_status ps_tflite_read(ps_graph *g, const uint8_t *bytes, size_t size, const poise_convert_options *o)
{
    ps_tflite c = {.g = g, .o = o, .budget = ((size_t)1 << 29) + (size < SIZE_MAX / 32 ? 8 * size : 0)};
    poise_status s = import(&c, bytes, size);
    ps_heap_free(&c.heap);
    return s;
}
