/* nn/format_write.c - writes a graph as a .poise file. */
#include "nn/format.h"

#include "nn/model.h"

#include <string.h>

typedef struct writer {
    const ps_graph *g;
    int32_t *number; /* per value: its index in the file, or -1: nobody uses it */
    int32_t *order;  /* per file index: the value */
    int32_t n_values;
    size_t size[8];  /* per section kind */
    size_t at[8];    /* offsets of sections in the file */
    uint8_t *bytes;
} writer;

static void use(writer *w, int32_t v)
{
    if (v < 0 || w->number[v] >= 0) return;
    w->number[v] = w->n_values;
    w->order[w->n_values++] = v;
}

/* Numbers the values in the order of their use, so that weights lie in the order in which they are read. */
static void number_values(writer *w)
{
    const ps_graph *g = w->g;
    for (int32_t i = 0; i < g->n_inputs; i++) use(w, g->inputs[i]);
    for (int32_t i = 0; i < g->n_nodes; i++) {
        for (int k = 0; k < g->nodes[i].n_in; k++) use(w, g->nodes[i].in[k]);
        for (int k = 0; k < g->nodes[i].n_out; k++) use(w, g->nodes[i].out[k]);
    }
    for (int32_t i = 0; i < g->n_outputs; i++) use(w, g->outputs[i]);
}

static void measure(writer *w)
{
    const ps_graph *g = w->g;
    size_t strings = 0, lists = (size_t)g->n_inputs + (size_t)g->n_outputs, params = 0, weights = 0;
    for (int32_t i = 0; i < w->n_values; i++) {
        const ps_value *v = &g->values[w->order[i]];
        strings += strlen(v->name) + 1;
        if (v->data) weights += ps_round_up(ps_value_bytes(v), PS_ALIGN);
    }
    for (int32_t i = 0; i < g->n_nodes; i++) {
        const ps_node *n = &g->nodes[i];
        strings += strlen(n->name) + 1;
        lists += (size_t)n->n_in + (size_t)n->n_out;
        params += n->op->param_bytes;
    }
    for (int32_t i = 0; i < g->n_meta; i++) strings += strlen(g->meta[i].key) + strlen(g->meta[i].value) + 2;
    w->size[PS_SECTION_VALUES] = (size_t)w->n_values * sizeof(ps_file_value);
    w->size[PS_SECTION_NODES] = (size_t)g->n_nodes * sizeof(ps_file_node);
    w->size[PS_SECTION_LISTS] = lists * sizeof(int32_t);
    w->size[PS_SECTION_PARAMS] = params;
    w->size[PS_SECTION_STRINGS] = strings;
    w->size[PS_SECTION_META] = (size_t)g->n_meta * sizeof(ps_file_meta);
    w->size[PS_SECTION_WEIGHTS] = weights;
}

static uint32_t put_string(writer *w, size_t *used, const char *s)
{
    size_t n = strlen(s) + 1, at = *used;
    memcpy(w->bytes + w->at[PS_SECTION_STRINGS] + at, s, n);
    *used += n;
    return (uint32_t)at;
}

static uint32_t put_list(writer *w, size_t *used, const int32_t *values, int32_t n)
{
    size_t at = *used;
    int32_t *list = (int32_t *)(void *)(w->bytes + w->at[PS_SECTION_LISTS]);
    for (int32_t i = 0; i < n; i++) list[at + (size_t)i] = values[i] < 0 ? -1 : w->number[values[i]];
    *used += (size_t)n;
    return (uint32_t)at;
}

/* Copies a constant, piece by piece, so that it is never in memory twice when nobody needs the original again. */
static void put_contents(const writer *w, size_t to, const uint8_t *from, size_t bytes)
{
    const size_t piece = 1 << 18;
    for (size_t at = 0; at < bytes; at += piece) {
        size_t n = bytes - at < piece ? bytes - at : piece;
        memcpy(w->bytes + w->at[PS_SECTION_WEIGHTS] + to + at, from + at, n);
        if (w->g->last_use) ps_memory_release(from, at + n);
    }
}

/* Large constants come first and side by side: once they are packed for a kernel, whole pages can go. */
static size_t put_constants(writer *w, ps_file_value *out, size_t weights, bool large)
{
    enum { LARGE = 2048 };
    for (int32_t i = 0; i < w->n_values; i++) {
        const ps_value *v = &w->g->values[w->order[i]];
        size_t bytes = v->data ? ps_value_bytes(v) : 0;
        if (!v->data || (bytes >= LARGE) != large) continue;
        out[i].constant = 1;
        out[i].offset = weights;
        put_contents(w, weights, v->data, bytes);
        weights += ps_round_up(bytes, PS_ALIGN);
    }
    return weights;
}

