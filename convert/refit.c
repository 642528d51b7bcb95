/* convert/refit.c - carries another image size through a graph, node by node.  See refit_dim.h for what is known of a
 * dimension. */
#include "convert/refit.h"

#include "convert/refit_dim.h"
#include "nn/op.h"
#include "nn/params.h"
#include "nn/rules.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct refit {
    ps_graph *g;
    ps_refit_dim (*dims)[POISE_MAX_DIMS]; /* of every value the graph had */
    int32_t n;                            /* values it had */
    int32_t h, w;                         /* as they were */
} refit;

bool ps_refit_size(const ps_graph *g, int32_t *h, int32_t *w)
{
    if (!g->n_inputs) return false;
    const ps_value *v = &g->values[g->inputs[0]];
    if (v->rank != 4 || v->dim[0] != 1 || (v->dim[1] != 1 && v->dim[1] != 3)) return false;
    *h = v->dim[2], *w = v->dim[3];
    return true;
}

static poise_status refuse(const ps_node *n, const char *why)
{
    return ps_fail(POISE_UNSUPPORTED, "node '%s' (%s) %s", n->name, n->op->name, why);
}

static bool changes(const refit *r, int32_t value)
{
    if (value < 0 || r->g->values[value].data) return false;
    for (int i = 0; i < r->g->values[value].rank; i++)
        if (ps_refit_changed(&r->dims[value][i])) return true;
    return false;
}

/* Dimension i (from the right) of an input, 1 where it has none. */
static ps_refit_dim from_right(const refit *r, int32_t value, int i)
{
    int32_t rank = r->g->values[value].rank;
    return i < rank ? r->dims[value][rank - 1 - i] : ps_refit_atom(1, 1);
}

/* ---- constants beside a value that changes ---- */

/* One number for all cells that is the old size, or a share of it, would mean something else now. */
static poise_status check_numbers(const refit *r, const ps_node *n, const ps_value *c)
{
    size_t count = ps_value_count(c);
    for (size_t i = 0; c->type == POISE_F32 && i < count && count <= 8; i++) {
        double v = fabs((double)((const float *)c->data)[i]);
        for (int k = 0; k < 2; k++) {
            double size = k ? r->w : r->h;
            if (fabs(v / size - 1) < 1e-6 || fabs(v * size - 1) < 1e-6)
                return refuse(n, "computes with the fixed image size");
        }
    }
    return POISE_OK;
}

static poise_status continue_constant(refit *r, ps_node *n, int side, int other)
{
    const ps_value c = r->g->values[n->in[side]];
    ps_refit_dim d[POISE_MAX_DIMS];
    int32_t dim[POISE_MAX_DIMS] = {0}, made;
    bool any = false;
    for (int i = 0; i < c.rank; i++) {
        ps_refit_dim beside = from_right(r, n->in[other], c.rank - 1 - i);
        bool follows = c.dim[i] != 1 && ps_refit_changed(&beside);
        d[i] = follows ? beside : ps_refit_atom(c.dim[i], c.dim[i]);
        if (follows && ps_refit_extent(&beside, -1, false) != c.dim[i])
            return refuse(n, "has a constant of another size");
        dim[i] = ps_refit_extent(&d[i], -1, true);
        any |= follows;
    }
    if (!any) return check_numbers(r, n, &c);
    if (c.type != POISE_F32) return refuse(n, "has a constant for the fixed size that is not f32");
    PS_TRY(ps_graph_constant(r->g, c.name, POISE_F32, c.rank, dim, NULL, &made));
    if (!ps_refit_grid(d, c.rank, c.data, (float *)(uintptr_t)r->g->values[made].data))
        return refuse(n, "has a constant for the fixed size that is no grid of cells");
    n->in[side] = made;
    return POISE_OK;
}

/* ---- parameters ---- */

static poise_status refit_reshape(const refit *r, ps_node *n, ps_refit_dim *y)
{
    ps_shape_params *p = n->params;
    const ps_value *x = &r->g->values[n->in[0]];
    if (!ps_refit_reshape(r->dims[n->in[0]], x->rank, p->dim, p->rank, y))
        return refuse(n, "reshapes to a fixed size");
    for (int i = 0; i < p->rank; i++) p->dim[i] = ps_refit_extent(&y[i], -1, true);
    return POISE_OK;
}

