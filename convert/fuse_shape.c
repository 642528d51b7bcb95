/* convert/fuse_shape.c - removes nodes without effect and merges those that only move or regroup elements. */
#include "convert/rewrite.h"

#include <math.h>
#include <string.h>

enum { ELEMENTS = 1 << 16 }; /* largest constant looked through for being all 0 or all 1 */

static bool is_all(ps_rewrite *w, int32_t v, float f)
{
    return ps_rw_is_const(w, v) && ps_value_count(&w->g->values[v]) <= ELEMENTS && ps_rw_all(w, v, f);
}

/* x + 0, x - 0, x * 1, x / 1, x ^ 1: the value x that the result equals, or -1. */
static int32_t neutral(ps_rewrite *w, const ps_node *n)
{
    int kind = ((const ps_binary_params *)n->params)->kind;
    int32_t a = ps_rw_in(w, n, 0), b = ps_rw_in(w, n, 1);
    switch (kind) {
    case PS_BINARY_ADD: return is_all(w, b, 0) ? a : is_all(w, a, 0) ? b : -1;
    case PS_BINARY_MUL: return is_all(w, b, 1) ? a : is_all(w, a, 1) ? b : -1;
    case PS_BINARY_SUB: return is_all(w, b, 0) ? a : -1;
    case PS_BINARY_DIV:
    case PS_BINARY_POW: return is_all(w, b, 1) ? a : -1;
    default: return -1;
    }
}

static bool keeps_order(const ps_transpose_params *p)
{
    for (int i = 0; i < p->rank; i++)
        if (p->perm[i] != i) return false;
    return true;
}

static bool is_whole(const ps_slice_params *p)
{
    for (int i = 0; i < p->rank; i++)
        if (p->start[i] != 0 || (p->step[i] != 1 && p->size[i] != 1)) return false;
    return true;
}

static bool is_nothing(const ps_pad_params *p)
{
    for (int i = 0; i < p->rank; i++)
        if (p->begin[i] || p->end[i]) return false;
    return true;
}

/* Same size, and every sampling point falls on its own pixel. */
static bool is_unscaled(const ps_resize_params *p)
{
    for (int i = 0; i < p->rank; i++)
        if (p->scale[i] < 1 || p->scale[i] > 1) return false;
    return p->coord == PS_COORD_HALF_PIXEL || p->coord == PS_COORD_ASYMMETRIC || p->coord == PS_COORD_ALIGN_CORNERS;
}

/* The value that n only repeats, or -1.  That type and dimensions agree is for ps_rw_bypass to see. */
static int32_t repeats(ps_rewrite *w, const ps_node *n)
{
    int32_t x = ps_rw_in(w, n, 0);
    if (n->op == &ps_op_reshape || n->op == &ps_op_cast || n->op == &ps_op_expand) return x;
    if (n->op == &ps_op_tile) return x; /* same dimensions: every count was 1 */
    if (n->op == &ps_op_binary) return neutral(w, n);
    if (n->op == &ps_op_transpose) return keeps_order(n->params) ? x : -1;
    if (n->op == &ps_op_slice) return is_whole(n->params) ? x : -1;
    if (n->op == &ps_op_pad) return is_nothing(n->params) ? x : -1;
    if (n->op == &ps_op_concat) return n->n_in == 1 ? x : -1;
    if (n->op == &ps_op_resize) return is_unscaled(n->params) ? x : -1;
    return -1;
}

/* ---- reshape, transpose ---- */

static poise_status merge_reshapes(ps_rewrite *w, ps_node *n)
{
    const ps_node *p = ps_rw_maker(w, ps_rw_in(w, n, 0));
    if (!p || p->op != &ps_op_reshape) return POISE_OK;
    int32_t x = ps_rw_in(w, p, 0);
    bool ok;
    PS_TRY(ps_rw_set(w, n, n->op, n->params, 1, &x, &ok));
    if (ok) ps_rw_did(w, PS_DID_RESHAPE);
    return POISE_OK;
}

/* A transpose that only moves dimensions of size 1 regroups the elements and leaves their order. */
static poise_status regroup(ps_rewrite *w, ps_node *n)
{
    const ps_transpose_params *p = n->params;
    int32_t x = ps_rw_in(w, n, 0);
    const ps_value *v = &w->g->values[x], *y = &w->g->values[n->out[0]];
    ps_shape_params to = {.rank = y->rank};
    int last = -1;
    for (int i = 0; i < p->rank; i++) {
        to.dim[i] = y->dim[i];
        if (v->dim[p->perm[i]] == 1) continue;
        if (p->perm[i] < last) return POISE_OK;
        last = p->perm[i];
    }
    bool ok;
    PS_TRY(ps_rw_set(w, n, &ps_op_reshape, &to, 1, &x, &ok));
    if (ok) ps_rw_did(w, PS_DID_TRANSPOSE);
    return POISE_OK;
}

static poise_status merge_transposes(ps_rewrite *w, ps_node *n)
{
    const ps_node *p = ps_rw_maker(w, ps_rw_in(w, n, 0));
    if (!p || p->op != &ps_op_transpose) return POISE_OK;
    const ps_transpose_params *first = p->params, *second = n->params;
    ps_transpose_params both = {.rank = second->rank};
    for (int i = 0; i < both.rank; i++) both.perm[i] = first->perm[second->perm[i]];
    int32_t x = ps_rw_in(w, p, 0);
    bool ok;
    PS_TRY(ps_rw_set(w, n, n->op, &both, 1, &x, &ok));
    if (ok) ps_rw_did(w, PS_DID_TRANSPOSE);
    return POISE_OK;
}

