/* nn/plan.c - decides where every value lives: which are views, which are written straight into a
 * concatenation, which share memory, and how each lies in memory.
 *
 *   1  a dry pass gives every value the strides it would like (dense, in its operator's order)
 *   2  backwards over concatenations: whatever is computed for one is placed inside it, also through
 *      reshapes and transposes that can be undone
 *   3  forwards: final strides; a new block for each value that is neither a view nor inside another
 *   4  lifetimes and offsets (nn/arena.c)
 */
#include "nn/plan.h"

#include "nn/op.h"
#include "nn/params.h"

#include <string.h>

typedef struct work {
    const ps_graph *g;
    ps_plan *p;
    poise_tensor *wish;  /* per value: dry strides */
    int32_t *producer;   /* per value: node, or -1 */
    int32_t *last;       /* per value: last node that reads it, n_nodes for outputs, -1 for nobody */
    bool *image;         /* per value: read by an operator that likes channels last */
    int32_t *into;       /* per value: the value it is placed inside, or -1 */
    ptrdiff_t *into_at;  /* its offset there, in elements */
    poise_tensor *fixed; /* per value with into >= 0: its strides there */
    int32_t *group;      /* union-find over values that may share memory */
    int32_t *group_last; /* per group head: last reader of any member */
} work;

static const ps_value *value(const work *w, int32_t i)
{
    return &w->g->values[i];
}

/* ---- 1: wishes ---- */

static bool wants_channels_last(const work *w, int32_t v)
{
    const ps_value *x = value(w, v);
    return x->rank >= 3 && (w->image[v] || (x->rank == 4 && x->dim[1] <= 4));
}

/* The input whose order an operator of PS_ORDER_LIKE takes over: the largest computed one of the
 * output's rank. */
static int32_t model_input(const work *w, const ps_node *n, int32_t rank)
{
    int32_t best = -1;
    size_t most = 0;
    for (int i = 0; i < n->n_in; i++) {
        if (n->in[i] < 0) continue;
        const ps_value *v = value(w, n->in[i]);
        if (v->data || v->rank != rank || ps_value_count(v) <= most) continue;
        best = n->in[i];
        most = ps_value_count(v);
    }
    return best;
}

static void own_strides(const work *w, const ps_node *n, poise_tensor *t, const poise_tensor *tensors, size_t size)
{
    ps_strides_row_major(t);
    if (n->op->order == PS_ORDER_LAST) ps_strides_channels_last(t, 0);
    if (n->op->order == PS_ORDER_LIKE) {
        int32_t like = model_input(w, n, t->rank);
        const char *at = (const char *)tensors;
        if (like >= 0) ps_strides_like(t, (const poise_tensor *)(const void *)(at + (size_t)like * size));
    }
}

static bool try_view(const ps_node *n, const poise_tensor *in, poise_tensor *out, ptrdiff_t *offset)
{
    *offset = 0;
    return n->op->view && n->op->view(n->params, in, out, offset);
}

static void wish_all(work *w)
{
    const ps_graph *g = w->g;
    for (int32_t v = 0; v < g->n_values; v++) w->wish[v] = ps_value_tensor(value(w, v));
    for (int32_t i = 0; i < g->n_inputs; i++)
        if (wants_channels_last(w, g->inputs[i])) ps_strides_channels_last(&w->wish[g->inputs[i]], 0);
    for (int32_t i = 0; i < g->n_nodes; i++) {
        const ps_node *n = &g->nodes[i];
        for (int k = 0; k < n->n_out; k++) {
            ptrdiff_t offset;
            if (n->out[k] < 0) continue;
            poise_tensor *t = &w->wish[n->out[k]];
            if (k || !try_view(n, &w->wish[n->in[0]], t, &offset))
                own_strides(w, n, t, w->wish, sizeof *w->wish);
        }
    }
}

/* ---- 2: places inside concatenations ---- */

