/* nn/model.c - opens models: reads the graph, plans memory, packs weights for the kernels at hand. */
#include "nn/model.h"

#include "nn/half.h"
#include "nn/model_weights.h"
#include "nn/session.h"
#include "nn/tuning.h"
#include "runtime/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- calls ---- */

size_t ps_model_links(const poise_model *m)
{
    size_t n = 0;
    for (int32_t i = 0; i < m->graph.n_nodes; i++)
        n += (size_t)m->graph.nodes[i].n_in + (size_t)m->graph.nodes[i].op->n_out;
    return n;
}

void ps_model_calls(const poise_model *m, poise_tensor *tensors, const poise_tensor **links, ps_call *calls)
{
    for (int32_t i = 0; i < m->graph.n_nodes; i++) {
        const ps_node *n = &m->graph.nodes[i];
        ps_call *c = &calls[i];
        *c = (ps_call){.params = n->params, .n_in = n->n_in, .n_out = n->n_out, .k = &m->kernels, .threads = m->threads};
        if (m->choices) {
            c->variant = m->choices[i].variant;
            if (m->choices[i].weaker) c->k = &m->weaker;
        }
        c->packed = m->packed ? m->packed[i] : NULL;
        c->in = links;
        for (int k = 0; k < n->n_in; k++) *links++ = n->in[k] < 0 ? NULL : &tensors[n->in[k]];
        c->out = links;
        for (int k = 0; k < n->op->n_out; k++) *links++ = k < n->n_out && n->out[k] >= 0 ? &tensors[n->out[k]] : NULL;
    }
}

/* Where a model's bytes come from, and how it is to be opened. */
typedef struct source {
    const poise_options *o;
    const char *path;         /* of the file, or NULL */
    const ps_kernels *kernels; /* to pack for, instead of those of this machine, or NULL */
    const ps_tuning *tuning;  /* instead of what o and path say, or NULL */
} source;

/* What the operators choose by rule, then what the tuning says. */
static poise_status choose(poise_model *m, const ps_call *calls, const source *from)
{
    ps_choice *choices = ps_alloc_array((size_t)m->graph.n_nodes + 1, sizeof *choices);
    PS_REQUIRE(choices, POISE_NO_MEMORY, "no memory for the choices of %d nodes", m->graph.n_nodes);
    for (int32_t i = 0; i < m->graph.n_nodes; i++)
        ps_choice_at(m, &m->graph.nodes[i], &calls[i], 0, &choices[i]);
    m->choices = choices;
    if (from->kernels) return POISE_OK;
    if (from->o && from->o->frugal) return ps_choose_frugal(m, calls), POISE_OK;
    if (from->tuning) return ps_tuning_apply(from->tuning, m, calls);
    return ps_tuning_choose(m, calls, from->o ? from->o->tuning : NULL, from->path);
}

/* ---- memory ---- */

static poise_status measure_scratch(poise_model *m, const ps_call *calls)
{
    m->scratch_bytes = 0;
    for (int32_t i = 0; i < m->graph.n_nodes; i++) {
        const ps_op *op = m->graph.nodes[i].op;
        size_t bytes = op->scratch && !m->plan.skip[i] ? op->scratch(&calls[i]) : 0;
        PS_REQUIRE(bytes < SIZE_MAX / 4, POISE_NO_MEMORY, "node '%s' (%s) needs more working space than there can be",
                   m->graph.nodes[i].name, op->name);
        if (bytes > m->scratch_bytes) m->scratch_bytes = bytes;
    }
    return POISE_OK;
}

static poise_status check_limit(ps_opening *w, const ps_heap *tmp, size_t limit)
{
    poise_model *m = w->m;
    poise_memory need;
    poise_model_memory(m, &need);
    size_t session = ps_alloc_size(poise_session_size(m)), weights = ps_weights_taken(m);
    m->opening_bytes = need.peak - session - weights + ps_weights_while_packing(w) + ps_heap_size(tmp);
    size_t most = need.peak > m->opening_bytes ? need.peak : m->opening_bytes;
    PS_REQUIRE(!limit || most <= limit, POISE_NO_MEMORY,
               "needs %zu bytes (weights %zu, arena %zu, scratch %zu, tables %zu, while opening %zu), the limit is %zu", most,
               need.weights, need.arena, need.scratch, need.overhead, m->opening_bytes, limit);
    return POISE_OK;
}