/* Whether n does the same to every element of its first input, whatever the dimensions. */
static bool is_elementwise(const ps_node *n)
{
    return n->op == &ps_op_unary || n->op == &ps_op_lookup || n->op == &ps_op_cast ||
           (n->op == &ps_op_quantize && n->n_in == 1);
}

/* transpose(f(transpose(x))) -> f(x) when the two cancel. */
static poise_status cancel_across(ps_rewrite *w, ps_node *n)
{
    ps_node *f = ps_rw_sole(w, ps_rw_in(w, n, 0), NULL);
    ps_node *p = f && is_elementwise(f) ? ps_rw_sole(w, ps_rw_in(w, f, 0), &ps_op_transpose) : NULL;
    if (!p) return POISE_OK;
    int32_t x[2] = {ps_rw_in(w, p, 0), ps_rw_in(w, f, 1)};
    const ps_transpose_params *first = p->params, *second = n->params;
    for (int i = 0; i < first->rank; i++)
        if (first->perm[second->perm[i]] != i) return POISE_OK;
    bool ok;
    PS_TRY(ps_rw_set(w, n, f->op, f->params, f->n_in, x, &ok));
    if (ok) ps_rw_did(w, PS_DID_TRANSPOSE);
    return POISE_OK;
}

/* ---- concat ---- */

/* Whether v is a slice of a value along `axis` only, without steps. */
static bool is_part(ps_rewrite *w, int32_t v, int axis, int32_t *whole, int32_t *start)
{
    const ps_node *n = ps_rw_maker(w, v);
    if (!n || n->op != &ps_op_slice) return false;
    const ps_slice_params *p = n->params;
    *whole = ps_rw_in(w, n, 0);
    const ps_value *x = &w->g->values[*whole];
    for (int i = 0; i < p->rank; i++) {
        if (p->step[i] != 1 && p->size[i] != 1) return false;
        if (i != axis && (p->start[i] != 0 || p->size[i] != x->dim[i])) return false;
    }
    *start = p->start[axis];
    return true;
}

/* How many inputs from `at` on are together all of one value, which goes to *whole; 0 = none. */
static int parts(ps_rewrite *w, const ps_node *n, int at, int32_t *whole)
{
    int axis = ((const ps_axis_params *)n->params)->axis;
    int32_t end = 0, x, start;
    for (int i = at; i < n->n_in; i++) {
        int32_t v = ps_rw_in(w, n, i);
        if (!is_part(w, v, axis, &x, &start) || start != end || (i > at && x != *whole)) return 0;
        *whole = x;
        end += w->g->values[v].dim[axis];
        if (end == w->g->values[x].dim[axis]) return i - at + 1;
    }
    return 0;
}

/* A concatenation of the same axis that only n reads, and that does not round to another scale. */
static const ps_node *inner_concat(ps_rewrite *w, const ps_node *n, int32_t v)
{
    const ps_node *p = ps_rw_sole(w, v, &ps_op_concat);
    int axis = ((const ps_axis_params *)n->params)->axis;
    const ps_value *x = &w->g->values[v], *y = &w->g->values[n->out[0]];
    bool same = x->type == y->type && x->scale == y->scale && x->zero == y->zero;
    return p && same && ((const ps_axis_params *)p->params)->axis == axis ? p : NULL;
}

/* All parts of a split side by side are the value itself; a concat in a concat is one. */
static poise_status fuse_concat(ps_rewrite *w, ps_node *n)
{
    enum { MANY = 64 }; /* more would make chains of concats quadratic */
    int32_t in[MANY], whole = -1;
    int count = 0;
    bool found = false;
    if (n->n_in > MANY) return POISE_OK;
    for (int i = 0; i < n->n_in;) {
        int32_t v = ps_rw_in(w, n, i);
        int run = parts(w, n, i, &whole);
        const ps_node *inner = run ? NULL : inner_concat(w, n, v);
        int add = inner && inner->n_in + count <= MANY - n->n_in ? inner->n_in : 0;
        for (int k = 0; k < add; k++) in[count++] = ps_rw_in(w, inner, k);
        if (!add) in[count++] = run ? whole : v;
        found = found || run || add;
        i += run ? run : 1;
    }
    if (!found) return POISE_OK;
    bool ok;
    PS_TRY(ps_rw_set(w, n, n->op, n->params, count, in, &ok));
    if (ok) ps_rw_did(w, PS_DID_CONCAT);
    return POISE_OK;
}

poise_status ps_fuse_shape(ps_rewrite *w, ps_node *n)
{
    if (n->op == &ps_op_transpose) PS_TRY(regroup(w, n));
    if (n->op == &ps_op_reshape) PS_TRY(merge_reshapes(w, n));
    if (n->op == &ps_op_transpose) PS_TRY(merge_transposes(w, n));
    if (n->op == &ps_op_transpose) PS_TRY(cancel_across(w, n));
    if (n->op == &ps_op_concat) PS_TRY(fuse_concat(w, n));
    int32_t x = repeats(w, n);
    if (x >= 0 && ps_rw_bypass(w, n, x)) ps_rw_did(w, PS_DID_NO_OP);
    return POISE_OK;
}
