/* convert/rewrite.c - bookkeeping of graph rewriting: makers, readers, replacing and removing nodes. */
#include "convert/rewrite.h"

#include <math.h>
#include <string.h>

static poise_status no_memory(void)
{
    return ps_fail(POISE_NO_MEMORY, "no memory to optimise the graph");
}

/* ---- values ---- */

static poise_status grow(ps_rewrite *w)
{
    int32_t have = w->cap, want = w->g->n_values;
    if (have >= want) return POISE_OK;
    if (have) want += want / 2 < INT32_MAX - want ? want / 2 : 0;
    int32_t **arrays[] = {&w->producer, &w->uses, &w->alias, &w->is_output};
    for (int i = 0; i < 4; i++) {
        size_t bytes;
        if (!ps_size_mul(&bytes, (size_t)want, sizeof(int32_t))) return no_memory();
        int32_t *p = *arrays[i] ? ps_realloc(*arrays[i], bytes) : ps_alloc(bytes);
        if (!p) return no_memory();
        *arrays[i] = p;
    }
    for (int32_t v = have; v < want; v++) {
        w->producer[v] = -1;
        w->uses[v] = 0;
        w->alias[v] = v;
        w->is_output[v] = 0;
    }
    w->cap = want;
    return POISE_OK;
}

/* Puts a free slot before every gather: it may become a slice and a reshape. */
static poise_status make_room(ps_graph *g)
{
    int32_t gathers = 0, at = 0;
    for (int32_t i = 0; i < g->n_nodes; i++) gathers += g->nodes[i].op == &ps_op_gather;
    if (!gathers) return POISE_OK;
    PS_REQUIRE(gathers <= INT32_MAX - g->n_nodes, POISE_UNSUPPORTED, "the graph has too many nodes");
    int32_t n = g->n_nodes + gathers;
    ps_node *nodes = ps_alloc_array((size_t)n, sizeof *nodes);
    int32_t *to = ps_alloc_array((size_t)g->n_nodes, sizeof *to);
    if (!nodes || !to) {
        ps_free(nodes);
        ps_free(to);
        return no_memory();
    }
    for (int32_t i = 0; i < g->n_nodes; i++) {
        if (g->nodes[i].op == &ps_op_gather) nodes[at++] = (ps_node){.name = g->nodes[i].name};
        to[i] = at;
        nodes[at++] = g->nodes[i];
    }
    for (int32_t v = 0; v < g->n_values; v++)
        if (g->values[v].live >= 0) g->values[v].live = to[g->values[v].live];
    ps_free(g->nodes);
    ps_free(to);
    g->nodes = nodes;
    g->n_nodes = g->cap_nodes = n;
    return POISE_OK;
}

poise_status ps_rewrite_init(ps_rewrite *w, ps_graph *g)
{
    *w = (ps_rewrite){.g = g};
    PS_TRY(make_room(g));
    PS_TRY(grow(w));
    w->stack = ps_alloc_array((size_t)g->n_nodes, sizeof *w->stack);
    if (!w->stack) return no_memory();
    for (int32_t i = 0; i < g->n_nodes; i++) {
        const ps_node *n = &g->nodes[i];
        for (int32_t k = 0; k < n->n_in; k++)
            if (n->in[k] >= 0) w->uses[n->in[k]]++;
        for (int32_t k = 0; k < n->n_out; k++)
            if (n->out[k] >= 0) w->producer[n->out[k]] = i;
    }
    for (int32_t i = 0; i < g->n_outputs; i++) {
        w->uses[g->outputs[i]]++;
        w->is_output[g->outputs[i]] = 1;
    }
    for (int32_t v = 0; v < g->n_values; v++)
        if (g->values[v].data) w->budget += ps_value_bytes(&g->values[v]);
    w->unread = w->budget; /* constants that were folded into others while the graph was read */
    /* Real networks rewrite each weight once or twice. */
    w->budget = w->budget * 4 + ((size_t)1 << 20);
    return POISE_OK;
}