static poise_status prepare(ps_opening *w, ps_heap *tmp, const source *from)
{
    poise_model *m = w->m;
    size_t values = (size_t)m->graph.n_values + 1, nodes = (size_t)m->graph.n_nodes + 1;
    w->tensors = ps_heap_push(tmp, values * sizeof *w->tensors);
    w->links = ps_heap_push(tmp, (ps_model_links(m) + 1) * sizeof *w->links);
    w->calls = ps_heap_push(tmp, nodes * sizeof *w->calls);
    w->at = ps_heap_push(tmp, nodes * sizeof *w->at);
    w->ready = ps_heap_push(tmp, nodes * sizeof *w->ready);
    w->kept = ps_heap_push(tmp, values);
    w->packer = ps_heap_push(tmp, values * sizeof *w->packer);
    w->order = ps_heap_push(tmp, nodes * sizeof *w->order);
    w->moves = ps_heap_push(tmp, values * sizeof *w->moves);
    PS_REQUIRE(w->tensors && w->links && w->calls && w->at && w->ready && w->kept && w->packer && w->order && w->moves,
               POISE_NO_MEMORY, "no memory to open a graph of %d nodes", m->graph.n_nodes);
    for (int32_t v = 0; v < m->graph.n_values; v++) w->tensors[v] = m->plan.places[v].tensor;
    ps_model_calls(m, w->tensors, w->links, w->calls);
    PS_TRY(choose(m, w->calls, from));
    ps_model_calls(m, w->tensors, w->links, w->calls);
    PS_TRY(measure_scratch(m, w->calls));
    PS_TRY(ps_weights_measure(w));
    PS_TRY(check_limit(w, tmp, from->o ? from->o->max_memory : 0));
    return from->o && from->o->plan_only ? POISE_OK : ps_weights_pack(w);
}

poise_status ps_model_set_threads(poise_model *m, int threads)
{
    ps_heap tmp = {0};
    poise_tensor *tensors = ps_heap_push(&tmp, ((size_t)m->graph.n_values + 1) * sizeof *tensors);
    const poise_tensor **links = ps_heap_push(&tmp, (ps_model_links(m) + 1) * sizeof *links);
    ps_call *calls = ps_heap_push(&tmp, ((size_t)m->graph.n_nodes + 1) * sizeof *calls);
    poise_status s = POISE_OK;
    if (tensors && links && calls) {
        m->threads = threads;
        for (int32_t v = 0; v < m->graph.n_values; v++) tensors[v] = m->plan.places[v].tensor;
        ps_model_calls(m, tensors, links, calls);
        s = measure_scratch(m, calls);
    } else {
        s = ps_fail(POISE_NO_MEMORY, "no memory to plan for %d threads", threads);
    }
    ps_heap_free(&tmp);
    return s;
}

/* ---- open and close ---- */

static poise_status choose_kernels(poise_model *m, const source *from)
{
    const poise_options *o = from->o;
    const char *isa = o && o->isa ? o->isa : getenv("POISE_ISA"), *known;
    unsigned flags = ps_cpu_flags();
    PS_REQUIRE(ps_kernels_cap(isa, &flags, &known), POISE_BAD_ARGUMENT, "unknown ISA '%s': this build has %s", isa, known);
    ps_kernels_select(&m->kernels, flags);
    if (from->kernels) m->kernels = *from->kernels;
    else ps_kernels_weaker(&m->kernels, flags, &m->weaker);
    PS_REQUIRE(!o || o->threads >= POISE_THREADS_AUTO, POISE_BAD_ARGUMENT, "%d threads asked for", o->threads);
    PS_REQUIRE(ps_crew_choose(o ? o->cpu_mask : 0, &m->crew), POISE_BAD_ARGUMENT,
               "cpu mask 0x%llx: this process may use none of these CPUs", (unsigned long long)o->cpu_mask);
    bool tries = o && o->threads == POISE_THREADS_AUTO;
    m->threads = o && o->threads > 0 ? o->threads : tries ? m->crew.most : m->crew.cores;
    PS_REQUIRE(m->threads <= PS_MAX_THREADS, POISE_BAD_ARGUMENT, "%d threads asked for, at most %d are possible", m->threads,
               PS_MAX_THREADS);
    PS_REQUIRE(ps_threading(), POISE_BAD_ARGUMENT, "unknown POISE_THREADING '%s': this build has pool%s",
               getenv("POISE_THREADING"), PS_WITH_OPENMP ? " openmp" : "");
    ps_threads_start(m->threads, ps_crew_cpus(&m->crew, m->threads) ? m->crew.cores : m->crew.most);
    return POISE_OK;
}