/* Strides of a node's input that make its output, with the given strides, a view of all of it. */
static bool undo_view(const work *w, const ps_node *n, const poise_tensor *out, poise_tensor *in)
{
    ptrdiff_t offset = 0;
    *in = ps_value_tensor(value(w, n->in[0]));
    if (n->op == &ps_op_reshape) {
        ps_shape_params back = {.rank = in->rank};
        memcpy(back.dim, in->dim, sizeof back.dim);
        if (!n->op->view(&back, out, in, &offset)) return false;
    } else if (n->op == &ps_op_transpose) {
        const ps_transpose_params *p = n->params;
        for (int i = 0; i < p->rank; i++) in->stride[p->perm[i]] = out->stride[i];
    } else {
        return false;
    }
    poise_tensor again = *out;
    ptrdiff_t at;
    return try_view(n, in, &again, &at) && at == 0 && ps_same_strides(&again, out);
}


/* How many containers are around value v. */
enum { DEEPEST = 16 };
static int depth(const work *w, int32_t v)
{
    int d = 0;
    for (; d < DEEPEST && w->into[v] >= 0; v = w->into[v]) d++;
    return d;
}

/* Places value v, or the value it is a full view of, at `slot` inside value o. */
static void place_inside(work *w, int32_t v, poise_tensor slot, int32_t o, ptrdiff_t at)
{
    enum { LONGEST = 16 };
    for (int steps = 0; steps < LONGEST; steps++) {
        int32_t i = w->producer[v];
        ptrdiff_t offset;
        if (i < 0 || value(w, v)->data || w->into[v] >= 0) return;
        const ps_node *n = &w->g->nodes[i];
        poise_tensor t = ps_value_tensor(value(w, v));
        if (!try_view(n, &w->wish[n->in[0]], &t, &offset)) {
            w->into[v] = o;
            w->into_at[v] = at;
            w->fixed[v] = slot;
            return;
        }
        poise_tensor in;
        if (!undo_view(w, n, &slot, &in)) return;
        slot = in;
        v = n->in[0];
    }
}

/* Whether the elements of x can stand in y as they are. */
static bool same_numbers(const ps_value *x, const ps_value *y)
{
    return x->type == y->type && x->scale == y->scale && x->zero == y->zero;
}

static void place_concats(work *w)
{
    for (int32_t i = w->g->n_nodes - 1; i >= 0; i--) {
        const ps_node *n = &w->g->nodes[i];
        if (!(n->op->flags & PS_OP_CONCAT)) continue;
        int32_t axis = ((const ps_axis_params *)n->params)->axis, o = n->out[0];
        const poise_tensor *whole = w->into[o] >= 0 ? &w->fixed[o] : &w->wish[o];
        bool deep = depth(w, o) >= DEEPEST;
        ptrdiff_t at = 0;
        for (int k = 0; k < n->n_in; k++) {
            poise_tensor slot = ps_value_tensor(value(w, n->in[k]));
            memcpy(slot.stride, whole->stride, sizeof slot.stride);
            if (!deep && same_numbers(value(w, n->in[k]), value(w, o))) place_inside(w, n->in[k], slot, o, at);
            at += slot.dim[axis] * slot.stride[axis];
        }
    }
}

/* ---- which values may share memory, and until when ---- */

static int32_t head(const work *w, int32_t v)
{
    while (w->group[v] != v) v = w->group[v] = w->group[w->group[v]];
    return v;
}

static void join(work *w, int32_t a, int32_t b)
{
    a = head(w, a);
    b = head(w, b);
    if (a == b) return;
    w->group[b] = a;
    if (w->group_last[b] > w->group_last[a]) w->group_last[a] = w->group_last[b];
}

static void group_all(work *w)
{
    const ps_graph *g = w->g;
    for (int32_t v = 0; v < g->n_values; v++) {
        w->group[v] = v;
        w->group_last[v] = w->last[v];
    }
    for (int32_t i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].op->view) join(w, g->nodes[i].in[0], g->nodes[i].out[0]);
    for (int32_t v = 0; v < g->n_values; v++)
        if (w->into[v] >= 0) join(w, w->into[v], v);
}

/* ---- 3: final strides and blocks ---- */

static poise_status new_block(work *w, int32_t v)
{
    ps_place *pl = &w->p->places[v];
    size_t bytes = poise_type_size(pl->tensor.type), top = 1;
    for (int i = 0; i < pl->tensor.rank; i++) {
        size_t step;
        if (!pl->tensor.dim[i]) top = 0;
        if (!top) break;
        PS_REQUIRE(ps_size_mul(&step, (size_t)pl->tensor.dim[i] - 1, (size_t)pl->tensor.stride[i]) &&
                       ps_size_add(&top, top, step), POISE_NO_MEMORY, "value '%s' is too large", value(w, v)->name);
    }
    PS_REQUIRE(ps_size_mul(&bytes, bytes, top) && bytes < SIZE_MAX / 4, POISE_NO_MEMORY, "value '%s' is too large",
               value(w, v)->name);
    pl->block = w->p->n_blocks++;
    w->p->blocks[pl->block] = (ps_block){.bytes = ps_round_up(bytes, PS_ALIGN), .first = INT32_MAX, .last = -1, .value = v};
    return POISE_OK;
}

