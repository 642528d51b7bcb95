/* convert/fuse_gather.c - a gather whose constant indices are evenly spaced is a slice, which is a view. */
#include "convert/rewrite.h"

#include <string.h>

static int64_t index_at(const ps_value *v, size_t i)
{
    int64_t wide;
    int32_t narrow;
    if (v->type == POISE_I64) {
        memcpy(&wide, (const uint8_t *)v->data + i * sizeof wide, sizeof wide);
        return wide;
    }
    memcpy(&narrow, (const uint8_t *)v->data + i * sizeof narrow, sizeof narrow);
    return narrow;
}

/* First index and step of the indices v into `size` elements, which infer() has found to be in range. */
static bool evenly_spaced(const ps_value *v, int32_t size, int32_t *start, int32_t *step)
{
    enum { MOST = 4096 };
    size_t n = ps_value_count(v);
    if (v->rank > 1 || n < 1 || n > MOST || (v->type != POISE_I64 && v->type != POISE_I32)) return false;
    int64_t first = 0, before = 0, by = 1;
    for (size_t i = 0; i < n; i++) {
        int64_t k = index_at(v, i);
        k += k < 0 ? size : 0;
        if (k < 0 || k >= size) return false;
        if (i == 0) first = k;
        if (i == 1) by = k - before;
        if (i > 0 && (k - before != by || by == 0)) return false;
        before = k;
    }
    *start = (int32_t)first;
    *step = (int32_t)by;
    return true;
}

/* One index without a dimension: the slice keeps it as a dimension of 1, which a reshape then drops. */
static poise_status slice_and_reshape(ps_rewrite *w, ps_node *n, const ps_slice_params *p, int32_t x)
{
    ps_node *slot = n - 1; /* ps_rewrite_init left it free */
    if (n == w->g->nodes || slot->op) return POISE_OK;
    const ps_value *y = &w->g->values[n->out[0]];
    ps_shape_params to = {.rank = y->rank};
    for (int i = 0; i < y->rank; i++) to.dim[i] = y->dim[i];
    int32_t v;
    PS_TRY(ps_rw_value(w, p->rank, p->size, &v));
    w->g->values[v].type = w->g->values[x].type;
    bool ok;
    ps_rw_hold(w, 1, &x, 1);
    PS_TRY(ps_rw_set(w, n, &ps_op_reshape, &to, 1, &v, &ok));
    ps_rw_hold(w, 1, &x, -1);
    if (!ok) return POISE_OK;
    PS_TRY(ps_rw_revive(w, slot, &ps_op_slice, p, 1, &x, v));
    ps_rw_did(w, PS_DID_SLICE);
    return POISE_OK;
}

poise_status ps_fuse_gather(ps_rewrite *w, ps_node *n)
{
    if (n->op != &ps_op_gather) return POISE_OK;
    int32_t in[2];
    ps_rw_ins(w, n, in, 2);
    const ps_value *x = &w->g->values[in[0]], *at = &w->g->values[in[1]];
    int axis = ((const ps_axis_params *)n->params)->axis;
    if (!at->data || x->data || x->live >= 0) return POISE_OK;
    ps_slice_params p = {.rank = x->rank};
    for (int i = 0; i < x->rank; i++) {
        p.step[i] = 1;
        p.size[i] = x->dim[i];
    }
    if (!evenly_spaced(at, x->dim[axis], &p.start[axis], &p.step[axis])) return POISE_OK;
    p.size[axis] = (int32_t)ps_value_count(at);
    if (at->rank == 0) return slice_and_reshape(w, n, &p, in[0]);
    bool ok;
    PS_TRY(ps_rw_set(w, n, &ps_op_slice, &p, 1, &in[0], &ok));
    if (ok) ps_rw_did(w, PS_DID_SLICE);
    return POISE_OK;
}