void ps_rewrite_free(ps_rewrite *w)
{
    ps_free(w->producer);
    ps_free(w->uses);
    ps_free(w->alias);
    ps_free(w->is_output);
    ps_free(w->stack);
}

/* The value that stands for v. */
static int32_t find(ps_rewrite *w, int32_t v)
{
    while (w->alias[v] != v) {
        w->alias[v] = w->alias[w->alias[v]];
        v = w->alias[v];
    }
    return v;
}

int32_t ps_rw_in(ps_rewrite *w, const ps_node *n, int i)
{
    return i < n->n_in && n->in[i] >= 0 ? find(w, n->in[i]) : -1;
}

void ps_rw_ins(ps_rewrite *w, const ps_node *n, int32_t *in, int cap)
{
    for (int i = 0; i < cap; i++) in[i] = ps_rw_in(w, n, i);
}

ps_node *ps_rw_maker(ps_rewrite *w, int32_t v)
{
    return v >= 0 && w->producer[v] >= 0 ? &w->g->nodes[w->producer[v]] : NULL;
}

ps_node *ps_rw_sole(ps_rewrite *w, int32_t v, const ps_op *op)
{
    ps_node *n = ps_rw_maker(w, v);
    if (!n || (op && n->op != op) || w->uses[v] != 1 || n->out[0] != v) return NULL;
    for (int32_t k = 1; k < n->n_out; k++)
        if (n->out[k] >= 0 && w->uses[n->out[k]]) return NULL;
    return n;
}

ps_node *ps_rw_sole_unary(ps_rewrite *w, int32_t v, int kind)
{
    ps_node *n = ps_rw_sole(w, v, &ps_op_unary);
    return n && ((const ps_unary_params *)n->params)->kind == kind ? n : NULL;
}

ps_node *ps_rw_sole_binary(ps_rewrite *w, int32_t v, int kind)
{
    ps_node *n = ps_rw_sole(w, v, &ps_op_binary);
    return n && ((const ps_binary_params *)n->params)->kind == kind ? n : NULL;
}

/* ---- constants ---- */

bool ps_rw_is_const(const ps_rewrite *w, int32_t v)
{
    return v >= 0 && w->g->values[v].data && w->g->values[v].type == POISE_F32;
}

/* Constants may lie in a mapped file at any address. */
float ps_rw_float(const ps_rewrite *w, int32_t v, size_t i)
{
    float f;
    memcpy(&f, (const uint8_t *)w->g->values[v].data + i * sizeof f, sizeof f);
    return f;
}

bool ps_rw_scalar(const ps_rewrite *w, int32_t v, double *f)
{
    if (!ps_rw_is_const(w, v) || ps_value_count(&w->g->values[v]) != 1) return false;
    *f = (double)ps_rw_float(w, v, 0);
    return true;
}

bool ps_rw_all(const ps_rewrite *w, int32_t v, float f)
{
    if (!ps_rw_is_const(w, v)) return false;
    size_t n = ps_value_count(&w->g->values[v]);
    for (size_t i = 0; i < n; i++) {
        float x = ps_rw_float(w, v, i);
        if (x < f || x > f || isnan(x)) return false;
    }
    return true;
}

bool ps_rw_near(double a, double b)
{
    return fabs(a - b) <= 1e-6 * fabs(b) + 1e-12;
}

bool ps_rw_same_dims(const ps_value *a, const ps_value *b)
{
    if (a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i]) return false;
    return true;
}

poise_status ps_rw_floats(ps_rewrite *w, int rank, const int32_t *dim, int32_t *out, float **data)
{
    PS_TRY(ps_graph_constant(w->g, NULL, POISE_F32, rank, dim, NULL, out));
    /* The graph made this memory a line above, for us to fill. */
    union { const void *read; void *write; } p = {.read = w->g->values[*out].data};
    *data = p.write;
    return grow(w);
}

