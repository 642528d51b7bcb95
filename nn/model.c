/* nn/model.c - opens models: reads the graph, plans memory, packs weights for the kernels at hand. */
#include "nn/model.h"

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
    if (from->o && from->o->frugal) return ps_choose_frugal(m, calls), POISE_OK;
    if (from->tuning) return ps_tuning_apply(from->tuning, m, calls);
    return ps_tuning_choose(m, calls, from->o ? from->o->tuning : NULL, from->path);
}

/* ---- packing ---- */

typedef struct packing {
    size_t bytes;
    int32_t node;
} packing;

/* A constant that moved. */
typedef struct move {
    const uint8_t *from;
    size_t bytes;
    uint8_t *to;
} move;

/* Working state of open: calls over tensors without memory. */
typedef struct opening {
    poise_model *m;
    poise_tensor *tensors;
    const poise_tensor **links;
    ps_call *calls;
    size_t *at; /* per node: offset of its packed weights, SIZE_MAX = none */
    bool *kept; /* per value: a constant that somebody reads in place */
    int32_t *packer; /* per value: the last node that packs it */
    packing *order;  /* nodes with packed weights, in the order of packing */
    int32_t n_order;
    move *moves; /* room for every value */
} opening;

/* The order of packing: the largest first, so that original and copy of one are in memory together while there is
 * little else. */
static int by_packed_size(const void *a, const void *b)
{
    const packing *x = a, *y = b;
    return x->bytes != y->bytes ? (x->bytes < y->bytes) - (x->bytes > y->bytes) : (x->node > y->node) - (x->node < y->node);
}

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

static poise_status measure(opening *w)
{
    poise_model *m = w->m;
    size_t total = 0;
    for (int32_t i = 0; i < m->graph.n_nodes; i++) {
        const ps_op *op = m->graph.nodes[i].op;
        w->at[i] = SIZE_MAX;
        if (m->plan.skip[i]) continue;
        size_t bytes = op->packed ? op->packed(&w->calls[i]) : 0;
        if (bytes) {
            w->at[i] = total;
            w->order[w->n_order++] = (packing){bytes, i};
            PS_REQUIRE(bytes < SIZE_MAX / 4 && ps_size_add(&total, total, ps_round_up(bytes, PS_ALIGN)), POISE_NO_MEMORY,
                       "the packed weights overflow size_t");
        }
    }
    PS_TRY(measure_scratch(m, w->calls));
    m->packed_bytes = total;
    qsort(w->order, (size_t)w->n_order, sizeof *w->order, by_packed_size);
    return POISE_OK;
}

static poise_status find_kept(opening *w)
{
    for (int32_t j = 0; j < w->n_order; j++) {
        const ps_node *n = &w->m->graph.nodes[w->order[j].node];
        for (int k = 0; k < n->n_in; k++)
            if (n->in[k] >= 0) w->packer[n->in[k]] = w->order[j].node;
    }
    const ps_graph *g = &w->m->graph;
    for (int32_t i = 0; i < g->n_nodes; i++) {
        const ps_node *n = &g->nodes[i];
        for (int k = 0; k < n->n_in; k++) {
            bool gone = w->at[i] != SIZE_MAX && n->op->packs && n->op->packs(&w->calls[i], k);
            if (n->in[k] >= 0 && !gone) w->kept[n->in[k]] = true;
        }
    }
    for (int32_t i = 0; i < g->n_outputs; i++) w->kept[g->outputs[i]] = true;
    for (int32_t v = 0; v < g->n_values; v++)
        if (g->values[v].data && w->kept[v])
            PS_REQUIRE(ps_size_add(&w->m->constant_bytes, w->m->constant_bytes,
                                   ps_round_up(ps_value_bytes(&g->values[v]), PS_ALIGN)),
                       POISE_NO_MEMORY, "the constants overflow size_t");
    return POISE_OK;
}

enum { AROUND = 65536 }; /* what Linux maps along with a page of a file that is read, before and behind it */

/* Not the memory of a caller: that of a mapped file, or of bytes that are ours. */
static bool may_release(const poise_model *m)
{
    return m->own || m->file.size;
}

/* A constant's memory goes: of a mapped file with its surroundings, which the system reads again if need be. */
static void release_constant(const poise_model *m, const uint8_t *p, size_t n)
{
    const size_t around = AROUND;
    bool in_file = m->file.size && p >= m->file.bytes && p < m->file.bytes + m->file.size;
    if (in_file) { /* others were made while opening: constants of another precision */
        size_t at = (size_t)(p - m->file.bytes), from = at < around ? 0 : at - around;
        n = m->file.size - at - n < around ? m->file.size - from : at + n + around - from;
        p = m->file.bytes + from;
    }
    ps_memory_release(p, n);
}

/* Whether input k of a node is a constant that is not needed once this node is packed. */
static bool is_last_use(const opening *w, int32_t node, int k)
{
    const ps_node *n = &w->m->graph.nodes[node];
    int32_t v = k < n->n_in ? n->in[k] : -1;
    if (v < 0 || !w->m->graph.values[v].data || w->kept[v] || w->packer[v] != node || !may_release(w->m)) return false;
    for (int j = 0; j < n->n_in; j++)
        if (j != k && n->in[j] == v) return false;
    return true;
}

