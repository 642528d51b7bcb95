/* nn/model_weights.c - weights of a model that is being opened: found ready in the file, or packed for the kernels at hand. */
#include "nn/model_weights.h"

#include "nn/layout.h"

#include <stdlib.h>
#include <string.h>

/* ---- what there is to pack ---- */

/* The order of packing: the largest first, so that original and copy of one are in memory together while there is
 * little else. */
static int by_packed_size(const void *a, const void *b)
{
    const ps_packing *x = a, *y = b;
    return x->bytes != y->bytes ? (x->bytes < y->bytes) - (x->bytes > y->bytes) : (x->node > y->node) - (x->node < y->node);
}

/* Weights of a node that the file has packed as they would be here; of a file that has no others there must be such. */
static poise_status find_ready(ps_opening *w, int32_t node, size_t bytes)
{
    poise_model *m = w->m;
    const ps_node *n = &m->graph.nodes[node];
    unsigned layout = n->op->layout ? n->op->layout(&w->calls[node]) : 0;
    char text[PS_LAYOUT_TEXT];
    if (!layout) return POISE_OK;
    m->n_packed++;
    if (m->ready.head && m->ready.head->narrowed == m->narrowed)
        w->ready[node] = ps_packed_weights(&m->ready, node, layout, bytes);
    PS_REQUIRE(w->ready[node] || m->graph.values[n->in[1]].data != ps_packed_only, POISE_UNSUPPORTED,
               "has its weights only as packed for %s (--only-target); node '%s' wants %s here", m->ready.head->target, n->name,
               ps_layout_text(layout, text));
    if (!w->ready[node]) return POISE_OK;
    m->n_ready++;
    m->ready_bytes += ps_round_up(bytes, PS_ALIGN);
    return POISE_OK;
}

static poise_status measure_packed(ps_opening *w)
{
    poise_model *m = w->m;
    size_t total = 0;
    for (int32_t i = 0; i < m->graph.n_nodes; i++) {
        const ps_op *op = m->graph.nodes[i].op;
        w->at[i] = SIZE_MAX;
        if (m->plan.skip[i]) continue;
        size_t bytes = op->packed ? op->packed(&w->calls[i]) : 0;
        if (bytes) PS_TRY(find_ready(w, i, bytes));
        if (bytes && !w->ready[i]) {
            w->at[i] = total;
            w->order[w->n_order++] = (ps_packing){bytes, i};
            PS_REQUIRE(bytes < SIZE_MAX / 4 && ps_size_add(&total, total, ps_round_up(bytes, PS_ALIGN)), POISE_NO_MEMORY,
                       "the packed weights overflow size_t");
        }
    }
    m->packed_bytes = total;
    qsort(w->order, (size_t)w->n_order, sizeof *w->order, by_packed_size);
    return POISE_OK;
}

/* Whether input k of a node is not needed once the node's weights are packed, and they are. */
static bool is_packed(const ps_opening *w, int32_t node, int k)
{
    const ps_op *op = w->m->graph.nodes[node].op;
    return (w->ready[node] || w->at[node] != SIZE_MAX) && op->packs && op->packs(&w->calls[node], k);
}

/* Before anything is read of the weights that those in use were packed from: the file as a whole was not checked. */
static poise_status check_plain(const ps_opening *w)
{
    const ps_graph *g = &w->m->graph;
    const ps_format_part *plain = &w->m->ready.plain;
    for (int32_t i = 0; i < g->n_nodes && w->m->ready.head; i++)
        for (int k = 0; k < g->nodes[i].n_in; k++) {
            const uint8_t *p = g->nodes[i].in[k] < 0 ? NULL : g->values[g->nodes[i].in[k]].data;
            bool used = p && !(w->ready[i] && is_packed(w, i, k));
            if (used && p >= plain->bytes && p < plain->bytes + plain->size) return ps_packed_check_plain(&w->m->ready);
        }
    return POISE_OK;
}

static poise_status find_kept(ps_opening *w)
{
    for (int32_t j = 0; j < w->n_order; j++) {
        const ps_node *n = &w->m->graph.nodes[w->order[j].node];
        for (int k = 0; k < n->n_in; k++)
            if (n->in[k] >= 0) w->packer[n->in[k]] = w->order[j].node;
    }
    const ps_graph *g = &w->m->graph;
    for (int32_t i = 0; i < g->n_nodes; i++) {
        const ps_node *n = &g->nodes[i];
        for (int k = 0; k < n->n_in; k++)
            if (n->in[k] >= 0 && !is_packed(w, i, k)) w->kept[n->in[k]] = true;
    }
    for (int32_t i = 0; i < g->n_outputs; i++) w->kept[g->outputs[i]] = true;
    for (int32_t v = 0; v < g->n_values; v++) {
        size_t *sum = ps_packed_holds(&w->m->ready, g->values[v].data) ? &w->m->ready_bytes : &w->m->constant_bytes;
        if (g->values[v].data && w->kept[v])
            PS_REQUIRE(ps_size_add(sum, *sum, ps_round_up(ps_value_bytes(&g->values[v]), PS_ALIGN)), POISE_NO_MEMORY,
                       "the constants overflow size_t");
    }
    return POISE_OK;
}

