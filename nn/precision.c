/* nn/precision.c - decides which values of a network have 16 bits in the fast precision, and tells which products are of bytes.
 *
 *   1  values that stay f32 ("wide"): inputs and outputs of the graph, what is not f32 anyway, what an operator reads
 *      or writes that cannot do otherwise, and whatever lies between an output and the last products before it: the
 *      arithmetic of boxes and scores, where 8 bits would be seen (strides, anchors, the sums behind a distance)
 *   2  values that must be of one type, because one is a view of the other or a part of it, are a group; a group is wide
 *      when a member is, or when no convolution or product reads or writes it: then nothing is gained
 *   3  all others become bfloat16 or IEEE halves, whatever products are fast of (nn/half.h); a product's f32 input is cast in
 *      front of it, once for all its readers
 *
 * Halves end at 65504: values beyond are cut to that wherever they are stored, and a layer whose weights they do not hold
 * stays f32, with its input and output.
 */
#include "nn/precision.h"

#include "nn/half.h"
#include "nn/params.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- names ---- */

static const char *const names[] = {"recorded", "exact", "near", "fast", "int8"};

const char *poise_precision_name(poise_precision p)
{
    return p >= POISE_RECORDED && p <= POISE_INT8 ? names[p] : "?";
}

bool ps_precision_by_name(const char *name, poise_precision *out)
{
    for (int i = POISE_EXACT; i <= POISE_INT8; i++) {
        if (strcmp(name, names[i])) continue;
        *out = (poise_precision)i;
        return true;
    }
    return false;
}

bool ps_precision_kernels(poise_precision p, const ps_kernels *k, char text[PS_PRECISION_TEXT])
{
    const char *name = poise_precision_name(p);
    poise_type half = p == POISE_FAST ? ps_half_type(k) : POISE_NONE;
    bool near = p == POISE_NEAR && (k->fast & PS_FAST_BF16X3);
    if (p == POISE_INT8)
        snprintf(text, PS_PRECISION_TEXT, "%s: products of bytes on %s, floats are fp32 on %s", name, k->name_u8, k->name);
    else if (p <= POISE_EXACT) snprintf(text, PS_PRECISION_TEXT, "%s: fp32 on %s", name, k->name);
    else if (half == POISE_BF16) snprintf(text, PS_PRECISION_TEXT, "%s: bf16 on %s", name, k->name_bf16);
    else if (half) snprintf(text, PS_PRECISION_TEXT, "%s: fp16 on %s, up to %.0f", name, k->name_f16, (double)PS_F16_MOST);
    else if (near) snprintf(text, PS_PRECISION_TEXT, "%s: products of three bf16 on %s", name, k->name_bf16);
    else if (p == POISE_FAST)
        snprintf(text, PS_PRECISION_TEXT, "%s: no bf16 or fp16 instructions in %s, runs exact fp32 on it", name, k->name);
    else snprintf(text, PS_PRECISION_TEXT, "%s: split products gain nothing here, runs exact fp32 on %s", name, k->name);
    return half || near;
}

/* ---- bytes ---- */

static bool is_codes(const ps_graph *g, int32_t v)
{
    return v >= 0 && ps_value_is_quantised(&g->values[v]);
}

bool ps_node_is_int8(const ps_graph *g, const ps_node *n)
{
    return n->op->macs && n->n_in && is_codes(g, n->in[0]);
}

uint64_t ps_graph_int8_macs(const ps_graph *g)
{
    uint64_t sum = 0;
    for (int32_t i = 0; i < g->n_nodes; i++)
        if (ps_node_is_int8(g, &g->nodes[i])) sum += ps_node_macs(g, &g->nodes[i]);
    return sum;
}

bool ps_node_is_float_island(const ps_graph *g, const ps_node *n)
{
    bool moves = n->op->view || n->op == &ps_op_quantize || n->op->flags & (PS_OP_KEEPS_SCALE | PS_OP_CONCAT);
    if (moves || ps_node_is_int8(g, n)) return false;
    for (int k = 0; k < n->n_in; k++)
        if (n->in[k] >= 0 && !g->values[n->in[k]].data && g->values[n->in[k]].type == POISE_F32) return true;
    return n->out[0] >= 0 && g->values[n->out[0]].type == POISE_F32;
}

/* ---- the pass ---- */

typedef struct work {
    ps_graph *g;
    poise_type half; /* what values become */
    ps_narrow *can;  /* per node */
    bool *wide;      /* per value; of a group: at its head */
    bool *pays;      /* per group head */
    int32_t *group;  /* per value: union-find */
    int32_t *cast;   /* per value: its copy of 16 bits, or -1 */
    int32_t *before; /* per added node: the node it goes in front of */
    int32_t nodes, values; /* before anything was added */
} work;

static uint32_t bit(int i)
{
    return 1u << (i < 31 ? i : 31);
}

static bool computed(const work *w, int32_t v)
{
    return v >= 0 && !w->g->values[v].data;
}

static int32_t head(const work *w, int32_t v)
{
    while (w->group[v] != v) v = w->group[v] = w->group[w->group[v]];
    return v;
}

