/* nn/gate_find.c - finds the parts of a detector that matter only where its scores pass.
 *
 * From the output back: first the scores, through views and joins, to the convolution of each level that makes their
 * logits; then everything else, as long as each operator keeps the cells apart.  What is found that way counts only if
 * all that reads it was found too, so that nothing computed elsewhere ever depends on a cell that was left out. */
#include "nn/gate.h"

#include "nn/params.h"

#include <string.h>

/* How the cells lie in a value: along one axis, those of levels [first, first + n); or an image of one level. */
enum { IMAGE = -1 };
typedef struct layout {
    int axis;
    int32_t first, n;
} layout;

typedef struct finder {
    const ps_graph *g;
    ps_gate *gate;
    int32_t *producer; /* per value: node, or -1 */
    bool *score;       /* per node: the logits depend on it */
    bool *apart;       /* per node: its output keeps the cells apart as `how` tells */
    layout *how;
    bool *mixed; /* per node: it was found with another layout, too */
    bool *gated; /* per node: a convolution that may compute some cells only */
} finder;

static const ps_value *value_of(const finder *f, int32_t v)
{
    return &f->g->values[v];
}

static int64_t cells_of(const ps_gate *gate, int32_t first, int32_t n)
{
    int64_t cells = 0;
    for (int32_t l = first; l < first + n; l++) cells += (int64_t)gate->level[l].h * gate->level[l].w;
    return cells;
}

/* The input of a concat along `axis` that holds entries [*at, *at + n), *at then counted within it; -1 = none does. */
static int32_t part_with(const finder *f, const ps_node *node, int axis, int32_t *at, int32_t n)
{
    int32_t from = 0;
    for (int k = 0; k < node->n_in; k++) {
        int32_t size = value_of(f, node->in[k])->dim[axis];
        if (*at >= from && *at + n <= from + size) {
            *at -= from;
            return node->in[k];
        }
        from += size;
    }
    return -1;
}

/* Whether a slice of x takes all of dimension d. */
static bool keeps_dim(const ps_slice_params *p, const ps_value *x, int d)
{
    return p->start[d] == 0 && p->step[d] == 1 && p->size[d] == x->dim[d];
}

static bool is_image_of(const ps_value *x, int32_t h, int32_t w)
{
    return x->rank == 4 && x->dim[0] == 1 && x->dim[2] == h && x->dim[3] == w;
}

/* ---- the scores ---- */

static bool add_level(finder *f, int32_t v, int32_t node, int32_t first, int32_t n)
{
    ps_gate *gate = f->gate;
    const ps_value *x = value_of(f, v);
    bool known = x->type == POISE_F32 || (x->type == POISE_U8 && ps_value_is_quantised(x));
    if (gate->n_levels == PS_GATE_LEVELS || !known || x->rank != 4 || x->dim[0] != 1) return false;
    gate->level[gate->n_levels++] = (ps_gate_level){node, v, first, n, x->dim[2], x->dim[3]};
    return true;
}

/* Channels [first, first + n) of v, back to the convolutions that made them. */
static bool trace_scores(finder *f, int32_t v, int32_t first, int32_t n)
{
    for (;;) {
        int32_t p = v < 0 ? -1 : f->producer[v];
        if (p < 0) return false;
        const ps_node *node = &f->g->nodes[p];
        const ps_value *y = value_of(f, v);
        if (node->op == &ps_op_conv) return add_level(f, v, p, first, n);
        const ps_value *x = node->n_in && node->in[0] >= 0 ? value_of(f, node->in[0]) : NULL;
        if (!x) return false;
        if (node->op == &ps_op_concat) {
            int axis = ((const ps_axis_params *)node->params)->axis;
            if (axis == 1) {
                v = part_with(f, node, 1, &first, n);
            } else {
                if (y->rank != 3 || axis != 2) return false;
                for (int k = 0; k < node->n_in; k++)
                    if (!trace_scores(f, node->in[k], first, n)) return false;
                return true;
            }
        } else if (node->op == &ps_op_slice) {
            const ps_slice_params *s = node->params;
            for (int d = 0; d < s->rank; d++)
                if (d != 1 && !keeps_dim(s, x, d)) return false;
            if (s->step[1] != 1) return false;
            first += s->start[1];
            v = node->in[0];
        } else if (node->op == &ps_op_reshape) {
            bool flattens = y->rank == 3 && x->rank == 4 && x->dim[0] == 1 && y->dim[0] == 1 && x->dim[1] == y->dim[1];
            if (!flattens) return false;
            v = node->in[0];
        } else {
            return false;
        }
    }
}