/* Not the memory of a caller: that of a mapped file, or of bytes that are ours. */
static bool may_release(const poise_model *m)
{
    return m->own || m->file.size;
}

/* What was packed for another precision goes: its constants are read again, and move, as those of any file. */
static void drop_ready(poise_model *m)
{
    if (may_release(m) && m->file.size) ps_memory_release(m->ready.contents, m->ready.size);
    m->ready.size = 0;
}

poise_status ps_weights_measure(ps_opening *w)
{
    PS_TRY(measure_packed(w));
    if (!w->m->n_ready) drop_ready(w->m);
    PS_TRY(check_plain(w));
    return find_kept(w);
}

/* ---- packing ---- */

enum { AROUND = 65536 }; /* what Linux maps along with a page of a file that is read, before and behind it */

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
static bool is_last_use(const ps_opening *w, int32_t node, int k)
{
    const ps_node *n = &w->m->graph.nodes[node];
    int32_t v = k < n->n_in ? n->in[k] : -1;
    if (v < 0 || !w->m->graph.values[v].data || w->kept[v] || w->packer[v] != node || !may_release(w->m)) return false;
    for (int j = 0; j < n->n_in; j++)
        if (j != k && n->in[j] == v) return false;
    return true;
}

/* Each constant goes as soon as it is packed, so that a large network is never in memory twice. */
static void release_inputs(const ps_opening *w, int32_t node)
{
    const ps_node *n = &w->m->graph.nodes[node];
    for (int k = 0; k < n->n_in; k++)
        if (is_last_use(w, node, k))
            release_constant(w->m, w->m->graph.values[n->in[k]].data, ps_value_bytes(&w->m->graph.values[n->in[k]]));
}

static int by_address(const void *a, const void *b)
{
    const ps_weights_move *x = a, *y = b;
    return (x->from > y->from) - (x->from < y->from);
}

/* The place of p, which points to or into a constant, after the moves. */
static void *moved(const ps_weights_move *m, size_t n, void *p)
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
static void move_kept(ps_opening *w)
{
    poise_model *m = w->m;
    uint8_t *to = m->weights + m->packed_bytes;
    size_t n = 0;
    for (int32_t v = 0; v < m->graph.n_values; v++) {
        ps_value *x = &m->graph.values[v];
        size_t bytes = ps_value_bytes(x);
        if (!x->data || !w->kept[v] || ps_packed_holds(&m->ready, x->data)) continue;
        w->moves[n++] = (ps_weights_move){x->data, bytes, to};
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

size_t ps_weights_taken(const poise_model *m)
{
    return ps_alloc_size(m->packed_bytes + (may_release(m) ? m->constant_bytes : 0));
}

/* Where the model's bytes may go, what it uses of them: contents of the section in use.  They were read as a whole (checksum),
 * so all their pages are there, in file or memory; they are clean, and the system may take those of a file away. */
static size_t ready_size(const poise_model *m)
{
    return m->ready_bytes ? m->ready.size : 0;
}

size_t ps_weights_in_place(const poise_model *m)
{
    return may_release(m) ? ps_memory_span(m->ready.contents, ready_size(m)) : m->constant_bytes + m->ready_bytes;
}

void ps_weights_release(const poise_model *m, const uint8_t *bytes, size_t size)
{
    const uint8_t *used = ready_size(m) ? m->ready.contents : bytes, *end = used + ready_size(m);
    if (!may_release(m)) return;
    ps_memory_release(bytes, (size_t)(used - bytes));
    ps_memory_release(end, size - (size_t)(end - bytes));
}

poise_status ps_weights_pack(ps_opening *w)
{
    poise_model *m = w->m;
    size_t total;
    PS_REQUIRE(ps_size_add(&total, m->packed_bytes, may_release(m) ? m->constant_bytes : 0), POISE_NO_MEMORY,
               "the weights overflow size_t");
    m->packed = ps_alloc_array((size_t)m->graph.n_nodes + 1, sizeof *m->packed);
    ps_block_leaves(m->own); /* its pages go as they are packed */
    m->weights = ps_alloc(total);
    PS_REQUIRE(m->packed && m->weights, POISE_NO_MEMORY, "no memory for %zu bytes of weights", total);
    for (int32_t i = 0; i < m->graph.n_nodes; i++) m->packed[i] = w->ready[i];
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

/* What is packed so far, and the constants that are packed now (of a mapped file, with what the system reads along) or are
 * still to be packed.  What is ready counts as used in place; beside it the tables of the file have been read. */
size_t ps_weights_while_packing(const ps_opening *w)
{
    const poise_model *m = w->m;
    size_t packed = 0, most = m->file.size ? m->ready.tables : 0, own = ps_block_size(m->own);
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