/* Whether halves have the numbers of a constant: none is too large, and the largest is not so small that the steps of
 * denormals, 2^-24, would be seen beside it. */
static bool halves_hold(const ps_value *v)
{
    enum { LEAST_BITS = 14 };
    float most = 0;
    for (size_t i = 0; i < ps_value_count(v); i++) most = fmaxf(most, fabsf(((const float *)v->data)[i]));
    return most == 0 || (most <= PS_F16_MOST && most >= ldexpf(1, LEAST_BITS - 24));
}

static bool weights_fit(const work *w, const ps_node *n)
{
    if (w->half != POISE_F16 || !n->op->macs || n->n_in < 2 || n->in[1] < 0) return true;
    const ps_value *v = &w->g->values[n->in[1]];
    return !v->data || v->type != POISE_F32 || halves_hold(v);
}

static poise_status ask(work *w)
{
    const ps_graph *g = w->g;
    ps_heap tmp = {0};
    for (int32_t i = 0; i < w->nodes; i++) {
        const ps_node *n = &g->nodes[i];
        if (n->n_in && is_codes(g, n->in[0])) continue; /* from codes to floats: these stay floats */
        if (!weights_fit(w, n)) continue;
        if (!n->op->narrow || !n->n_out || n->out[0] < 0 || g->values[n->out[0]].type != POISE_F32) continue;
        const ps_value **in = ps_heap_push(&tmp, ((size_t)n->n_in + 1) * sizeof *in);
        if (!in) {
            ps_heap_free(&tmp);
            return ps_fail(POISE_NO_MEMORY, "no memory for the inputs of node '%s'", n->name);
        }
        for (int k = 0; k < n->n_in; k++) in[k] = n->in[k] < 0 ? NULL : &g->values[n->in[k]];
        w->can[i] = n->op->narrow(n->params, n->n_in, in, &g->values[n->out[0]]);
    }
    ps_heap_free(&tmp);
    return POISE_OK;
}

/* A product between an input and an output averages errors out; 8 is what tells it from a sum of a few elements. */
static bool is_heavy(const ps_graph *g, const ps_node *n)
{
    enum { LEAST = 8 };
    return n->n_in && n->in[0] >= 0 && ps_node_macs(g, n) / LEAST >= ps_value_count(&g->values[n->in[0]]);
}

static void widen_ends(work *w)
{
    const ps_graph *g = w->g;
    for (int32_t v = 0; v < w->values; v++)
        if (g->values[v].type != POISE_F32 || g->values[v].live >= 0) w->wide[v] = true;
    for (int32_t i = 0; i < g->n_inputs; i++) w->wide[g->inputs[i]] = true;
    for (int32_t i = 0; i < g->n_outputs; i++) w->wide[g->outputs[i]] = true;
    /* only outputs spread backwards, so this runs before other reasons are known */
    bool *tail = w->pays; /* not in use yet */
    for (int32_t i = 0; i < g->n_outputs; i++) tail[g->outputs[i]] = true;
    for (int32_t i = w->nodes - 1; i >= 0; i--) {
        const ps_node *n = &g->nodes[i];
        bool any = false;
        for (int k = 0; k < n->n_out; k++) any = any || (n->out[k] >= 0 && tail[n->out[k]]);
        if (!any || is_heavy(g, n)) continue;
        w->can[i] = (ps_narrow){0};
        for (int k = 0; k < n->n_in; k++)
            if (n->in[k] >= 0) tail[n->in[k]] = true;
    }
    for (int32_t v = 0; v < w->values; v++) {
        w->wide[v] = w->wide[v] || tail[v];
        tail[v] = false;
    }
}

static void widen_unable(work *w)
{
    for (int32_t i = 0; i < w->nodes; i++) {
        const ps_node *n = &w->g->nodes[i];
        for (int k = 0; k < n->n_in; k++)
            if (n->in[k] >= 0 && !(w->can[i].in & bit(k))) w->wide[n->in[k]] = true;
        for (int k = 0; k < n->n_out; k++)
            if (n->out[k] >= 0 && (k || !w->can[i].out)) w->wide[n->out[k]] = true;
    }
}

static void join(work *w, int32_t a, int32_t b)
{
    a = head(w, a);
    b = head(w, b);
    w->group[b] = a;
    w->wide[a] = w->wide[a] || w->wide[b];
    w->pays[a] = w->pays[a] || w->pays[b];
}

static void make_groups(work *w)
{
    const ps_graph *g = w->g;
    for (int32_t v = 0; v < w->values; v++) w->group[v] = v;
    for (int32_t i = 0; i < w->nodes; i++) {
        const ps_node *n = &g->nodes[i];
        if (!n->op->macs) continue;
        for (int k = 0; k < n->n_in; k++)
            if (n->in[k] >= 0) w->pays[n->in[k]] = true;
        for (int k = 0; k < n->n_out; k++)
            if (n->out[k] >= 0) w->pays[n->out[k]] = true;
    }
    for (int32_t i = 0; i < w->nodes; i++) {
        const ps_node *n = &g->nodes[i];
        for (int k = 0; k < n->n_in && w->can[i].out; k++)
            if ((w->can[i].tied & bit(k)) && computed(w, n->in[k])) join(w, n->in[k], n->out[0]);
    }
}