/* What the caller wants, else what the file records, else exact. */
static poise_status wanted_precision(const poise_model *m, const poise_options *o, bool bytes, poise_precision *out)
{
    const char *recorded = ps_graph_get_meta(&m->graph, PS_PRECISION_KEY);
    *out = o ? o->precision : POISE_RECORDED;
    PS_REQUIRE(*out >= POISE_RECORDED && *out <= POISE_INT8, POISE_BAD_ARGUMENT,
               "unknown precision %d: exact is %d, near %d, fast %d, int8 %d", (int)*out, POISE_EXACT, POISE_NEAR, POISE_FAST,
               POISE_INT8);
    PS_REQUIRE(*out != POISE_INT8 || bytes, POISE_UNSUPPORTED,
               "computes in floats: `poise quantize` makes an int8 network of it, with pictures to calibrate on");
    if (*out != POISE_RECORDED) return POISE_OK;
    *out = POISE_EXACT;
    PS_REQUIRE(!recorded || ps_precision_by_name(recorded, out), POISE_UNSUPPORTED,
               "records the precision '%.40s', this build knows exact, near, fast and int8", recorded);
    return POISE_OK;
}

/* Products of bytes are what a network has or has not; what is asked for says how the floats beside them compute. */
static poise_status choose_precision(poise_model *m, const poise_options *o)
{
    bool bytes = ps_graph_int8_macs(&m->graph) > 0;
    poise_precision p;
    char text[PS_PRECISION_TEXT];
    PS_TRY(wanted_precision(m, o, bytes, &p));
    if (p == POISE_INT8) p = POISE_EXACT;
    bool half = ps_precision_kernels(p, &m->kernels, text);
    m->precision = bytes ? POISE_INT8 : p;
    if (bytes && half)
        snprintf(m->precision_text, sizeof m->precision_text, "int8: products of bytes on %s, floats %.100s", m->kernels.name_u8, text);
    else
        ps_precision_kernels(m->precision, &m->kernels, m->precision_text);
    m->kernels.split = half && p == POISE_NEAR;
    m->narrowed = half && p == POISE_FAST ? ps_half_type(&m->kernels) : POISE_NONE;
    return m->narrowed ? ps_precision_narrow(&m->graph, m->narrowed) : POISE_OK;
}

static poise_status open_graph(poise_model *m, const source *from)
{
    PS_TRY(choose_precision(m, from->o));
    PS_TRY(ps_gate_find(&m->gate, &m->graph));
    PS_TRY(ps_plan_make(&m->plan, &m->graph));
    ps_heap tmp = {0};
    ps_opening w = {.m = m};
    poise_status s = prepare(&w, &tmp, from);
    ps_heap_free(&tmp);
    if (s == POISE_OK && m->packed && from->o && from->o->threads == POISE_THREADS_AUTO) s = ps_model_choose_threads(m);
    return s;
}

static poise_status open_bytes(poise_model *m, const void *bytes, size_t size, const source *from)
{
    PS_REQUIRE((size_t)bytes % PS_ALIGN == 0, POISE_BAD_ARGUMENT, "the model's bytes are not aligned to %d", PS_ALIGN);
    PS_TRY(choose_kernels(m, from));
    m->graph.mapped = m->file.size ? m->file.bytes : NULL;
    m->graph.mapped_size = m->file.size;
    PS_TRY(from->kernels ? ps_format_read(&m->graph, bytes, size)
                         : ps_format_read_packed(&m->graph, bytes, size, &m->kernels, &m->ready));
    poise_status s = open_graph(m, from);
    ps_weights_release(m, bytes, size);
    return s;
}

static poise_status new_model(poise_model **out)
{
    *out = ps_alloc(sizeof **out);
    PS_REQUIRE(*out, POISE_NO_MEMORY, "no memory for a model");
    return POISE_OK;
}

static poise_status finish(poise_model *m, poise_status s, poise_model **out)
{
    *out = s == POISE_OK ? m : NULL;
    if (s != POISE_OK) poise_model_close(m);
    return s;
}

poise_status ps_model_open_tuned(const void *bytes, size_t size, const poise_options *o, const ps_tuning *t, poise_model **out)
{
    poise_model *m;
    *out = NULL;
    PS_TRY(new_model(&m));
    return finish(m, open_bytes(m, bytes, size, &(source){.o = o, .tuning = t}), out);
}

poise_status ps_model_open_packing(const void *bytes, size_t size, const poise_options *o, const ps_kernels *k, poise_model **out)
{
    poise_model *m;
    *out = NULL;
    PS_TRY(new_model(&m));
    return finish(m, open_bytes(m, bytes, size, &(source){.o = o, .kernels = k}), out);
}