poise_status ps_rw_constant(ps_rewrite *w, poise_type type, int rank, const int32_t *dim, const void *data, int32_t *out)
{
    PS_TRY(ps_graph_constant(w->g, NULL, type, rank, dim, data, out));
    return grow(w);
}

bool ps_rw_spend(ps_rewrite *w, size_t bytes)
{
    if (bytes > w->budget) return false;
    w->budget -= bytes;
    return true;
}

/* ---- nodes ---- */

static bool unread(const ps_rewrite *w, const ps_node *n)
{
    for (int32_t k = 0; k < n->n_out; k++)
        if (n->out[k] >= 0 && w->uses[n->out[k]]) return false;
    return true;
}

/* One reader of v less; nodes that nothing reads any more go, and what only they read. */
static void release(ps_rewrite *w, int32_t v)
{
    int32_t top = 0;
    for (;;) {
        if (v >= 0) {
            v = find(w, v);
            ps_node *n = --w->uses[v] == 0 ? ps_rw_maker(w, v) : NULL;
            if (!w->uses[v] && w->g->values[v].data) w->unread += ps_value_bytes(&w->g->values[v]);
            if (n && unread(w, n)) {
                for (int32_t k = 0; k < n->n_out; k++)
                    if (n->out[k] >= 0) w->producer[n->out[k]] = -1;
                n->op = NULL;
                w->stack[top++] = (int32_t)(n - w->g->nodes);
            }
        }
        while (top && w->g->nodes[w->stack[top - 1]].n_in == 0) top--;
        if (!top) return;
        ps_node *n = &w->g->nodes[w->stack[top - 1]];
        v = n->in[--n->n_in]; /* gone: its inputs are let go one by one */
    }
}

void ps_rw_forget(ps_rewrite *w)
{
    const size_t worth = 1 << 20; /* each search looks at all values */
    if (!w->g->last_use || w->unread < worth) return;
    w->unread = 0;
    for (int32_t v = 0; v < w->g->n_values; v++) {
        ps_value *x = &w->g->values[v];
        if (w->uses[v] || !x->data || w->alias[v] != v) continue;
        ps_memory_release(x->data, ps_value_bytes(x));
        x->data = NULL;
    }
}

void ps_rw_kill(ps_rewrite *w, ps_node *n)
{
    for (int32_t k = 0; k < n->n_out; k++)
        if (n->out[k] >= 0 && find(w, n->out[k]) == n->out[k]) w->producer[n->out[k]] = -1;
    n->op = NULL;
    while (n->n_in) release(w, n->in[--n->n_in]);
}

static bool agrees(const ps_rewrite *w, const ps_node *n, const ps_op *op, const void *params, int n_in,
                   const int32_t *in)
{
    enum { IN = 8, OUT = 4 };
    const ps_value *values = w->g->values, *from[IN] = {NULL};
    ps_value made[OUT], *to[OUT] = {NULL};
    if (n_in > IN) return true; /* concat: the passes see to it */
    if (n_in < op->min_in || n_in > op->max_in || n->n_out > op->n_out || n->n_out > OUT) return false;
    for (int i = 0; i < n_in; i++) {
        from[i] = in[i] >= 0 ? &values[in[i]] : NULL;
        if (from[i] && from[i]->live >= 0) return false; /* few operators can, and there is little to gain */
    }
    for (int k = 0; k < n->n_out; k++) {
        to[k] = n->out[k] >= 0 ? &made[k] : NULL;
        if (to[k]) made[k] = (ps_value){.name = "", .scale = values[n->out[k]].scale, .zero = values[n->out[k]].zero, .live = -1};
    }
    if (ps_op_infer(op, params, n_in, from, n->n_out, to) != POISE_OK) return false;
    for (int k = 0; k < n->n_out; k++) {
        const ps_value *have = &values[n->out[k]];
        if (to[k] && (made[k].type != have->type || made[k].scale != have->scale || made[k].zero != have->zero ||
                      !ps_rw_same_dims(&made[k], have)))
            return false;
    }
    return true;
}

