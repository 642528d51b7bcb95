/* convert/linear.c - recognises constant scales and shifts, and knows which weight belongs to which channel. */
#include "convert/linear.h"

#include <math.h>

/* Whether constant c varies along at most one axis of y; sets axis (-1: not at all) and count. */
static bool along_one_axis(const ps_value *c, const ps_value *y, int *axis, int32_t *count)
{
    *axis = -1;
    *count = 1;
    if (c->rank > y->rank) return false;
    for (int i = 0; i < c->rank; i++) {
        int at = y->rank - c->rank + i;
        if (c->dim[i] == 1) continue;
        if (*axis >= 0 || c->dim[i] != y->dim[at]) return false;
        *axis = at;
        *count = c->dim[i];
    }
    return true;
}

double ps_linear_scale(const ps_rewrite *w, const ps_linear *l, int32_t i)
{
    switch (l->kind) {
    case PS_BINARY_ADD:
    case PS_BINARY_SUB: return 1;
    case PS_LINEAR_FROM: return -1;
    case PS_BINARY_DIV: return 1 / (double)ps_rw_float(w, l->c[0], (size_t)i);
    default: return (double)ps_rw_float(w, l->c[0], (size_t)i);
    }
}

double ps_linear_shift(const ps_rewrite *w, const ps_linear *l, int32_t i)
{
    switch (l->kind) {
    case PS_BINARY_ADD:
    case PS_LINEAR_FROM: return (double)ps_rw_float(w, l->c[0], (size_t)i);
    case PS_BINARY_SUB: return -(double)ps_rw_float(w, l->c[0], (size_t)i);
    case PS_LINEAR_AFFINE: return (double)ps_rw_float(w, l->c[1], (size_t)i);
    default: return 0;
    }
}

/* Notes what it does; false when a number is not finite, as after dividing by 0, or there are more numbers
 * than any network has channels (they are looked at again for every node that shares them). */
static bool examine(const ps_rewrite *w, ps_linear *l)
{
    enum { CHANNELS = 16384 };
    if (l->n < 1 || l->n > CHANNELS) return false;
    l->moves = l->scales = false;
    for (int32_t i = 0; i < l->n; i++) {
        double s = ps_linear_scale(w, l, i), t = ps_linear_shift(w, l, i);
        if (!isfinite(s) || !isfinite(t)) return false;
        l->scales = l->scales || s < 1 || s > 1;
        l->moves = l->moves || t < 0 || t > 0;
    }
    return true;
}

bool ps_linear_of(ps_rewrite *w, const ps_node *n, ps_linear *l)
{
    const ps_value *values = w->g->values, *y = &values[n->out[0]];
    *l = (ps_linear){.x = ps_rw_in(w, n, 0), .c = {-1, -1}};
    if (y->type != POISE_F32) return false;
    if (n->op == &ps_op_affine) {
        const ps_affine_params *a = n->params;
        l->c[0] = ps_rw_in(w, n, 1);
        l->c[1] = ps_rw_in(w, n, 2);
        l->kind = PS_LINEAR_AFFINE;
        l->axis = 1;
        l->n = y->dim[1];
        return a->fused.act == PS_ACT_NONE && ps_rw_is_const(w, l->c[0]) && ps_rw_is_const(w, l->c[1]) &&
               examine(w, l);
    }
    if (n->op != &ps_op_binary) return false;
    l->kind = ((const ps_binary_params *)n->params)->kind;
    if (l->kind > PS_BINARY_DIV) return false;
    l->c[0] = ps_rw_in(w, n, 1);
    if (!ps_rw_is_const(w, l->c[0])) {
        if (l->kind == PS_BINARY_DIV) return false;
        if (l->kind == PS_BINARY_SUB) l->kind = PS_LINEAR_FROM;
        l->x = l->c[0];
        l->c[0] = ps_rw_in(w, n, 0);
    }
    return ps_rw_is_const(w, l->c[0]) && !values[l->x].data && ps_rw_same_dims(&values[l->x], y) &&
           along_one_axis(&values[l->c[0]], y, &l->axis, &l->n) && examine(w, l);
}

ps_channels ps_weight_channels(ps_rewrite *w, const ps_node *n, bool input)
{
    const ps_value *b = &w->g->values[ps_rw_in(w, n, 1)];
    size_t area = 1;
    for (int i = 2; i < b->rank; i++) area *= (size_t)b->dim[i];
    if (n->op == &ps_op_conv) {
        const ps_conv_params *p = n->params;
        size_t o = (size_t)b->dim[0], c = (size_t)b->dim[1];
        if (!input) return (ps_channels){c * area, o, 0};
        return (ps_channels){area, c, o / (size_t)p->group * c * area};
    }
    if (n->op == &ps_op_conv_transpose) {
        const ps_conv_transpose_params *p = n->params;
        size_t c = (size_t)b->dim[0], o = (size_t)b->dim[1];
        if (input) return (ps_channels){o * area, c, 0};
        return (ps_channels){area, o, c / (size_t)p->group * o * area};
    }
    if (n->op == &ps_op_matmul) {
        const ps_matmul_params *p = n->params;
        size_t last = (size_t)b->dim[b->rank - 1], before = (size_t)b->dim[b->rank - 2];
        bool along_last = (p->trans_b != 0) == input;
        return along_last ? (ps_channels){1, last, 0} : (ps_channels){last, before, 0};
    }
    return (ps_channels){1, ps_value_count(b), 0}; /* one number per channel */
}