static poise_status refit_slice(const refit *r, ps_node *n, ps_refit_dim *y)
{
    ps_slice_params *p = n->params;
    for (int i = 0; i < p->rank; i++) {
        const ps_refit_dim *d = &r->dims[n->in[0]][i];
        y[i] = *d;
        if (!ps_refit_changed(d))
            y[i] = ps_refit_atom(p->size[i], p->size[i]);
        else if (p->start[i] || p->step[i] != 1 || p->size[i] != ps_refit_extent(d, -1, false))
            return refuse(n, "cuts at a fixed place");
        p->size[i] = ps_refit_extent(&y[i], -1, true);
    }
    return POISE_OK;
}

static poise_status refit_resize(const refit *r, ps_node *n)
{
    ps_resize_params *p = n->params;
    for (int i = 0; i < p->rank; i++) {
        const ps_refit_dim *d = &r->dims[n->in[0]][i];
        double was = ps_refit_extent(d, -1, false), is = ps_refit_extent(d, -1, true);
        if (!ps_refit_changed(d)) continue;
        if (fabs(p->dim[i] / was - (double)p->scale[i]) > 1e-6 ||
            p->dim[i] * is / was != floor(p->dim[i] * is / was))
            return refuse(n, "scales to a fixed size");
        p->dim[i] = (int32_t)(p->dim[i] * is / was);
    }
    return POISE_OK;
}

static poise_status join(const refit *r, const ps_node *n, ps_refit_dim *y)
{
    const ps_axis_params *p = n->params;
    int axis = p->axis;
    memcpy(y, r->dims[n->in[0]], sizeof *r->dims);
    for (int i = 1; i < n->n_in; i++)
        if (!ps_refit_append(&y[axis], &r->dims[n->in[i]][axis])) return refuse(n, "joins too many sizes");
    return POISE_OK;
}

/* ---- nodes ---- */

/* Operators whose result for another size is what they compute. */
static bool follows_size(const ps_op *op)
{
    return op == &ps_op_conv || op == &ps_op_conv_transpose || op == &ps_op_pool || op == &ps_op_unary ||
           op == &ps_op_binary || op == &ps_op_softmax || op == &ps_op_soft_argmax || op == &ps_op_affine ||
           op == &ps_op_matmul || op == &ps_op_transpose || op == &ps_op_concat || op == &ps_op_reshape ||
           op == &ps_op_slice || op == &ps_op_resize || op == &ps_op_reduce || op == &ps_op_layer_norm ||
           op == &ps_op_cast || op == &ps_op_quantize || op == &ps_op_lookup;
}

/* What the dimensions of the output are made of, where the node's parameters say it. */
static poise_status before_infer(refit *r, ps_node *n, ps_refit_dim *y)
{
    if (!follows_size(n->op)) return refuse(n, "may compute with a fixed size");
    if (n->op == &ps_op_reshape) return refit_reshape(r, n, y);
    if (n->op == &ps_op_slice) return refit_slice(r, n, y);
    if (n->op == &ps_op_resize) return refit_resize(r, n);
    if (n->op == &ps_op_concat) return join(r, n, y);
    const ps_transpose_params *p = n->params;
    for (int i = 0; n->op == &ps_op_transpose && i < p->rank; i++) y[i] = r->dims[n->in[0]][p->perm[i]];
    for (int side = 0; n->op == &ps_op_binary && side < 2; side++)
        if (r->g->values[n->in[side]].data) PS_TRY(continue_constant(r, n, side, 1 - side));
    for (int i = 1; n->op == &ps_op_affine && i < n->n_in; i++)
        if (r->g->values[n->in[i]].data) PS_TRY(check_numbers(r, n, &r->g->values[n->in[i]]));
    return POISE_OK;
}

