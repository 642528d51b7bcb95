/* convert/lower_int8.c - visits a graph of quantised numbers and decides what waits and what is made at once; adds the
 * new nodes and puts them in the place of the old ones. */
#include "convert/lower_int8.h"
#include "convert/lower.h"

#include <string.h>

static poise_status no_memory(void)
{
    return ps_fail(POISE_NO_MEMORY, "no memory to make the graph one of integers");
}

/* ---- adding nodes ---- */

/* Notes who makes the outputs of the newest node. */
static poise_status note_maker(ps_lower *l)
{
    ps_graph *g = l->g;
    if (l->cap < g->n_values) {
        int32_t cap = g->n_values + (g->n_values < INT32_MAX / 2 ? g->n_values / 2 : 0);
        size_t bytes;
        if (!ps_size_mul(&bytes, (size_t)cap, sizeof *l->made_by)) return no_memory();
        int32_t *p = l->made_by ? ps_realloc(l->made_by, bytes) : ps_alloc(bytes);
        if (!p) return no_memory();
        for (int32_t v = l->cap; v < cap; v++) p[v] = -1;
        l->made_by = p;
        l->cap = cap;
    }
    const ps_node *n = &g->nodes[g->n_nodes - 1];
    for (int32_t k = 0; k < n->n_out; k++)
        if (n->out[k] >= 0) l->made_by[n->out[k]] = g->n_nodes - 1;
    return POISE_OK;
}

static poise_status add(ps_lower *l, const ps_op *op, const ps_node *like, const void *params, int n_in,
                        const int32_t *in, const ps_scale *wish, int32_t *out, poise_status *inferred)
{
    ps_graph *g = l->g;
    int32_t y; /* `out` may be where an input is */
    while (n_in > op->min_in && in[n_in - 1] < 0) n_in--;
    PS_TRY(ps_graph_value(g, NULL, &y));
    if (wish) {
        g->values[y].scale = wish->scale;
        g->values[y].zero = wish->zero;
    }
    PS_TRY(ps_graph_node(g, op, like->name, params, n_in, in, 1, &y));
    *out = y;
    *inferred = ps_graph_infer(g, g->n_nodes - 1);
    if (*inferred != POISE_OK) g->n_nodes--;
    return *inferred == POISE_OK ? note_maker(l) : POISE_OK;
}

poise_status ps_lower_emit(ps_lower *l, const ps_op *op, const ps_node *like, const void *params, int n_in,
                           const int32_t *in, const ps_scale *wish, int32_t *out)
{
    poise_status inferred;
    PS_TRY(add(l, op, like, params, n_in, in, wish, out, &inferred));
    return inferred;
}

poise_status ps_lower_try(ps_lower *l, const ps_op *op, const ps_node *like, const void *params, int n_in,
                          const int32_t *in, const ps_scale *wish, poise_type type, int32_t *out)
{
    poise_status inferred;
    PS_TRY(add(l, op, like, params, n_in, in, wish, out, &inferred));
    if (inferred == POISE_NO_MEMORY) return inferred;
    if (inferred == POISE_OK) {
        const ps_value *v = &l->g->values[*out];
        if (v->type == type && (!wish || (v->scale == wish->scale && v->zero == wish->zero))) return POISE_OK;
        l->g->n_nodes--;
    }
    *out = -1;
    return POISE_OK;
}

static bool same_value(const ps_value *a, const ps_value *b)
{
    return a->type == b->type && a->scale == b->scale && a->zero == b->zero && a->rank == b->rank &&
           !memcmp(a->dim, b->dim, (size_t)a->rank * sizeof a->dim[0]);
}

poise_status ps_lower_again(ps_lower *l, const ps_node *n, const int32_t *in, bool *ok)
{
    enum { OUT = 4 };
    ps_graph *g = l->g;
    ps_value was[OUT];
    for (int k = 0; k < n->n_out && k < OUT; k++)
        if (n->out[k] >= 0) was[k] = g->values[n->out[k]];
    PS_TRY(ps_graph_node(g, n->op, n->name, n->params, n->n_in, in, n->n_out, n->out));
    poise_status s = ps_graph_infer(g, g->n_nodes - 1);
    if (s == POISE_NO_MEMORY) return s;
    *ok = s == POISE_OK;
    for (int k = 0; k < n->n_out && k < OUT; k++)
        if (n->out[k] >= 0) *ok = *ok && same_value(&g->values[n->out[k]], &was[k]);
    if (*ok) return note_maker(l);
    for (int k = 0; k < n->n_out && k < OUT; k++)
        if (n->out[k] >= 0) g->values[n->out[k]] = was[k];
    g->n_nodes--;
    return POISE_OK;
}