poise_status ps_rw_set(ps_rewrite *w, ps_node *n, const ps_op *op, const void *params, int n_in,
                       const int32_t *in, bool *ok)
{
    while (n_in > op->min_in && in[n_in - 1] < 0) n_in--;
    *ok = agrees(w, n, op, params, n_in, in);
    if (!*ok) return POISE_OK;
    void *p = ps_heap_push(&w->g->heap, op->param_bytes);
    int32_t *list = ps_heap_push(&w->g->heap, (size_t)n_in * sizeof *list);
    if (!p || !list) return no_memory();
    if (op->param_bytes) memcpy(p, params, op->param_bytes);
    for (int i = 0; i < n_in; i++) {
        list[i] = in[i];
        if (in[i] >= 0) w->uses[in[i]]++;
    }
    int32_t *old = n->in, n_old = n->n_in;
    n->op = op;
    n->params = p;
    n->in = list;
    n->n_in = n_in;
    while (n_old) release(w, old[--n_old]);
    w->changed = true;
    return POISE_OK;
}

void ps_rw_move(ps_rewrite *w, ps_node *n, ps_node *slot)
{
    if (slot->op || slot >= n) return;
    *slot = *n;
    for (int32_t k = 0; k < n->n_out; k++)
        if (n->out[k] >= 0) w->producer[n->out[k]] = (int32_t)(slot - w->g->nodes);
    n->op = NULL;
    n->n_in = 0;
}

poise_status ps_rw_value(ps_rewrite *w, int rank, const int32_t *dim, int32_t *out)
{
    PS_TRY(ps_graph_value(w->g, NULL, out));
    ps_value *v = &w->g->values[*out];
    v->type = POISE_F32;
    v->rank = rank;
    for (int i = 0; i < rank; i++) v->dim[i] = dim[i];
    return grow(w);
}

poise_status ps_rw_revive(ps_rewrite *w, ps_node *slot, const ps_op *op, const void *params, int n_in,
                          const int32_t *in, int32_t y)
{
    while (n_in > op->min_in && in[n_in - 1] < 0) n_in--;
    void *p = ps_heap_push(&w->g->heap, op->param_bytes);
    int32_t *list = ps_heap_push(&w->g->heap, ((size_t)n_in + 1) * sizeof *list);
    if (!p || !list) return no_memory();
    if (op->param_bytes) memcpy(p, params, op->param_bytes);
    for (int i = 0; i < n_in; i++) {
        list[i] = in[i];
        if (in[i] >= 0) w->uses[in[i]]++;
    }
    list[n_in] = y;
    *slot = (ps_node){op, slot->name, p, n_in, 1, list, list + n_in};
    w->producer[y] = (int32_t)(slot - w->g->nodes);
    w->changed = true;
    return POISE_OK;
}

void ps_rw_hold(ps_rewrite *w, int n, const int32_t *v, int32_t by)
{
    for (int i = 0; i < n; i++)
        if (v[i] >= 0) w->uses[v[i]] += by;
}

bool ps_rw_bypass(ps_rewrite *w, ps_node *n, int32_t x)
{
    int32_t y = n->out[0];
    const ps_value *a = &w->g->values[x], *b = &w->g->values[y];
    if (a->type != b->type || a->scale != b->scale || a->zero != b->zero || !ps_rw_same_dims(a, b)) return false;
    for (int32_t k = 1; k < n->n_out; k++)
        if (n->out[k] >= 0 && w->uses[n->out[k]]) return false;
    ps_node *maker = ps_rw_maker(w, x);
    int32_t keep = x, drop = y;
    if (w->is_output[y]) { /* its name must stay: let the maker of x make y */
        if (!maker || w->is_output[x]) return false;
        keep = y;
        drop = x;
        for (int32_t k = 0; k < maker->n_out; k++)
            if (maker->out[k] == x) maker->out[k] = y;
        w->producer[x] = -1;
    }
    w->alias[drop] = keep;
    w->uses[keep] += w->uses[drop];
    w->uses[drop] = 0;
    w->producer[keep] = maker ? (int32_t)(maker - w->g->nodes) : -1;
    n->out++; /* the others are not read */
    n->n_out--;
    ps_rw_kill(w, n);
    w->changed = true;
    return true;
}