/* Output 0 as a join of rows, one part of which is a sigmoid: that of the scores. */
static const ps_node *find_root(finder *f, int32_t *logits)
{
    const ps_graph *g = f->g;
    int32_t p = g->n_outputs ? f->producer[g->outputs[0]] : -1;
    const ps_node *root = p < 0 ? NULL : &g->nodes[p];
    const ps_value *out = g->n_outputs ? value_of(f, g->outputs[0]) : NULL;
    if (!root || root->op != &ps_op_concat || out->rank != 3 || out->dim[0] != 1 || out->live >= 0) return NULL;
    if (((const ps_axis_params *)root->params)->axis != 1) return NULL;
    int32_t row = 0;
    *logits = -1;
    for (int k = 0; k < root->n_in; k++) {
        int32_t q = f->producer[root->in[k]], rows = value_of(f, root->in[k])->dim[1];
        const ps_node *n = q < 0 ? NULL : &g->nodes[q];
        if (n && n->op == &ps_op_unary && ((const ps_unary_params *)n->params)->kind == PS_ACT_SIGMOID) {
            if (*logits >= 0) return NULL;
            *logits = n->in[0];
            f->gate->first_row = row;
            f->gate->n_rows = rows;
        }
        row += rows;
    }
    return *logits < 0 ? NULL : root;
}

/* The convolutions that make the logits, and everything they depend on. */
static void mark_score(finder *f)
{
    for (int32_t l = 0; l < f->gate->n_levels; l++) f->score[f->gate->level[l].node] = true;
    for (int32_t i = f->g->n_nodes; i-- > 0;) {
        if (!f->score[i]) continue;
        const ps_node *n = &f->g->nodes[i];
        for (int k = 0; k < n->n_in; k++)
            if (n->in[k] >= 0 && f->producer[n->in[k]] >= 0) f->score[f->producer[n->in[k]]] = true;
    }
}

/* ---- the rest ---- */

static void walk(finder *f, int32_t v, layout l);

static bool gates(const finder *f, const ps_node *n, int32_t level)
{
    const ps_gate_level *at = &f->gate->level[level];
    const ps_conv_params *p = n->params;
    if (n->op != &ps_op_conv || p->stride[0] != 1 || p->stride[1] != 1 || !value_of(f, n->in[1])->data) return false;
    return is_image_of(value_of(f, n->in[0]), at->h, at->w) && is_image_of(value_of(f, n->out[0]), at->h, at->w);
}

/* A gated convolution, and those before it. */
static void walk_conv(finder *f, int32_t p, int32_t level)
{
    const ps_node *n = &f->g->nodes[p];
    f->gated[p] = f->apart[p] = true;
    f->how[p] = (layout){IMAGE, level, 1};
    static const int carries[] = {0, 3}; /* input and residual */
    for (int k = 0; k < 2; k++) {
        int32_t in = carries[k] < n->n_in ? n->in[carries[k]] : -1, q = in < 0 ? -1 : f->producer[in];
        if (q >= 0 && !f->score[q] && !f->apart[q] && gates(f, &f->g->nodes[q], level)) walk_conv(f, q, level);
    }
}

/* Where the cells of a reshape's output lie in its input: an axis with the same entries before and after it, or the
 * image that was flattened.  False when neither. */
static bool before_reshape(const finder *f, const ps_value *x, const ps_value *y, layout *l)
{
    int64_t after = 1, have = 1;
    for (int d = l->axis + 1; d < y->rank; d++) after *= y->dim[d];
    for (int d = x->rank; d-- > 0; have *= x->dim[d])
        if (have == after && x->dim[d] == y->dim[l->axis]) {
            l->axis = d;
            return true;
        }
    const ps_gate_level *at = &f->gate->level[l->first];
    if (l->n != 1 || after != 1 || !is_image_of(x, at->h, at->w)) return false;
    l->axis = IMAGE;
    return true;
}

static void walk_concat(finder *f, const ps_node *n, layout l)
{
    int axis = ((const ps_axis_params *)n->params)->axis;
    int32_t level = l.first;
    for (int k = 0; k < n->n_in; k++) {
        layout in = l;
        if (l.axis == axis) {
            int64_t size = value_of(f, n->in[k])->dim[axis];
            in.first = level;
            for (in.n = 0; level < l.first + l.n && cells_of(f->gate, in.first, in.n) < size; level++) in.n++;
            if (cells_of(f->gate, in.first, in.n) != size) return;
        }
        walk(f, n->in[k], in);
    }
}

/* Operators of several inputs, element by element: those that are not broadcast along the cells. */
static void walk_elements(finder *f, const ps_node *n, const ps_value *y, layout l)
{
    for (int k = 0; k < n->n_in; k++) {
        if (n->in[k] < 0) continue;
        const ps_value *x = value_of(f, n->in[k]);
        layout in = l;
        if (l.axis == IMAGE) {
            if (x->rank != 4 || x->dim[2] != y->dim[2] || x->dim[3] != y->dim[3]) continue;
        } else {
            in.axis = l.axis - (y->rank - x->rank);
            if (in.axis < 0 || x->dim[in.axis] != y->dim[l.axis]) continue;
        }
        walk(f, n->in[k], in);
    }
}