/* Whether another input of the node reads the memory of input k in another way. */
static bool read_differently(const work *w, const ps_node *n, int k)
{
    const ps_place *in = &w->p->places[n->in[k]];
    for (int j = 0; j < n->n_in; j++) {
        if (n->in[j] < 0) continue;
        const ps_place *other = &w->p->places[n->in[j]];
        if (other->block == in->block &&
            (other->offset != in->offset || !ps_same_strides(&other->tensor, &in->tensor)))
            return true;
    }
    return false;
}

/* Lets out share the memory of an input that nothing needs after node i. */
static bool reuse_input(work *w, int32_t i, const ps_node *n)
{
    ps_place *out = &w->p->places[n->out[0]];
    if (!(n->op->flags & PS_OP_INPLACE)) return false;
    for (int k = 0; k < n->n_in; k++) {
        if (n->in[k] < 0) continue;
        const ps_place *in = &w->p->places[n->in[k]];
        if (in->block < 0 || w->p->blocks[in->block].value != n->in[k] || w->group_last[head(w, n->in[k])] != i) continue;
        if (in->tensor.type != out->tensor.type || !ps_same_strides(&in->tensor, &out->tensor) ||
            read_differently(w, n, k))
            continue;
        out->block = in->block;
        out->offset = in->offset;
        w->p->blocks[in->block].value = n->out[0];
        return true;
    }
    return false;
}

static poise_status place_output(work *w, int32_t i, int k)
{
    const ps_node *n = &w->g->nodes[i];
    int32_t v = n->out[k];
    ps_place *pl = &w->p->places[v];
    if (w->into[v] >= 0) { /* strides now, block and offset once the container has its own */
        pl->tensor = w->fixed[v];
        return POISE_OK;
    }
    const ps_place *in = n->n_in && n->in[0] >= 0 ? &w->p->places[n->in[0]] : NULL;
    ptrdiff_t offset;
    if (k == 0 && in && try_view(n, &in->tensor, &pl->tensor, &offset)) {
        w->p->skip[i] = true;
        pl->block = in->block;
        pl->offset = in->offset + offset;
        if (in->tensor.data)
            pl->tensor.data = (char *)in->tensor.data + offset * (ptrdiff_t)poise_type_size(pl->tensor.type);
        return POISE_OK;
    }
    pl->tensor = ps_value_tensor(value(w, v));
    own_strides(w, n, &pl->tensor, &w->p->places[0].tensor, sizeof *w->p->places);
    if (n->op->flags & PS_OP_CONCAT) memcpy(pl->tensor.stride, w->wish[v].stride, sizeof pl->tensor.stride);
    if (k == 0 && reuse_input(w, i, n)) return POISE_OK;
    return new_block(w, v);
}

/* Gives values inside a container its block.  Containers may be nested. */
static void settle(work *w, int32_t v)
{
    ptrdiff_t offset = 0;
    int32_t o = v;
    for (; w->into[o] >= 0; o = w->into[o]) offset += w->into_at[o];
    w->p->places[v].block = w->p->places[o].block;
    w->p->places[v].offset = w->p->places[o].offset + offset;
}

/* Containers get their blocks before anything is placed, because their parts are computed first. */
static poise_status place_containers(work *w)
{
    for (int32_t i = 0; i < w->g->n_nodes; i++) {
        const ps_node *n = &w->g->nodes[i];
        if (!(n->op->flags & PS_OP_CONCAT) || w->into[n->out[0]] >= 0) continue;
        ps_place *pl = &w->p->places[n->out[0]];
        pl->tensor = w->wish[n->out[0]];
        PS_TRY(new_block(w, n->out[0]));
    }
    for (int32_t v = 0; v < w->g->n_values; v++)
        if (w->into[v] >= 0) settle(w, v);
    return POISE_OK;
}