/* Each constant goes as soon as it is packed, so that a large network is never in memory twice. */
static void release_inputs(const opening *w, int32_t node)
{
    const ps_node *n = &w->m->graph.nodes[node];
    for (int k = 0; k < n->n_in; k++)
        if (is_last_use(w, node, k))
            release_constant(w->m, w->m->graph.values[n->in[k]].data, ps_value_bytes(&w->m->graph.values[n->in[k]]));
}

static int by_address(const void *a, const void *b)
{
    const move *x = a, *y = b;
    return (x->from > y->from) - (x->from < y->from);
}

/* The place of p, which points to or into a constant, after the moves. */
static void *moved(const move *m, size_t n, void *p)
{
    size_t low = 0, high = n; /* so many moves begin at or before p */
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (m[mid].from <= (uint8_t *)p) low = mid + 1;
        else high = mid;
    }
    if (!low || (size_t)((uint8_t *)p - m[low - 1].from) >= m[low - 1].bytes) return p;
    return m[low - 1].to + ((uint8_t *)p - m[low - 1].from);
}

/* Constants that are used in place move behind the packed weights, so that of the model's bytes nothing is needed
 * any more: pages that hold a bias and much else would stay in memory as a whole. */
static void move_kept(opening *w)
{
    poise_model *m = w->m;
    uint8_t *to = m->weights + m->packed_bytes;
    size_t n = 0;
    for (int32_t v = 0; v < m->graph.n_values; v++) {
        ps_value *x = &m->graph.values[v];
        size_t bytes = ps_value_bytes(x);
        if (!x->data || !w->kept[v]) continue;
        w->moves[n++] = (move){x->data, bytes, to};
        if (bytes) memcpy(to, x->data, bytes);
        release_constant(m, x->data, bytes);
        x->data = to;
        to += ps_round_up(bytes, PS_ALIGN);
    }
    qsort(w->moves, n, sizeof *w->moves, by_address);
    for (int32_t v = 0; v < m->graph.n_values; v++) { /* views of constants point into them */
        poise_tensor *t = &m->plan.places[v].tensor;
        if (t->data) t->data = moved(w->moves, n, t->data);
    }
}

/* Of the account: the block of weights, and the table of where each node's are. */
static size_t weights_taken(const poise_model *m)
{
    return ps_alloc_size(m->packed_bytes + (may_release(m) ? m->constant_bytes : 0));
}
static size_t packed_table(const poise_model *m)
{
    return ps_alloc_size(((size_t)m->graph.n_nodes + 1) * sizeof *m->packed);
}

static poise_status pack(opening *w)
{
    poise_model *m = w->m;
    size_t total;
    PS_REQUIRE(ps_size_add(&total, m->packed_bytes, may_release(m) ? m->constant_bytes : 0), POISE_NO_MEMORY,
               "the weights overflow size_t");
    m->packed = ps_alloc_array((size_t)m->graph.n_nodes + 1, sizeof *m->packed);
    ps_block_leaves(m->own); /* its pages go as they are packed */
    m->weights = ps_alloc(total);
    PS_REQUIRE(m->packed && m->weights, POISE_NO_MEMORY, "no memory for %zu bytes of weights", total);
    for (int32_t j = 0; j < w->n_order; j++) {
        int32_t i = w->order[j].node;
        m->packed[i] = m->weights + w->at[i];
        w->calls[i].last_use = is_last_use(w, i, 1);
        m->graph.nodes[i].op->pack(&w->calls[i], m->weights + w->at[i]);
        release_inputs(w, i);
    }
    if (may_release(m)) move_kept(w);
    return POISE_OK;
}

/* What packing takes at most beside the tables: what is packed so far, and the constants that are packed now (of a mapped
 * file, with what the system reads along) or are still to be packed. */
static size_t while_packing(const opening *w)
{
    const poise_model *m = w->m;
    size_t packed = 0, most = 0, own = ps_block_size(m->own);
    for (int32_t j = 0; j < w->n_order; j++) {
        const ps_node *n = &m->graph.nodes[w->order[j].node];
        size_t now = own, gone = 0;
        for (int k = 0; k < n->n_in; k++)
            if (is_last_use(w, w->order[j].node, k)) gone += ps_value_bytes(&m->graph.values[n->in[k]]);
        packed += w->order[j].bytes;
        if (m->file.size) now = gone + 2 * (size_t)AROUND < m->file.size ? gone + 2 * (size_t)AROUND : m->file.size;
        now += packed;
        own -= gone < own ? gone : own;
        if (now > most) most = now;
    }
    return most;
}