/* ---- old values ---- */

bool ps_lower_maker(const ps_lower *l, int32_t v, ps_node *n)
{
    if (v < 0 || l->form[v].maker < 0) return false;
    *n = l->g->nodes[l->form[v].maker];
    return true;
}

ps_scale ps_lower_scale(const ps_lower *l, int32_t id)
{
    return (ps_scale){l->g->values[id].scale, l->g->values[id].zero};
}

bool ps_lower_waits(const ps_lower *l, int32_t v)
{
    return v >= 0 && l->form[v].kind != PS_FORM_PLAIN;
}

bool ps_lower_to_codes(const ps_node *n)
{
    const ps_quantize_params *p = n->params;
    return n->op == &ps_op_quantize && n->n_in == 1 && p->to != POISE_F32;
}

bool ps_lower_is_dequantize(const ps_lower *l, const ps_node *n)
{
    const ps_quantize_params *p = n->params;
    return n->op == &ps_op_quantize && n->n_in == 1 && p->to == POISE_F32 &&
           ps_value_is_quantised(&l->g->values[n->in[0]]);
}

/* A signed quantised constant as an unsigned one. */
static poise_status unsigned_constant(ps_lower *l, int32_t *id)
{
    const ps_value v = l->g->values[*id];
    PS_TRY(ps_graph_constant(l->g, v.name, POISE_U8, v.rank, v.dim, NULL, id));
    ps_value *u = &l->g->values[*id];
    uint8_t *to = (uint8_t *)(uintptr_t)u->data; /* made a line above, to be filled */
    size_t n = ps_value_bytes(&v);
    for (size_t i = 0; i < n; i++) to[i] = ((const uint8_t *)v.data)[i] ^ 128;
    u->scale = v.scale;
    u->zero = v.zero + 128;
    return POISE_OK;
}

poise_status ps_lower_equal(ps_lower *l, int32_t v, int32_t *id)
{
    *id = -1;
    if (v < 0 || l->form[v].kind != PS_FORM_EQUAL) return POISE_OK;
    *id = l->form[v].id;
    if (l->g->values[*id].type == POISE_I8) PS_TRY(unsigned_constant(l, id));
    l->form[v].id = *id;
    return POISE_OK;
}

/* The inputs of n: as they were, or (codes) those that are exactly a quantised value as that value.  n->n_in numbers. */
static poise_status gather_inputs(ps_lower *l, const ps_node *n, bool codes, int32_t *in)
{
    for (int32_t k = 0; k < n->n_in; k++) {
        in[k] = -1;
        if (codes) PS_TRY(ps_lower_equal(l, n->in[k], &in[k]));
        if (in[k] < 0) PS_TRY(ps_lower_as_is(l, n->in[k], &in[k]));
    }
    return POISE_OK;
}

static poise_status make_with(ps_lower *l, const ps_node *n, bool codes, bool *ok)
{
    int32_t *in = ps_alloc_array((size_t)n->n_in + 1, sizeof *in);
    if (!in) return no_memory();
    poise_status s = gather_inputs(l, n, codes, in);
    if (s == POISE_OK) s = ps_lower_again(l, n, in, ok);
    ps_free(in);
    return s;
}

/* Makes n as it was; where it knows quantised inputs, they need not become floats before. */
static poise_status make(ps_lower *l, const ps_node *n)
{
    bool ok = false;
    if (n->op->flags & PS_OP_QUANTISED && n->op != &ps_op_quantize) PS_TRY(make_with(l, n, true, &ok));
    if (!ok) PS_TRY(make_with(l, n, false, &ok));
    PS_REQUIRE(ok, POISE_BAD_MODEL, "node '%s' (%s) changed when its inputs were made again", n->name, n->op->name);
    for (int32_t k = 0; k < n->n_out; k++)
        if (n->out[k] >= 0) l->form[n->out[k]].as_is = n->out[k];
    return POISE_OK;
}

