/* convert/fuse_same.c - nodes that compute the same from the same inputs become one; so do equal constants. */
#include "convert/rewrite.h"

#include <string.h>

enum { CONSTANT_BYTES = 4096 }; /* larger ones are weights, which are hardly ever equal */

/* FNV-1a. */
static uint64_t hash(uint64_t h, const void *p, size_t n)
{
    const uint8_t *b = p;
    for (size_t i = 0; i < n; i++) h = (h ^ b[i]) * 1099511628211u;
    return h;
}

typedef struct table {
    int32_t *slot; /* node or value + 1; 0 = free */
    size_t mask;
} table;

static poise_status table_init(table *t, int32_t count)
{
    size_t n = 16;
    while (n < (size_t)count * 2) n *= 2;
    *t = (table){ps_alloc_array(n, sizeof *t->slot), n - 1};
    return t->slot ? POISE_OK : ps_fail(POISE_NO_MEMORY, "no memory for a table of %zu entries", n);
}

typedef bool same_fn(ps_rewrite *w, int32_t a, int32_t b);

/* An entry equal to i, or -1 after entering i.  Looks at a bounded number of places. */
static int32_t look_up(ps_rewrite *w, table *t, uint64_t h, int32_t i, same_fn *same)
{
    h ^= h >> 32;
    for (size_t k = 0; k < 8; k++) {
        int32_t *s = &t->slot[(h + k) & t->mask];
        if (!*s) {
            *s = i + 1;
            return -1;
        }
        if (same(w, *s - 1, i)) return *s - 1;
    }
    return -1;
}

static bool same_constant(ps_rewrite *w, int32_t a, int32_t b)
{
    const ps_value *x = &w->g->values[a], *y = &w->g->values[b];
    return x->type == y->type && x->scale == y->scale && x->zero == y->zero && ps_rw_same_dims(x, y) && !memcmp(x->data, y->data, ps_value_bytes(x));
}

static void merge_constants(ps_rewrite *w, table *t)
{
    for (int32_t v = 0; v < w->g->n_values; v++) {
        const ps_value *x = &w->g->values[v];
        if (!x->data || w->is_output[v] || w->alias[v] != v || ps_value_bytes(x) > CONSTANT_BYTES) continue;
        uint64_t h = hash(14695981039346656037u, x->dim, (size_t)x->rank * sizeof x->dim[0]);
        int32_t same = look_up(w, t, hash(h, x->data, ps_value_bytes(x)), v, same_constant);
        if (same < 0) continue;
        w->alias[v] = same;
        w->uses[same] += w->uses[v];
        w->uses[v] = 0;
    }
}

/* Equal nodes may round to different scales. */
static bool same_scale(const ps_rewrite *w, int32_t a, int32_t b)
{
    const ps_value *x = &w->g->values[a], *y = b < 0 ? x : &w->g->values[b];
    return x->scale == y->scale && x->zero == y->zero;
}

static bool same_node(ps_rewrite *w, int32_t a, int32_t b)
{
    const ps_node *x = &w->g->nodes[a], *y = &w->g->nodes[b];
    if (!x->op || x->op != y->op || x->n_in != y->n_in || x->n_out < y->n_out) return false;
    for (int32_t k = 0; k < x->n_in; k++)
        if (ps_rw_in(w, x, k) != ps_rw_in(w, y, k)) return false;
    for (int32_t k = 0; k < y->n_out; k++)
        if (x->out[k] < 0 ? y->out[k] >= 0 : !same_scale(w, x->out[k], y->out[k])) return false;
    return !x->op->param_bytes || !memcmp(x->params, y->params, x->op->param_bytes);
}

/* Nodes with several outputs are rare, and those with data-dependent sizes own them: both stay. */
static bool may_go(const ps_rewrite *w, const ps_node *n)
{
    return n->op && n->n_out == 1 && n->n_in > 0 && n->n_in < 64 && w->g->values[n->out[0]].live < 0;
}

poise_status ps_fuse_same(ps_rewrite *w)
{
    table t;
    PS_TRY(table_init(&t, w->g->n_values));
    merge_constants(w, &t);
    ps_free(t.slot);
    PS_TRY(table_init(&t, w->g->n_nodes));
    for (int32_t i = 0; i < w->g->n_nodes; i++) {
        ps_node *n = &w->g->nodes[i];
        if (!may_go(w, n)) continue;
        uint64_t h = hash(14695981039346656037u, n->params, n->op->param_bytes);
        for (int32_t k = 0; k < n->n_in; k++) h = hash(h, &(int32_t){ps_rw_in(w, n, k)}, sizeof(int32_t));
        int32_t same = look_up(w, &t, h, i, same_node);
        if (same >= 0 && !w->is_output[n->out[0]] && ps_rw_bypass(w, n, w->g->nodes[same].out[0]))
            ps_rw_did(w, PS_DID_SAME);
    }
    ps_free(t.slot);
    return POISE_OK;
}