static void set_types(work *w)
{
    for (int32_t v = 0; v < w->values; v++) {
        int32_t h = head(w, v);
        if (computed(w, v) && !w->wide[h] && w->pays[h]) w->g->values[v].type = w->half;
    }
}

/* ---- what is added: casts, converted constants ---- */

static poise_status add_cast(work *w, int32_t v, int32_t node)
{
    ps_graph *g = w->g;
    const ps_cast_params to = {w->half == POISE_F16 ? -POISE_F16 : (int)w->half};
    PS_TRY(ps_graph_value(g, g->values[v].name, &w->cast[v]));
    ps_value *y = &g->values[w->cast[v]], *x = &g->values[v];
    y->type = w->half;
    y->rank = x->rank;
    memcpy(y->dim, x->dim, sizeof y->dim);
    PS_TRY(ps_graph_node(g, &ps_op_cast, x->name, &to, 1, &v, 1, &w->cast[v]));
    w->before[g->n_nodes - 1 - w->nodes] = node;
    return POISE_OK;
}

static poise_status add_constant(work *w, int32_t v)
{
    ps_graph *g = w->g;
    const ps_value x = g->values[v];
    PS_TRY(ps_graph_constant(g, x.name, w->half, x.rank, x.dim, NULL, &w->cast[v]));
    uint16_t *y = (uint16_t *)(uintptr_t)g->values[w->cast[v]].data;
    for (size_t i = 0; i < ps_value_count(&x); i++) y[i] = ps_half_round(w->half, ((const float *)x.data)[i]);
    return POISE_OK;
}

static poise_status convert_inputs(work *w)
{
    for (int32_t i = 0; i < w->nodes; i++) {
        const ps_node n = w->g->nodes[i]; /* nodes move when one is added; lists of inputs do not */
        for (int k = 0; k < n.n_in; k++) {
            int32_t v = n.in[k];
            if (v < 0 || w->g->values[v].type != POISE_F32) continue;
            bool constant = !computed(w, v);
            bool tied = constant && w->g->values[n.out[0]].type == w->half && (w->can[i].tied & bit(k));
            if (!tied && (constant || !(w->can[i].must & bit(k)))) continue;
            if (w->cast[v] < 0) PS_TRY(constant ? add_constant(w, v) : add_cast(w, v, i));
            n.in[k] = w->cast[v];
        }
    }
    return POISE_OK;
}

/* Brings the nodes added behind the others to where they are needed. */
static poise_status sort_nodes(work *w, ps_heap *tmp)
{
    ps_graph *g = w->g;
    int32_t added = g->n_nodes - w->nodes, at = 0, next = 0;
    if (!added) return POISE_OK;
    ps_node *sorted = ps_heap_push(tmp, (size_t)g->n_nodes * sizeof *sorted);
    int32_t *moved = ps_heap_push(tmp, (size_t)w->nodes * sizeof *moved);
    PS_REQUIRE(sorted && moved, POISE_NO_MEMORY, "no memory for a graph of %d nodes", g->n_nodes);
    for (int32_t i = 0; i < w->nodes; i++) {
        while (next < added && w->before[next] == i) sorted[at++] = g->nodes[w->nodes + next++];
        moved[i] = at;
        sorted[at++] = g->nodes[i];
    }
    memcpy(g->nodes, sorted, (size_t)g->n_nodes * sizeof *sorted);
    for (int32_t v = 0; v < g->n_values; v++)
        if (g->values[v].live >= 0) g->values[v].live = moved[g->values[v].live];
    return POISE_OK;
}

static poise_status narrow(work *w, ps_heap *tmp)
{
    size_t values = (size_t)w->values + 1, nodes = (size_t)w->nodes + 1;
    w->can = ps_heap_push(tmp, nodes * sizeof *w->can);
    w->wide = ps_heap_push(tmp, values);
    w->pays = ps_heap_push(tmp, values);
    w->group = ps_heap_push(tmp, values * sizeof *w->group);
    w->cast = ps_heap_push(tmp, values * sizeof *w->cast);
    w->before = ps_heap_push(tmp, values * sizeof *w->before);
    PS_REQUIRE(w->can && w->wide && w->pays && w->group && w->cast && w->before, POISE_NO_MEMORY,
               "no memory to narrow a graph of %d nodes", w->nodes);
    for (int32_t v = 0; v < w->values; v++) w->cast[v] = -1;
    PS_TRY(ask(w));
    widen_ends(w);
    widen_unable(w);
    make_groups(w);
    set_types(w);
    PS_TRY(convert_inputs(w));
    return sort_nodes(w, tmp);
}

poise_status ps_precision_narrow(ps_graph *g, poise_type half)
{
    ps_heap tmp = {0};
    work w = {.g = g, .half = half, .nodes = g->n_nodes, .values = g->n_values};
    poise_status s = narrow(&w, &tmp);
    ps_heap_free(&tmp);
    return s;
}