poise_status ps_lower_as_is(ps_lower *l, int32_t v, int32_t *id)
{
    ps_node n;
    *id = v < 0 ? -1 : l->form[v].as_is;
    if (v < 0 || *id >= 0) return POISE_OK;
    if (!ps_lower_maker(l, v, &n)) return ps_fail(POISE_BAD_MODEL, "value '%s' is never made", l->g->values[v].name);
    if (l->form[v].kind == PS_FORM_EQUAL) {
        bool ok;
        n.op = &ps_op_quantize;
        n.params = &(ps_quantize_params){POISE_F32, 0};
        n.n_in = 1;
        PS_TRY(ps_lower_again(l, &n, &l->form[v].id, &ok));
        PS_REQUIRE(ok, POISE_BAD_MODEL, "value '%s' is not what it was", l->g->values[v].name);
        *id = v;
    } else if (ps_lower_is_product(&n)) {
        PS_TRY(ps_lower_product(l, &n, NULL, id));
    }
    if (*id < 0) {
        PS_TRY(make(l, &n));
        *id = v;
    }
    l->form[v].as_is = *id;
    return POISE_OK;
}

/* ---- visiting ---- */

/* Codes of a wished scale; signed ones only leave the graph, inside they are unsigned. */
static poise_status visit_quantize(ps_lower *l, const ps_node *n)
{
    int32_t x = n->in[0], y = n->out[0], id;
    ps_scale q = ps_lower_scale(l, y);
    bool is_signed = l->g->values[y].type == POISE_I8;
    if (is_signed) q.zero += 128;
    if (l->g->values[x].type == POISE_F32) {
        PS_TRY(ps_lower_codes(l, x, q, &id));
    } else {
        PS_TRY(ps_lower_as_is(l, x, &id));
        ps_scale from = ps_lower_scale(l, id);
        if (l->g->values[id].type != POISE_U8)
            PS_TRY(ps_lower_emit(l, &ps_op_quantize, n, &(ps_quantize_params){POISE_U8, 0}, 1, &id, &q, &id));
        else if (from.scale != q.scale || from.zero != q.zero)
            PS_TRY(ps_lower_rescale(l, id, q, n, &id));
    }
    if (is_signed) {
        q.zero -= 128;
        PS_TRY(ps_lower_emit(l, &ps_op_quantize, n, &(ps_quantize_params){POISE_I8, 0}, 1, &id, &q, &id));
    }
    l->form[y].as_is = id;
    return POISE_OK;
}

static poise_status visit_dequantize(ps_lower *l, const ps_node *n)
{
    ps_form *f = &l->form[n->out[0]];
    int32_t id;
    PS_TRY(ps_lower_as_is(l, n->in[0], &id));
    const ps_value *x = &l->g->values[id];
    if (x->type == POISE_I8 && !x->data) {
        ps_scale q = {x->scale, x->zero + 128};
        PS_TRY(ps_lower_emit(l, &ps_op_quantize, n, &(ps_quantize_params){POISE_U8, 0}, 1, &id, &q, &id));
    }
    f->kind = PS_FORM_EQUAL;
    f->id = id;
    f->size = 1;
    return POISE_OK;
}

static bool knows_codes(const ps_node *n)
{
    return n->op->flags & (PS_OP_QUANTISED | PS_OP_KEEPS_SCALE) || n->op == &ps_op_unary || n->op == &ps_op_binary;
}

/* Whether n depends on quantised values, and may be made later, in another form. */
static bool may_wait(const ps_lower *l, const ps_node *n)
{
    const ps_value *values = l->g->values;
    bool any = false;
    if (!knows_codes(n) || n->op == &ps_op_quantize) return false;
    for (int32_t k = 0; k < n->n_out; k++) {
        if (n->out[k] < 0) continue;
        if (k && l->form[n->out[k]].uses) return false;
        if (values[n->out[k]].live >= 0) return false;
    }
    for (int32_t k = 0; k < n->n_in; k++) {
        if (n->in[k] < 0) continue;
        any = any || ps_lower_waits(l, n->in[k]);
        if (values[n->in[k]].live >= 0) return false;
    }
    return any && values[n->out[0]].type == POISE_F32;
}

/* Elements are repeated: a function of them is better computed before. */
static bool grows(const ps_lower *l, const ps_node *n)
{
    return n->op == &ps_op_pad || ps_value_count(&l->g->values[n->out[0]]) > ps_value_count(&l->g->values[n->in[0]]);
}

