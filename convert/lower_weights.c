/* convert/lower_weights.c - quantised constants as weights of integer products: s8, symmetric, with one scale for each
 * output channel. */
#include "convert/lower.h"

#include <math.h>
#include <string.h>

/* A constant and how it is quantised. */
typedef struct source {
    int32_t id;       /* the constant */
    const ps_value *v;
    const uint8_t *codes;
    const float *scale;
    const int32_t *zero; /* NULL = 0 */
    size_t n_scales, inner; /* element e has scale e / inner % n_scales */
    float own_scale;
    int32_t own_zero;
} source;

/* How elements belong to output channels: (e / inner) % count, plus (e / group_size) * count. */
typedef struct channels {
    size_t inner, count, group_size, all;
} channels;

static channels channels_of(const ps_node *n, const ps_value *b)
{
    size_t area = 1, all = ps_value_count(b);
    for (int i = 2; i < b->rank; i++) area *= (size_t)b->dim[i];
    if (n->op == &ps_op_conv) {
        size_t o = (size_t)b->dim[0];
        return (channels){(size_t)b->dim[1] * area, o, all + 1, o};
    }
    if (n->op == &ps_op_conv_transpose) {
        size_t group = (size_t)((const ps_conv_transpose_params *)n->params)->group, o = (size_t)b->dim[1];
        size_t size = all / group;
        return (channels){area, o, size ? size : 1, o * group};
    }
    size_t last = (size_t)b->dim[b->rank - 1], before = (size_t)b->dim[b->rank - 2];
    if (((const ps_matmul_params *)n->params)->trans_b) return (channels){last, before, all + 1, before};
    return (channels){1, last, all + 1, last};
}

static size_t channel(const channels *c, size_t e)
{
    return e / c->inner % c->count + e / c->group_size * c->count;
}

static bool has_constant(const ps_lower *l, const ps_node *n, int k, poise_type type)
{
    const ps_value *v = n->in[k] < 0 ? NULL : &l->g->values[n->in[k]];
    return v && v->data && v->type == type;
}

/* Old value v, if it is a dequantised constant of 8 bits. */
static bool find_source(ps_lower *l, int32_t v, source *s)
{
    ps_node n;
    const ps_value *values = l->g->values;
    *s = (source){.n_scales = 1, .inner = 1};
    if (l->form[v].kind == PS_FORM_EQUAL) {
        s->id = l->form[v].id;
        s->v = &values[s->id];
        s->own_scale = s->v->scale;
        s->own_zero = s->v->zero;
        s->codes = s->v->data;
        return s->codes != NULL;
    }
    if (!ps_lower_maker(l, v, &n) || n.op != &ps_op_quantize || n.n_in < 2) return false;
    const ps_quantize_params *p = n.params;
    s->id = n.in[0];
    s->v = &values[s->id];
    s->codes = s->v->data;
    bool bytes = s->v->type == POISE_I8 || s->v->type == POISE_U8;
    if (!bytes || !s->codes || p->to != POISE_F32 || !has_constant(l, &n, 1, POISE_F32)) return false;
    s->scale = values[n.in[1]].data;
    s->n_scales = ps_value_count(&values[n.in[1]]);
    if (n.n_in > 2 && n.in[2] >= 0) {
        if (!has_constant(l, &n, 2, POISE_I32)) return false;
        s->zero = values[n.in[2]].data;
    }
    for (int i = p->axis + 1; s->n_scales > 1 && i < s->v->rank; i++) s->inner *= (size_t)s->v->dim[i];
    return true;
}

static float scale_at(const source *s, size_t e)
{
    float f = s->own_scale;
    if (s->scale) memcpy(&f, (const uint8_t *)s->scale + e / s->inner % s->n_scales * sizeof f, sizeof f);
    return f;
}

static int32_t zero_at(const source *s, size_t e)
{
    int32_t zero = s->own_zero;
    if (s->zero) memcpy(&zero, (const uint8_t *)s->zero + e / s->inner % s->n_scales * sizeof zero, sizeof zero);
    return zero;
}