static void put_values(writer *w, size_t *strings)
{
    ps_file_value *out = (ps_file_value *)(void *)(w->bytes + w->at[PS_SECTION_VALUES]);
    for (int32_t i = 0; i < w->n_values; i++) {
        const ps_value *v = &w->g->values[w->order[i]];
        out[i] = (ps_file_value){.name = put_string(w, strings, v->name), .type = (int32_t)v->type,
                                  .rank = v->rank, .scale = v->scale, .zero = v->zero};
        memcpy(out[i].dim, v->dim, sizeof out[i].dim);
    }
    put_constants(w, out, put_constants(w, out, 0, true), false);
}

static void put_nodes(writer *w, size_t *strings, size_t *lists)
{
    ps_file_node *out = (ps_file_node *)(void *)(w->bytes + w->at[PS_SECTION_NODES]);
    size_t params = 0;
    for (int32_t i = 0; i < w->g->n_nodes; i++) {
        const ps_node *n = &w->g->nodes[i];
        out[i] = (ps_file_node){.name = put_string(w, strings, n->name), .op = ps_op_id(n->op), .params = (uint32_t)params,
                                .params_size = n->op->param_bytes, .n_in = (uint32_t)n->n_in, .n_out = (uint32_t)n->n_out};
        memcpy(w->bytes + w->at[PS_SECTION_PARAMS] + params, n->params, n->op->param_bytes);
        params += n->op->param_bytes;
        out[i].in = put_list(w, lists, n->in, n->n_in);
        out[i].out = put_list(w, lists, n->out, n->n_out);
    }
}

static void put_all(writer *w, size_t size)
{
    ps_file_header *h = (ps_file_header *)(void *)w->bytes;
    ps_file_section *s = (ps_file_section *)(void *)(w->bytes + sizeof *h);
    size_t strings = 0, lists = 0;
    *h = (ps_file_header){.version = PS_FORMAT_VERSION, .n_sections = 7, .file_size = size};
    memcpy(h->magic, ps_format_magic, sizeof h->magic);
    for (uint32_t k = 1; k <= 7; k++) s[k - 1] = (ps_file_section){.kind = k, .offset = w->at[k], .size = w->size[k]};
    put_values(w, &strings);
    put_nodes(w, &strings, &lists);
    h->n_inputs = (uint32_t)w->g->n_inputs;
    h->inputs = put_list(w, &lists, w->g->inputs, w->g->n_inputs);
    h->n_outputs = (uint32_t)w->g->n_outputs;
    h->outputs = put_list(w, &lists, w->g->outputs, w->g->n_outputs);
    ps_file_meta *meta = (ps_file_meta *)(void *)(w->bytes + w->at[PS_SECTION_META]);
    for (int32_t i = 0; i < w->g->n_meta; i++) {
        meta[i].key = put_string(w, &strings, w->g->meta[i].key);
        meta[i].value = put_string(w, &strings, w->g->meta[i].value);
    }
    h->checksum = ps_format_checksum(w->bytes + sizeof *h, size - sizeof *h, NULL);
}

poise_status ps_format_write(const ps_graph *g, void **bytes, size_t *size)
{
    writer w = {.g = g};
    w.number = ps_alloc_array((size_t)g->n_values + 1, sizeof *w.number);
    w.order = ps_alloc_array((size_t)g->n_values + 1, sizeof *w.order);
    poise_status s = POISE_OK;
    if (!w.number || !w.order) {
        s = ps_fail(POISE_NO_MEMORY, "no memory to write a graph of %d values", g->n_values);
    } else {
        for (int32_t i = 0; i < g->n_values; i++) w.number[i] = -1;
        number_values(&w);
        measure(&w);
        size_t at = ps_round_up(sizeof(ps_file_header) + 7 * sizeof(ps_file_section), PS_ALIGN);
        for (int k = 1; k <= 7; k++) {
            w.at[k] = at;
            at = ps_round_up(at + w.size[k], PS_ALIGN);
        }
        w.bytes = ps_alloc(at);
        if (!w.bytes) s = ps_fail(POISE_NO_MEMORY, "no memory for a model file of %zu bytes", at);
        else put_all(&w, at);
        *bytes = w.bytes;
        *size = at;
    }
    ps_free(w.number);
    ps_free(w.order);
    return s;
}