/* Bytes as numbers are a function of them, too. */
static bool is_widening(const ps_lower *l, const ps_node *n)
{
    const ps_value *x = &l->g->values[n->in[0]], *y = &l->g->values[n->out[0]];
    return n->op == &ps_op_cast && x->type == POISE_U8 && x->scale == 0 && !x->data && x->live < 0 && y->type == POISE_F32;
}

static poise_status visit_widening(ps_lower *l, const ps_node *n)
{
    ps_form *f = &l->form[n->out[0]];
    PS_TRY(ps_lower_as_is(l, n->in[0], &f->id));
    f->kind = PS_FORM_TABLE;
    f->size = 1;
    return POISE_OK;
}

/* What only moves codes does so at once, and nodes that read it see through it. */
static poise_status move_codes(ps_lower *l, const ps_node *n, ps_form *f)
{
    enum { IN = 4 };
    const ps_form *x = &l->form[n->in[0]];
    int32_t in[IN], id;
    bool equal = x->kind == PS_FORM_EQUAL, larger = grows(l, n);
    if ((!equal && (x->kind != PS_FORM_TABLE || larger || n->op == &ps_op_pool)) || n->n_in > IN) return POISE_OK;
    if (n->op == &ps_op_pad && n->n_in > 1 && n->in[1] >= 0) return POISE_OK; /* a number that may not be a code */
    if (equal)
        PS_TRY(ps_lower_equal(l, n->in[0], &in[0]));
    else
        in[0] = x->id;
    for (int k = 1; k < n->n_in; k++) PS_TRY(ps_lower_as_is(l, n->in[k], &in[k]));
    ps_scale q = ps_lower_scale(l, in[0]);
    PS_TRY(ps_lower_try(l, n->op, n, n->params, n->n_in, in, &q, POISE_U8, &id));
    if (id < 0) return POISE_OK;
    f->kind = x->kind;
    f->id = id;
    f->size = x->size + 1;
    return POISE_OK;
}

/* Parts that have one scale are one value of that scale. */
static poise_status join_codes(ps_lower *l, const ps_node *n, ps_form *f)
{
    enum { IN = 64 };
    int32_t in[IN], id;
    ps_scale q = {0, 0};
    if (n->n_in > IN) return POISE_OK;
    for (int32_t k = 0; k < n->n_in; k++)
        if (l->form[n->in[k]].kind != PS_FORM_EQUAL) return POISE_OK;
    for (int32_t k = 0; k < n->n_in; k++) {
        PS_TRY(ps_lower_equal(l, n->in[k], &in[k]));
        ps_scale part = ps_lower_scale(l, in[k]);
        if (k && (part.scale != q.scale || part.zero != q.zero)) return POISE_OK;
        q = part;
    }
    PS_TRY(ps_lower_try(l, n->op, n, n->params, n->n_in, in, &q, POISE_U8, &id));
    if (id < 0) return POISE_OK;
    f->kind = PS_FORM_EQUAL;
    f->id = id;
    f->size = 1;
    return POISE_OK;
}

static poise_status wait(ps_lower *l, const ps_node *n)
{
    int32_t y = n->out[0], id;
    ps_form *f = &l->form[y];
    for (int32_t k = 0; k < n->n_in; k++)
        if (ps_lower_waits(l, n->in[k]) && l->form[n->in[k]].depth >= f->depth) f->depth = l->form[n->in[k]].depth + 1;
    if (ps_lower_moves(n)) PS_TRY(move_codes(l, n, f));
    if (n->op == &ps_op_concat) PS_TRY(join_codes(l, n, f));
    if (f->kind == PS_FORM_PLAIN && !ps_lower_is_table(l, n, f)) f->kind = PS_FORM_WAITS;
    if (f->kind == PS_FORM_EQUAL) f->depth = 0;
    if (f->depth < PS_LOWER_DEPTH && f->size < PS_LOWER_SIZE) return POISE_OK;
    PS_TRY(ps_lower_as_is(l, y, &id));
    f->kind = PS_FORM_PLAIN;
    f->depth = f->size = 0;
    return POISE_OK;
}

static poise_status visit(ps_lower *l, int32_t index)
{
    const ps_node n = l->g->nodes[index]; /* a copy: adding nodes moves them */
    for (int32_t k = 0; k < n.n_out; k++)
        if (n.out[k] >= 0) l->form[n.out[k]].maker = index;
    if (ps_lower_to_codes(&n)) return visit_quantize(l, &n);
    if (ps_lower_is_dequantize(l, &n)) return visit_dequantize(l, &n);
    if (is_widening(l, &n)) return visit_widening(l, &n);
    if (may_wait(l, &n)) return wait(l, &n);
    int32_t id;
    return ps_lower_is_product(&n) ? ps_lower_as_is(l, n.out[0], &id) : make(l, &n); /* its weights may be codes */
}

