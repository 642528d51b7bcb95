/* convert/fuse_upsample.c - a 1x1 convolution of an enlarged image beside another one: the enlarged part is convolved
 * while it is still small, and its sums are enlarged instead.
 *
 *      conv([up(a), b]) = conv_b(b) + up(conv_a(a))
 *
 * In detectors' feature pyramids this saves three quarters of the part's multiplications, and the enlarged copy has the
 * channels of the result.  Nearest neighbours only repeat pixels, so that each sum has the same terms. */
#include "convert/rewrite.h"

typedef struct site {
    ps_node *conv, *concat, *resize;
    int32_t a, b;             /* the small image, the other one */
    int32_t first_a, first_b; /* their first channels in the concatenation */
} site;

static bool is_pointwise(const ps_node *n)
{
    const ps_conv_params *p = n->params;
    for (int i = 0; i < 2; i++)
        if (p->kernel[i] != 1 || p->stride[i] != 1 || p->pad[i] || p->pad[i + 2]) return false;
    return p->group == 1;
}

/* Whether n repeats pixels of an image and leaves batch and channels alone. */
static bool is_enlarged(ps_rewrite *w, const ps_node *n)
{
    const ps_resize_params *p = n->params;
    const ps_value *x = &w->g->values[ps_rw_in(w, n, 0)];
    if (p->mode != PS_RESIZE_NEAREST || p->coord == PS_COORD_TF_CROP || p->rank != 4) return false;
    for (int i = 0; i < 2; i++)
        if (p->dim[i] != x->dim[i] || !ps_rw_near((double)p->scale[i], 1)) return false;
    return p->dim[2] >= x->dim[2] && p->dim[3] >= x->dim[3];
}

/* Fewer pixels by half, and no more numbers to enlarge than before, count the sums that are added again twice. */
static bool pays(ps_rewrite *w, const site *s)
{
    const ps_value *x = &w->g->values[s->a], *y = &w->g->values[s->conv->out[0]];
    return (int64_t)x->dim[2] * x->dim[3] * 2 <= (int64_t)y->dim[2] * y->dim[3] && y->dim[1] <= 2 * x->dim[1];
}

static bool find_site(ps_rewrite *w, ps_node *n, site *s)
{
    *s = (site){.conv = n};
    if (n->op != &ps_op_conv || !is_pointwise(n) || ps_rw_has_residual(w, n) ||
        !ps_rw_is_const(w, ps_rw_in(w, n, 1)))
        return false;
    s->concat = ps_rw_sole(w, ps_rw_in(w, n, 0), &ps_op_concat);
    if (!s->concat || s->concat->n_in != 2 || ((const ps_axis_params *)s->concat->params)->axis != 1)
        return false;
    for (int i = 0; i < 2; i++) {
        int32_t up = ps_rw_in(w, s->concat, i), other = ps_rw_in(w, s->concat, 1 - i);
        s->resize = ps_rw_sole(w, up, &ps_op_resize);
        if (!s->resize || !is_enlarged(w, s->resize)) continue;
        s->a = ps_rw_in(w, s->resize, 0);
        s->b = other;
        s->first_a = i ? w->g->values[other].dim[1] : 0;
        s->first_b = i ? 0 : w->g->values[up].dim[1];
        return pays(w, s);
    }
    return false;
}

/* The weights of input channels [first, first + count). */
static poise_status part_of(ps_rewrite *w, int32_t weights, int32_t first, int32_t count, int32_t *out)
{
    const ps_value old = w->g->values[weights];
    float *to;
    PS_TRY(ps_rw_floats(w, old.rank, (int32_t[]){old.dim[0], count, 1, 1}, out, &to));
    for (int32_t o = 0; o < old.dim[0]; o++)
        for (int32_t c = 0; c < count; c++)
            *to++ = ps_rw_float(w, weights, (size_t)o * (size_t)old.dim[1] + (size_t)(first + c));
    return POISE_OK;
}

poise_status ps_fuse_upsample(ps_rewrite *w, ps_node *n)
{
    site s;
    if (!find_site(w, n, &s)) return POISE_OK;
    int32_t weights = ps_rw_in(w, n, 1);
    if (!ps_rw_spend(w, ps_value_bytes(&w->g->values[weights]))) return POISE_OK;
    const ps_value a = w->g->values[s.a], y = w->g->values[n->out[0]];
    int32_t small[4] = {y.dim[0], y.dim[1], a.dim[2], a.dim[3]}, sums, enlarged;
    int32_t in_a[2] = {s.a}, in[4] = {s.b, -1, ps_rw_in(w, n, 2)};
    PS_TRY(part_of(w, weights, s.first_a, a.dim[1], &in_a[1]));
    PS_TRY(part_of(w, weights, s.first_b, w->g->values[s.b].dim[1], &in[1]));
    PS_TRY(ps_rw_value(w, 4, small, &sums));
    PS_TRY(ps_rw_value(w, 4, y.dim, &enlarged));
    ps_conv_params p = *(const ps_conv_params *)n->params, plain = p;
    p.fused.act_last = 1;
    plain.fused = (ps_fused){0};
    ps_resize_params up = *(const ps_resize_params *)s.resize->params;
    up.dim[1] = y.dim[1];
    in[3] = enlarged;
    bool ok;
    ps_rw_hold(w, 2, in_a, 1);
    PS_TRY(ps_rw_set(w, n, &ps_op_conv, &p, 4, in, &ok));
    ps_rw_hold(w, 2, in_a, -1);
    if (!ok) return POISE_OK;
    PS_TRY(ps_rw_revive(w, s.resize, &ps_op_conv, &plain, 2, in_a, sums));
    PS_TRY(ps_rw_revive(w, s.concat, &ps_op_resize, &up, 1, &sums, enlarged));
    ps_rw_did(w, PS_DID_UPSAMPLE);
    return POISE_OK;
}