poise_status poise_model_open_memory(const void *bytes, size_t size, const poise_options *o, poise_model **out)
{
    PS_REQUIRE(bytes && out, POISE_BAD_ARGUMENT, "poise_model_open_memory: a pointer is NULL");
    return ps_model_open_tuned(bytes, size, o, NULL, out);
}

poise_status ps_model_adopt(void *bytes, size_t size, const char *path, const poise_options *o, poise_model **out)
{
    poise_model *m;
    *out = NULL;
    poise_status s = new_model(&m);
    if (s != POISE_OK) {
        ps_free(bytes);
        return s;
    }
    m->own = bytes;
    return finish(m, open_bytes(m, bytes, size, &(source){.o = o, .path = path}), out);
}

poise_status ps_model_adopt_graph(ps_graph *g, ps_file *file, const char *path, const poise_options *o, poise_model **out)
{
    poise_model *m;
    *out = NULL;
    poise_status s = new_model(&m);
    if (s != POISE_OK) {
        ps_graph_free(g);
        ps_file_unmap(file);
        return s;
    }
    m->graph = *g;
    m->file = *file;
    *g = (ps_graph){0};
    *file = (ps_file){0};
    const source from = {.o = o, .path = path};
    s = choose_kernels(m, &from);
    if (s == POISE_OK) s = open_graph(m, &from);
    ps_weights_release(m, m->file.bytes, m->file.size);
    return finish(m, s, out);
}

poise_status poise_model_open(const char *path, const poise_options *o, poise_model **out)
{
    PS_REQUIRE(path && out, POISE_BAD_ARGUMENT, "poise_model_open: a pointer is NULL");
    poise_model *m;
    *out = NULL;
    PS_TRY(new_model(&m));
    poise_status s = ps_file_map(path, &m->file);
    if (s == POISE_OK) {
        s = open_bytes(m, m->file.bytes, m->file.size, &(source){.o = o, .path = path});
        if (s != POISE_OK) ps_fail_in(s, "%s", path);
    }
    return finish(m, s, out);
}

void poise_model_close(poise_model *m)
{
    if (!m) return;
    ps_plan_free(&m->plan);
    ps_gate_free(&m->gate);
    ps_graph_free(&m->graph);
    ps_free(m->choices);
    ps_free(m->packed);
    ps_free(m->weights);
    ps_free(m->own);
    ps_file_unmap(&m->file);
    ps_free(m);
}

/* ---- questions ---- */

int poise_model_inputs(const poise_model *m)
{
    return m->graph.n_inputs;
}
int poise_model_outputs(const poise_model *m)
{
    return m->graph.n_outputs;
}

static const char *describe(const poise_model *m, const int32_t *list, int n, int i, poise_tensor *shape)
{
    if (i < 0 || i >= n) return NULL;
    const ps_value *v = &m->graph.values[list[i]];
    if (shape) {
        *shape = (poise_tensor){.type = v->type, .rank = v->rank, .scale = v->scale, .zero = v->zero};
        memcpy(shape->dim, v->dim, sizeof shape->dim);
    }
    return v->name;
}

const char *poise_model_input(const poise_model *m, int i, poise_tensor *shape)
{
    return describe(m, m->graph.inputs, m->graph.n_inputs, i, shape);
}
const char *poise_model_output(const poise_model *m, int i, poise_tensor *shape)
{
    return describe(m, m->graph.outputs, m->graph.n_outputs, i, shape);
}

const char *poise_model_metadata(const poise_model *m, const char *key)
{
    return ps_graph_get_meta(&m->graph, key);
}

poise_precision poise_model_precision(const poise_model *m)
{
    return m->precision;
}
const char *poise_model_kernels(const poise_model *m)
{
    return m->precision_text;
}

void poise_model_memory(const poise_model *m, poise_memory *out)
{
    *out = (poise_memory){.weights = m->packed_bytes + m->constant_bytes + m->ready_bytes, .arena = m->plan.arena_bytes,
                          .scratch = m->scratch_bytes, .opening = m->opening_bytes, .lower_bound = m->plan.lower_bound};
    out->peak = ps_block_size(m) + ps_graph_size(&m->graph) + ps_heap_size(&m->plan.heap) + ps_heap_size(&m->gate.heap) +
                ps_block_size(m->choices) + ps_alloc_size(((size_t)m->graph.n_nodes + 1) * sizeof *m->packed) +
                ps_weights_taken(m) + ps_weights_in_place(m) + ps_alloc_size(poise_session_size(m));
    out->overhead = out->peak - out->weights - out->arena - out->scratch;
}

void poise_free(void *p)
{
    ps_free(p);
}