static poise_status check_limit(opening *w, const ps_heap *tmp, size_t limit)
{
    poise_model *m = w->m;
    poise_memory need;
    poise_model_memory(m, &need);
    size_t session = ps_alloc_size(poise_session_size(m)), weights = weights_taken(m);
    m->opening_bytes = need.peak - session - weights + while_packing(w) + ps_heap_size(tmp);
    size_t most = need.peak > m->opening_bytes ? need.peak : m->opening_bytes;
    PS_REQUIRE(!limit || most <= limit, POISE_NO_MEMORY,
               "needs %zu bytes (weights %zu, arena %zu, scratch %zu, tables %zu, while opening %zu), the limit is %zu", most,
               need.weights, need.arena, need.scratch, need.overhead, m->opening_bytes, limit);
    return POISE_OK;
}

static poise_status prepare(opening *w, ps_heap *tmp, const source *from)
{
    poise_model *m = w->m;
    size_t values = (size_t)m->graph.n_values + 1, nodes = (size_t)m->graph.n_nodes + 1;
    w->tensors = ps_heap_push(tmp, values * sizeof *w->tensors);
    w->links = ps_heap_push(tmp, (ps_model_links(m) + 1) * sizeof *w->links);
    w->calls = ps_heap_push(tmp, nodes * sizeof *w->calls);
    w->at = ps_heap_push(tmp, nodes * sizeof *w->at);
    w->kept = ps_heap_push(tmp, values);
    w->packer = ps_heap_push(tmp, values * sizeof *w->packer);
    w->order = ps_heap_push(tmp, nodes * sizeof *w->order);
    w->moves = ps_heap_push(tmp, values * sizeof *w->moves);
    PS_REQUIRE(w->tensors && w->links && w->calls && w->at && w->kept && w->packer && w->order && w->moves,
               POISE_NO_MEMORY, "no memory to open a graph of %d nodes", m->graph.n_nodes);
    for (int32_t v = 0; v < m->graph.n_values; v++) w->tensors[v] = m->plan.places[v].tensor;
    ps_model_calls(m, w->tensors, w->links, w->calls);
    PS_TRY(choose(m, w->calls, from));
    ps_model_calls(m, w->tensors, w->links, w->calls);
    PS_TRY(measure(w));
    PS_TRY(find_kept(w));
    PS_TRY(check_limit(w, tmp, from->o ? from->o->max_memory : 0));
    return from->o && from->o->plan_only ? POISE_OK : pack(w);
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

static poise_status choose_kernels(poise_model *m, const poise_options *o)
{
    const char *isa = o && o->isa ? o->isa : getenv("POISE_ISA"), *known;
    unsigned flags = ps_cpu_flags();
    PS_REQUIRE(ps_kernels_cap(isa, &flags, &known), POISE_BAD_ARGUMENT, "unknown ISA '%s': this build has %s", isa, known);
    ps_kernels_select(&m->kernels, flags);
    ps_kernels_weaker(&m->kernels, flags, &m->weaker);
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
    return half && p == POISE_FAST ? ps_precision_narrow(&m->graph) : POISE_OK;
}

static poise_status open_graph(poise_model *m, const source *from)
{
    PS_TRY(choose_precision(m, from->o));
    PS_TRY(ps_gate_find(&m->gate, &m->graph));
    PS_TRY(ps_plan_make(&m->plan, &m->graph));
    ps_heap tmp = {0};
    opening w = {.m = m};
    poise_status s = prepare(&w, &tmp, from);
    ps_heap_free(&tmp);
    if (s == POISE_OK && m->packed && from->o && from->o->threads == POISE_THREADS_AUTO) s = ps_model_choose_threads(m);
    return s;
}

static poise_status open_bytes(poise_model *m, const void *bytes, size_t size, const source *from)
{
    PS_REQUIRE((size_t)bytes % PS_ALIGN == 0, POISE_BAD_ARGUMENT, "the model's bytes are not aligned to %d", PS_ALIGN);
    PS_TRY(choose_kernels(m, from->o));
    m->graph.mapped = m->file.size ? m->file.bytes : NULL;
    m->graph.mapped_size = m->file.size;
    PS_TRY(ps_format_read(&m->graph, bytes, size));
    poise_status s = open_graph(m, from);
    if (may_release(m)) ps_memory_release(bytes, size); /* every constant is packed or moved; names and the like are copied */
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
    s = choose_kernels(m, o);
    if (s == POISE_OK) s = open_graph(m, &(source){.o = o, .path = path});
    if (may_release(m)) ps_memory_release(m->file.bytes, m->file.size);
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
    *out = (poise_memory){.weights = m->packed_bytes + m->constant_bytes, .arena = m->plan.arena_bytes,
                          .scratch = m->scratch_bytes, .opening = m->opening_bytes, .lower_bound = m->plan.lower_bound};
    size_t in_place = may_release(m) ? 0 : m->constant_bytes;
    out->peak = ps_block_size(m) + ps_graph_size(&m->graph) + ps_heap_size(&m->plan.heap) + ps_heap_size(&m->gate.heap) +
                ps_block_size(m->choices) + packed_table(m) + weights_taken(m) + in_place + ps_alloc_size(poise_session_size(m));
    out->overhead = out->peak - out->weights - out->arena - out->scratch;
}

void poise_free(void *p)
{
    ps_free(p);
}