void ps_rw_did(ps_rewrite *w, int what)
{
    w->did[what]++;
    w->changed = true;
}

ps_fused *ps_rw_fused(const ps_node *n, void *params)
{
    if (n->op == &ps_op_conv) return &((ps_conv_params *)params)->fused;
    if (n->op == &ps_op_conv_transpose) return &((ps_conv_transpose_params *)params)->fused;
    if (n->op == &ps_op_matmul) return &((ps_matmul_params *)params)->fused;
    if (n->op == &ps_op_affine) return &((ps_affine_params *)params)->fused;
    return NULL;
}

bool ps_rw_has_residual(ps_rewrite *w, const ps_node *n)
{
    return (n->op == &ps_op_conv || n->op == &ps_op_matmul) && ps_rw_in(w, n, 3) >= 0;
}

/* ---- the end ---- */

/* New numbers of nodes in `to`, -1 for those that are gone. */
static void number_nodes(ps_graph *g, int32_t *to)
{
    int32_t count = 0;
    for (int32_t i = 0; i < g->n_nodes; i++) {
        to[i] = g->nodes[i].op ? count : -1;
        if (g->nodes[i].op) g->nodes[count++] = g->nodes[i];
    }
    g->n_nodes = count;
}

/* Marks the values that anything names, after making every name current. */
static void mark_values(ps_rewrite *w, int32_t *named)
{
    ps_graph *g = w->g;
    memset(named, 0, (size_t)g->n_values * sizeof *named);
    for (int32_t i = 0; i < g->n_nodes; i++) {
        ps_node *n = &g->nodes[i];
        for (int32_t k = 0; k < n->n_in; k++) {
            n->in[k] = ps_rw_in(w, n, k);
            if (n->in[k] >= 0) named[n->in[k]] = 1;
        }
        for (int32_t k = 0; k < n->n_out; k++)
            if (n->out[k] >= 0) named[n->out[k]] = 1;
    }
    for (int32_t i = 0; i < g->n_inputs; i++) named[g->inputs[i]] = 1;
    for (int32_t i = 0; i < g->n_outputs; i++) named[g->outputs[i]] = 1;
}

poise_status ps_rewrite_compact(ps_rewrite *w)
{
    ps_graph *g = w->g;
    int32_t count = 0, *to = w->uses; /* no longer needed */
    number_nodes(g, w->stack);
    mark_values(w, to);
    for (int32_t v = 0; v < g->n_values; v++) {
        bool named = to[v] != 0;
        to[v] = named ? count : -1;
        if (!named) continue;
        ps_value *x = &g->values[count++];
        *x = g->values[v];
        if (x->live >= 0) x->live = w->stack[x->live];
    }
    g->n_values = count;
    for (int32_t i = 0; i < g->n_nodes; i++) {
        ps_node *n = &g->nodes[i];
        for (int32_t k = 0; k < n->n_in; k++)
            if (n->in[k] >= 0) n->in[k] = to[n->in[k]];
        for (int32_t k = 0; k < n->n_out; k++)
            if (n->out[k] >= 0) n->out[k] = to[n->out[k]];
    }
    for (int32_t i = 0; i < g->n_inputs; i++) g->inputs[i] = to[g->inputs[i]];
    for (int32_t i = 0; i < g->n_outputs; i++) g->outputs[i] = to[g->outputs[i]];
    return POISE_OK;
}