static int32_t number_at(const source *s, size_t e)
{
    return (s->v->type == POISE_I8 ? (int8_t)s->codes[e] : s->codes[e]) - zero_at(s, e);
}

/* The largest numbers of each channel, and their scale; false where a channel has several scales. */
static bool measure(const source *s, const channels *c, size_t n, float *scale, int32_t *low, int32_t *high)
{
    for (size_t e = 0; e < n; e++) {
        size_t i = channel(c, e);
        float f = scale_at(s, e);
        int32_t q = number_at(s, e);
        if (scale[i] > 0 && scale[i] != f) return false;
        scale[i] = f;
        if (q < low[i]) low[i] = q;
        if (q > high[i]) high[i] = q;
    }
    return true;
}

/* Numbers of 9 bits, of files with u8 weights around a zero point, are rounded to 8. */
static void fill(const source *s, const channels *c, size_t n, float *scale, const int32_t *low, const int32_t *high,
                 int8_t *to)
{
    for (size_t e = 0; e < n; e++) {
        size_t i = channel(c, e);
        int32_t q = number_at(s, e), most = high[i] > -low[i] ? high[i] : -low[i];
        bool fits = low[i] >= -128 && high[i] <= 127;
        to[e] = (int8_t)(fits ? q : (int32_t)rint((double)q * 127 / most));
    }
    for (size_t i = 0; i < c->all; i++) {
        int32_t most = high[i] > -low[i] ? high[i] : -low[i];
        if (low[i] < -128 || high[i] > 127) scale[i] = (float)((double)scale[i] * most / 127);
    }
}

/* How n reads its weights: two nodes that do it alike may share what was made of them. */
static int32_t kind_of(const ps_node *n)
{
    if (n->op == &ps_op_conv_transpose) return ((const ps_conv_transpose_params *)n->params)->group;
    return n->op == &ps_op_matmul ? ((const ps_matmul_params *)n->params)->trans_b : 0;
}

static poise_status convert(ps_lower *l, const ps_node *n, source *s, int32_t *weights, int32_t *scale)
{
    const ps_value v = *s->v;
    channels c = channels_of(n, &v);
    size_t count = ps_value_count(&v);
    int32_t all = (int32_t)c.all;
    int32_t *range = ps_alloc_array(c.all * 2, sizeof *range);
    PS_REQUIRE(range, POISE_NO_MEMORY, "no memory for %zu channels", c.all);
    poise_status status = ps_graph_constant(l->g, NULL, POISE_F32, 1, &all, NULL, scale);
    if (status == POISE_OK) {
        float *to = (float *)(uintptr_t)l->g->values[*scale].data; /* made a line above, to be filled */
        s->v = &v;
        bool ok = measure(s, &c, count, to, range, range + c.all);
        bool same = ok && v.type == POISE_I8 && v.scale == 0;
        for (size_t e = 0; same && e < s->n_scales; e++) same = zero_at(s, e * s->inner) == 0;
        *weights = same ? s->id : -1; /* in place */
        if (ok && !same) {
            status = ps_graph_constant(l->g, v.name, POISE_I8, v.rank, v.dim, NULL, weights);
            if (status == POISE_OK)
                fill(s, &c, count, to, range, range + c.all, (int8_t *)(uintptr_t)l->g->values[*weights].data);
        }
    }
    ps_free(range);
    return status;
}

poise_status ps_lower_weights(ps_lower *l, const ps_node *n, int32_t v, int32_t *weights, int32_t *scale)
{
    source s;
    *weights = *scale = -1;
    if (v < 0 || !find_source(l, v, &s) || s.v->rank < 2 || !ps_value_count(s.v)) return POISE_OK;
    ps_form *f = &l->form[v];
    if (f->weights_op != n->op || f->weights_kind != kind_of(n)) {
        size_t bytes = ps_value_bytes(s.v);
        if (bytes > l->budget) return POISE_OK;
        l->budget -= bytes;
        PS_TRY(convert(l, n, &s, &f->weights, &f->weights_scale));
        f->weights_op = n->op;
        f->weights_kind = kind_of(n);
    }
    *weights = f->weights;
    *scale = f->weights_scale;
    return POISE_OK;
}