static bool is_pointwise(const ps_conv_params *p)
{
    for (int i = 0; i < 2; i++)
        if (p->kernel[i] != 1 || p->stride[i] != 1 || p->pad[i] || p->pad[i + 2]) return false;
    return true;
}

/* The layout of input 0 of a node with one interesting input, or false when the node mixes cells. */
static bool before(const finder *f, const ps_node *n, const ps_value *y, layout *l)
{
    const ps_value *x = value_of(f, n->in[0]);
    if (n->op == &ps_op_unary || n->op == &ps_op_cast || n->op == &ps_op_lookup) return true;
    if (n->op == &ps_op_quantize) return n->n_in == 1;
    if (n->op == &ps_op_softmax || n->op == &ps_op_soft_argmax) {
        int axis = n->op == &ps_op_softmax ? ((const ps_softmax_params *)n->params)->axis
                                           : ((const ps_axis_params *)n->params)->axis;
        return l->axis == IMAGE ? axis == 1 : axis != l->axis;
    }
    if (n->op == &ps_op_slice) {
        const ps_slice_params *p = n->params;
        return l->axis == IMAGE ? keeps_dim(p, x, 2) && keeps_dim(p, x, 3) : keeps_dim(p, x, l->axis);
    }
    if (l->axis == IMAGE) return false;
    if (n->op == &ps_op_reshape) return before_reshape(f, x, y, l);
    if (n->op == &ps_op_transpose) {
        l->axis = ((const ps_transpose_params *)n->params)->perm[l->axis];
        return true;
    }
    if (n->op == &ps_op_conv) return l->axis >= 2 && is_pointwise(n->params);
    return false;
}

/* Marks the node behind v, whose cells lie as l tells, if it keeps them apart; then those behind it. */
static void walk(finder *f, int32_t v, layout l)
{
    int32_t p = v < 0 ? -1 : f->producer[v];
    if (p < 0 || f->score[p]) return;
    const ps_node *n = &f->g->nodes[p];
    if (f->apart[p]) {
        if (f->how[p].axis != l.axis || f->how[p].first != l.first || f->how[p].n != l.n) f->mixed[p] = true;
        return;
    }
    if (n->n_out != 1) return;
    if (l.axis == IMAGE && gates(f, n, l.first)) {
        walk_conv(f, p, l.first);
        return;
    }
    const ps_value *y = value_of(f, v);
    layout in = l;
    bool many = n->op == &ps_op_concat || n->op == &ps_op_binary || n->op == &ps_op_affine;
    if (!many && !before(f, n, y, &in)) return;
    f->apart[p] = true;
    f->how[p] = l;
    if (n->op == &ps_op_concat) walk_concat(f, n, l);
    else if (many) walk_elements(f, n, y, l);
    else walk(f, n->in[0], in);
}

/* Drops what somebody else reads, and what was found with two layouts, last to first. */
static poise_status drop_shared(finder *f, ps_heap *tmp, int32_t root)
{
    const ps_graph *g = f->g;
    bool *outside = ps_heap_push(tmp, (size_t)g->n_values + 1); /* per value: read by a node that is not apart */
    PS_REQUIRE(outside, POISE_NO_MEMORY, "no memory for %d values", g->n_values);
    for (int32_t i = 1; i < g->n_outputs; i++) outside[g->outputs[i]] = true;
    for (int32_t i = g->n_nodes; i-- > 0;) {
        const ps_node *n = &g->nodes[i];
        if (i == root) continue;
        if (f->apart[i] && (f->mixed[i] || outside[n->out[0]])) f->apart[i] = f->gated[i] = false;
        for (int k = 0; k < n->n_in; k++)
            if (!f->apart[i] && n->in[k] >= 0) outside[n->in[k]] = true;
    }
    return POISE_OK;
}