/* ---- the whole graph ---- */

static poise_status prepare(ps_lower *l, ps_graph *g)
{
    *l = (ps_lower){.g = g, .n_old = g->n_values, .n_old_nodes = g->n_nodes};
    l->left = g->n_nodes < INT32_MAX / 32 ? 8 * g->n_nodes + 1024 : INT32_MAX / 4;
    ps_kernels_select(&l->c, 0);
    l->form = ps_alloc_array((size_t)g->n_values, sizeof *l->form);
    if (!l->form) return no_memory();
    for (int32_t v = 0; v < g->n_values; v++) {
        l->form[v] = (ps_form){.as_is = -1, .maker = -1, .id = -1, .codes = -1, .weights = -1, .weights_scale = -1};
        if (!g->values[v].data) continue;
        l->form[v].as_is = v;
        l->budget += ps_value_bytes(&g->values[v]);
    }
    l->budget = l->budget * 4 + ((size_t)1 << 20);
    for (int32_t i = 0; i < g->n_inputs; i++) l->form[g->inputs[i]].as_is = g->inputs[i];
    for (int32_t i = 0; i < g->n_nodes; i++)
        for (int32_t k = 0; k < g->nodes[i].n_in; k++)
            if (g->nodes[i].in[k] >= 0) l->form[g->nodes[i].in[k]].uses++;
    for (int32_t i = 0; i < g->n_outputs; i++) l->form[g->outputs[i]].uses++;
    ps_lower_wants(l);
    return POISE_OK;
}

static bool is_listed(const int32_t *list, int32_t n, int32_t v)
{
    for (int32_t i = 0; i < n; i++)
        if (list[i] == v) return true;
    return false;
}

/* Output i of the graph is now value `id`, which takes its name; what has a name already is copied. */
static poise_status name_output(ps_lower *l, int32_t i, int32_t id)
{
    ps_graph *g = l->g;
    int32_t old = g->outputs[i];
    if (id == old) return POISE_OK;
    if (g->values[id].data || is_listed(g->inputs, g->n_inputs, id) || is_listed(g->outputs, g->n_outputs, id)) {
        ps_shape_params p = {.rank = g->values[id].rank};
        for (int d = 0; d < p.rank; d++) p.dim[d] = g->values[id].dim[d];
        ps_scale q = ps_lower_scale(l, id);
        const ps_node like = {.name = g->values[old].name};
        PS_TRY(ps_lower_emit(l, &ps_op_reshape, &like, &p, 1, &id, &q, &id));
    }
    g->values[id].name = g->values[old].name;
    g->outputs[i] = id;
    return POISE_OK;
}

/* The new nodes take the place of the old ones. */
static void replace_nodes(const ps_lower *l)
{
    ps_graph *g = l->g;
    g->n_nodes -= l->n_old_nodes;
    memmove(g->nodes, g->nodes + l->n_old_nodes, (size_t)g->n_nodes * sizeof *g->nodes);
    for (int32_t v = 0; v < g->n_values; v++)
        if (g->values[v].live >= 0) g->values[v].live -= l->n_old_nodes; /* below 0: an old value, gone */
}

static poise_status lower(ps_lower *l)
{
    for (int32_t i = 0; i < l->n_old_nodes; i++) PS_TRY(visit(l, i));
    for (int32_t i = 0; i < l->g->n_outputs; i++) {
        int32_t id;
        PS_TRY(ps_lower_as_is(l, l->g->outputs[i], &id));
        PS_TRY(name_output(l, i, id));
    }
    replace_nodes(l);
    return POISE_OK;
}

poise_status ps_lower_int8(ps_graph *g)
{
    bool any = false;
    for (int32_t i = 0; i < g->n_nodes; i++) any = any || g->nodes[i].op == &ps_op_quantize;
    if (!any) return POISE_OK;
    ps_lower l;
    poise_status s = prepare(&l, g);
    if (s == POISE_OK) s = lower(&l);
    ps_free(l.form);
    ps_free(l.made_by);
    return s;
}