static poise_status place_all(work *w)
{
    const ps_graph *g = w->g;
    for (int32_t v = 0; v < g->n_values; v++) w->p->places[v] = (ps_place){.block = -1, .tensor = ps_value_tensor(value(w, v))};
    for (int32_t i = 0; i < g->n_inputs; i++) {
        int32_t v = g->inputs[i];
        w->p->places[v].tensor = w->wish[v];
        PS_TRY(new_block(w, v));
    }
    PS_TRY(place_containers(w));
    for (int32_t i = 0; i < g->n_nodes; i++) {
        const ps_node *n = &g->nodes[i];
        for (int k = 0; k < n->n_out; k++)
            if (n->out[k] >= 0 && !((n->op->flags & PS_OP_CONCAT) && w->into[n->out[k]] < 0)) PS_TRY(place_output(w, i, k));
    }
    return POISE_OK;
}

/* ---- 4: lifetimes ---- */

static void lifetimes(work *w)
{
    for (int32_t v = 0; v < w->g->n_values; v++) {
        ps_place *pl = &w->p->places[v];
        if (pl->block < 0) continue;
        ps_block *b = &w->p->blocks[pl->block];
        int32_t from = w->producer[v], to = w->last[v] > from ? w->last[v] : from;
        if (from < b->first) b->first = from;
        if (to > b->last) b->last = to;
    }
}

static void find_uses(work *w)
{
    const ps_graph *g = w->g;
    for (int32_t v = 0; v < g->n_values; v++) w->producer[v] = w->last[v] = w->into[v] = -1;
    for (int32_t i = 0; i < g->n_nodes; i++) {
        const ps_node *n = &g->nodes[i];
        for (int k = 0; k < n->n_in; k++)
            if (n->in[k] >= 0) w->last[n->in[k]] = i;
        if (n->n_in && n->in[0] >= 0 && n->op->order == PS_ORDER_LAST) w->image[n->in[0]] = true;
        for (int k = 0; k < n->n_out; k++)
            if (n->out[k] >= 0) w->producer[n->out[k]] = i;
    }
    for (int32_t i = 0; i < g->n_outputs; i++) w->last[g->outputs[i]] = g->n_nodes;
}

static bool take_memory(work *w, ps_heap *tmp)
{
    size_t n = (size_t)w->g->n_values + 1;
    w->p->places = ps_heap_push(&w->p->heap, n * sizeof *w->p->places);
    w->p->blocks = ps_heap_push(&w->p->heap, n * sizeof *w->p->blocks);
    w->p->skip = ps_heap_push(&w->p->heap, (size_t)w->g->n_nodes + 1);
    w->wish = ps_heap_push(tmp, n * sizeof *w->wish);
    w->fixed = ps_heap_push(tmp, n * sizeof *w->fixed);
    w->into_at = ps_heap_push(tmp, n * sizeof *w->into_at);
    w->producer = ps_heap_push(tmp, n * 4);
    w->image = ps_heap_push(tmp, n);
    w->last = ps_heap_push(tmp, n * 4);
    w->into = ps_heap_push(tmp, n * 4);
    w->group = ps_heap_push(tmp, n * 4);
    w->group_last = ps_heap_push(tmp, n * 4);
    return w->p->places && w->p->blocks && w->p->skip && w->wish && w->fixed && w->into_at && w->producer && w->image && w->last &&
           w->into && w->group && w->group_last;
}

poise_status ps_plan_make(ps_plan *p, const ps_graph *g)
{
    ps_heap tmp = {0};
    work w = {.g = g, .p = p};
    poise_status s = POISE_OK;
    if (!take_memory(&w, &tmp)) {
        s = ps_fail(POISE_NO_MEMORY, "no memory to plan a graph of %d values", g->n_values);
    } else {
        find_uses(&w);
        wish_all(&w);
        place_concats(&w);
        group_all(&w);
        s = place_all(&w);
        if (s == POISE_OK) {
            lifetimes(&w);
            s = ps_arena_plan(p->blocks, p->n_blocks, &p->arena_bytes, &p->lower_bound);
        }
    }
    ps_heap_free(&tmp);
    return s;
}

void ps_plan_free(ps_plan *p)
{
    ps_heap_free(&p->heap);
    *p = (ps_plan){0};
}