/* Where the parameters do not say it: dimensions that an input has at the same place, else numbers of their own. */
static void after_infer(const refit *r, const ps_node *n, const int32_t *was, ps_refit_dim *y)
{
    const ps_value *out = &r->g->values[n->out[0]];
    for (int i = 0; i < out->rank; i++) {
        if (y[i].n) continue;
        y[i] = ps_refit_atom(was[i], out->dim[i]);
        for (int k = 0; k < n->n_in && n->op != &ps_op_matmul; k++) {
            if (n->in[k] < 0 || n->in[k] >= r->n || r->g->values[n->in[k]].rank > out->rank) continue;
            ps_refit_dim d = from_right(r, n->in[k], out->rank - 1 - i);
            if (ps_refit_extent(&d, -1, false) == was[i] && ps_refit_extent(&d, -1, true) == out->dim[i]) {
                y[i] = d;
                break;
            }
        }
    }
    for (int i = 0; n->op == &ps_op_matmul && i < 2; i++) { /* rows of the left, columns of the right */
        const ps_matmul_params *p = n->params;
        ps_refit_dim d = from_right(r, n->in[i], i ? p->trans_b != 0 : p->trans_a == 0);
        y[out->rank - 2 + i] = d;
    }
}

static poise_status refit_node(refit *r, int32_t index)
{
    ps_node *n = &r->g->nodes[index];
    ps_refit_dim y[POISE_MAX_DIMS] = {{0}};
    int32_t was[POISE_MAX_DIMS];
    bool any = false;
    for (int i = 0; i < n->n_in; i++) any |= changes(r, n->in[i]);
    if (!any) return POISE_OK;
    for (int i = 1; i < n->n_out; i++)
        if (n->out[i] >= 0) return refuse(n, "has several outputs");
    PS_TRY(before_infer(r, n, y));
    memcpy(was, r->g->values[n->out[0]].dim, sizeof was);
    PS_TRY(ps_graph_infer(r->g, index));
    after_infer(r, n, was, y);
    const ps_value *out = &r->g->values[n->out[0]];
    for (int i = 0; i < out->rank; i++)
        if (ps_refit_extent(&y[i], -1, true) != out->dim[i] || ps_refit_extent(&y[i], -1, false) != was[i])
            return refuse(n, "gives a size that cannot be followed");
    memcpy(r->dims[n->out[0]], y, sizeof y);
    return POISE_OK;
}

static poise_status run(refit *r, int32_t h, int32_t w)
{
    char text[48];
    ps_graph *g = r->g;
    for (int32_t v = 0; v < r->n; v++)
        for (int i = 0; i < g->values[v].rank; i++)
            r->dims[v][i] = ps_refit_atom(g->values[v].dim[i], g->values[v].dim[i]);
    int32_t in = g->inputs[0];
    g->values[in].dim[2] = h, g->values[in].dim[3] = w;
    r->dims[in][2] = ps_refit_atom(r->h, h);
    r->dims[in][3] = ps_refit_atom(r->w, w);
    for (int32_t i = 0; i < g->n_nodes; i++) PS_TRY(refit_node(r, i));
    snprintf(text, sizeof text, "[%d, %d]", h, w);
    return ps_graph_get_meta(g, "imgsz") ? ps_graph_set_meta(g, "imgsz", text) : POISE_OK;
}

poise_status ps_refit(ps_graph *g, int32_t h, int32_t w)
{
    refit r = {.g = g, .n = g->n_values};
    PS_REQUIRE(ps_refit_size(g, &r.h, &r.w), POISE_UNSUPPORTED,
               "the network's first input is not one picture");
    if (r.h == h && r.w == w) return POISE_OK;
    r.dims = ps_alloc_array((size_t)r.n, sizeof *r.dims);
    PS_REQUIRE(r.dims, POISE_NO_MEMORY, "no memory to follow %d values", r.n);
    poise_status s = run(&r, h, w);
    ps_free(r.dims);
    if (s == POISE_OK || s == POISE_NO_MEMORY) return s;
    return ps_fail_in(POISE_UNSUPPORTED,
                      "the network's file fixes %dx%d (height x width), %dx%d does not fit", r.h, r.w, h, w);
}