/* Nodes that are gated or depend on one that is move behind all others. */
static poise_status reorder(finder *f, ps_graph *g, ps_heap *tmp)
{
    bool *late = ps_heap_push(tmp, (size_t)g->n_nodes + 1);
    int32_t *to = ps_heap_push(tmp, ((size_t)g->n_nodes + 1) * sizeof *to);
    ps_node *old = ps_heap_push(tmp, ((size_t)g->n_nodes + 1) * sizeof *old);
    PS_REQUIRE(late && to && old, POISE_NO_MEMORY, "no memory for %d nodes", g->n_nodes);
    int32_t at = 0;
    for (int32_t i = 0; i < g->n_nodes; i++) {
        const ps_node *n = &g->nodes[i];
        late[i] = f->gated[i];
        for (int k = 0; k < n->n_in && !late[i]; k++)
            late[i] = n->in[k] >= 0 && f->producer[n->in[k]] >= 0 && late[f->producer[n->in[k]]];
        if (!late[i]) to[i] = at++;
    }
    for (int32_t i = 0; i < g->n_nodes; i++)
        if (late[i]) to[i] = at++;
    memcpy(old, g->nodes, (size_t)g->n_nodes * sizeof *old);
    for (int32_t i = 0; i < g->n_nodes; i++) g->nodes[to[i]] = old[i];
    for (int32_t v = 0; v < g->n_values; v++)
        if (g->values[v].live >= 0) g->values[v].live = to[g->values[v].live];
    for (int32_t l = 0; l < f->gate->n_levels; l++) f->gate->level[l].node = to[f->gate->level[l].node];
    for (int32_t i = 0; i < f->gate->n_nodes; i++) f->gate->nodes[i].node = to[f->gate->nodes[i].node];
    return POISE_OK;
}

/* Whether a node that is not gated reads v. */
static bool is_read(const finder *f, int32_t v)
{
    for (int32_t i = 0; i < f->g->n_nodes; i++)
        for (int k = 0; !f->gated[i] && k < f->g->nodes[i].n_in; k++)
            if (f->g->nodes[i].in[k] == v) return true;
    return false;
}

static poise_status list_gated(finder *f)
{
    const ps_graph *g = f->g;
    ps_gate *gate = f->gate;
    int32_t n = 0;
    for (int32_t i = 0; i < g->n_nodes; i++) n += f->gated[i];
    gate->nodes = ps_heap_push(&gate->heap, ((size_t)n + 1) * sizeof *gate->nodes);
    PS_REQUIRE(gate->nodes, POISE_NO_MEMORY, "no memory for %d nodes", n);
    for (int32_t i = 0; i < g->n_nodes; i++) {
        if (!f->gated[i]) continue;
        int32_t level = f->how[i].first;
        gate->nodes[gate->n_nodes++] = (ps_gate_node){i, level, is_read(f, g->nodes[i].out[0]), gate->bytes};
        gate->bytes += (size_t)cells_of(gate, level, 1);
    }
    gate->cells = gate->bytes;
    size_t most = 0;
    for (int32_t l = 0; l < gate->n_levels; l++)
        if ((size_t)cells_of(gate, l, 1) > most) most = (size_t)cells_of(gate, l, 1);
    gate->bytes = gate->n_nodes ? gate->cells + most : 0;
    return POISE_OK;
}

static poise_status find(finder *f, ps_graph *g, ps_heap *tmp)
{
    size_t nodes = (size_t)g->n_nodes + 1, values = (size_t)g->n_values + 1;
    f->producer = ps_heap_push(tmp, values * sizeof *f->producer);
    f->score = ps_heap_push(tmp, nodes);
    f->apart = ps_heap_push(tmp, nodes);
    f->gated = ps_heap_push(tmp, nodes);
    f->mixed = ps_heap_push(tmp, nodes);
    f->how = ps_heap_push(tmp, nodes * sizeof *f->how);
    PS_REQUIRE(f->producer && f->score && f->apart && f->gated && f->mixed && f->how, POISE_NO_MEMORY, "no memory for %d nodes",
               g->n_nodes);
    for (int32_t v = 0; v < g->n_values; v++) f->producer[v] = -1;
    for (int32_t i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_out; k++)
            if (g->nodes[i].out[k] >= 0) f->producer[g->nodes[i].out[k]] = i;
    int32_t logits;
    const ps_node *root = find_root(f, &logits);
    if (!root || !trace_scores(f, logits, 0, f->gate->n_rows)) return POISE_OK;
    if (cells_of(f->gate, 0, f->gate->n_levels) != value_of(f, g->outputs[0])->dim[2]) return POISE_OK;
    mark_score(f);
    int32_t root_node = (int32_t)(root - g->nodes);
    f->apart[root_node] = true;
    for (int k = 0; k < root->n_in; k++) walk(f, root->in[k], (layout){2, 0, f->gate->n_levels});
    PS_TRY(drop_shared(f, tmp, root_node));
    PS_TRY(list_gated(f));
    return f->gate->n_nodes ? reorder(f, g, tmp) : POISE_OK;
}

poise_status ps_gate_find(ps_gate *gate, ps_graph *g)
{
    ps_heap tmp = {0};
    finder f = {.g = g, .gate = gate};
    poise_status s = find(&f, g, &tmp);
    ps_heap_free(&tmp);
    return s;
}

void ps_gate_free(ps_gate *gate)
{
    ps_heap_free(&gate->heap);
}
