/* nn/op_layer_norm.c - normalisation over the last dimensions, from `axis` on. */
#include "nn/move.h"
#include "nn/op.h"
#include "nn/params.h"
#include "nn/quantised.h"
#include "nn/rules.h"
#include "nn/spread.h"
#include "nn/widen.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct job {
    const ps_call *c;
    ps_walk group;             /* the normalised dimensions of y and x, from their first elements */
    size_t n;                  /* their elements */
    const float *scale, *bias; /* dense, in the order of `group` */
    float *room;               /* n per thread */
    float eps;
    int mean, deviation; /* places of the optional outputs in the walk, 0 = absent */
} job;

static poise_status infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    const ps_layer_norm_params *p = params;
    const ps_value *x = in[0];
    PS_TRY(ps_rule_axis(p->axis, x->rank));
    for (int i = 0; i < n_in; i++) {
        if (!in[i]) continue;
        PS_TRY(i ? ps_rule_type(in[i], "scale or bias", POISE_F32) : ps_rule_real(x, "the input"));
        bool fits = !i || in[i]->rank == x->rank - p->axis;
        for (int d = 0; i && fits && d < in[i]->rank; d++) fits = in[i]->dim[d] == x->dim[d + p->axis];
        char a[PS_SHAPE_TEXT], b[PS_SHAPE_TEXT];
        PS_REQUIRE(fits, POISE_BAD_MODEL, "scale or bias is %s, the input %s from axis %d",
                   ps_shape_text(in[i]->rank, in[i]->dim, a), ps_shape_text(x->rank, x->dim, b), p->axis);
    }
    ps_shape_like(out[0], ps_real_type(1, in, out[0]), x);
    for (int j = 1; j < 3; j++) {
        if (!out[j]) continue;
        ps_shape_like(out[j], POISE_F32, x);
        for (int d = p->axis; d < x->rank; d++) out[j]->dim[d] = 1;
    }
    return POISE_OK;
}

static int live(const void *params, int i, int axis, const ps_value *const *in, const ps_value *out)
{
    const ps_layer_norm_params *p = params;
    (void)in;
    (void)out;
    return i == 0 && axis < p->axis ? axis : -1;
}

static void statistics(const job *j, const float *x, float *mean, float *deviation)
{
    double sum = 0, square = 0;
    for (size_t i = 0; i < j->n; i++) sum += (double)x[i];
    sum /= (double)j->n;
    for (size_t i = 0; i < j->n; i++) square += ((double)x[i] - sum) * ((double)x[i] - sum);
    if (mean) *mean = (float)sum;
    if (deviation) *deviation = (float)(1 / sqrt(square / (double)j->n + (double)j->eps));
}

/* Address of row r of `group` for the group that begins at `at`, in y (i = 0) or x (i = 1). */
static void *row_at(const job *j, size_t r, int i, void *at)
{
    void *row[PS_MAX_WALK];
    ps_walk_row(&j->group, r, row);
    return (char *)at + ((char *)row[i] - j->group.base[i]);
}

/* The group's elements of x as dense floats: where they are, or in room. */
static const float *read_group(const job *j, void *x, float *room)
{
    const ps_walk *g = &j->group;
    const poise_tensor *t = j->c->in[0];
    if (g->rows == 1) return ps_widen(j->c->k, t, g->n, x, g->step[1], room);
    for (size_t r = 0; r < g->rows; r++) {
        float *to = room + r * g->n;
        const float *row = ps_widen(j->c->k, t, g->n, row_at(j, r, 1, x), g->step[1], to);
        if (row != to) memcpy(to, row, g->n * sizeof *to);
    }
    return room;
}

static void group(const job *j, void *y, void *x, float *mean, float *deviation, float *room)
{
    const ps_walk *g = &j->group;
    const ps_kernels *k = j->c->k;
    const poise_tensor *t = j->c->out[0];
    bool dense = t->type == POISE_F32 && g->rows == 1 && (g->n == 1 || g->step[0] == 1);
    const float *from = read_group(j, x, room);
    if (mean || deviation) statistics(j, from, mean, deviation);
    ps_steady(j->c)->layernorm_f32(j->n, from, j->eps, j->scale, j->bias, dense ? y : room);
    for (size_t r = 0; !dense && r < g->rows; r++)
        ps_narrow_to(k, t, g->n, room + r * g->n, row_at(j, r, 0, y), g->step[0]);
}

static void piece(const void *ctx, size_t n, void *const *at, const ptrdiff_t *step, int thread)
{
    const job *j = ctx;
    float *room = j->room + (size_t)thread * ps_round_up(j->n, 16);
    size_t sy = poise_type_size(j->c->out[0]->type), sx = poise_type_size(j->c->in[0]->type);
    for (ptrdiff_t i = 0; i < (ptrdiff_t)n; i++) {
        float *mean = j->mean ? (float *)at[j->mean] + i * step[j->mean] : NULL;
        float *deviation = j->deviation ? (float *)at[j->deviation] + i * step[j->deviation] : NULL;
        group(j, ps_at(at[0], i * step[0], sy), ps_at(at[1], i * step[1], sx), mean, deviation, room);
    }
}

static size_t group_size(const ps_call *c)
{
    const ps_layer_norm_params *p = c->params;
    size_t n = 1;
    for (int d = p->axis; d < c->in[0]->rank; d++) n *= (size_t)c->in[0]->dim[d];
    return n;
}

/* Scale, bias, and a row for each thread. */
static size_t scratch(const ps_call *c)
{
    return ps_size_cap(ps_round_up(group_size(c), 16) * sizeof(float), (size_t)c->threads + 2);
}

/* The dimensions of t before axis, or those from axis on; the others become 1. */
static poise_tensor part(const poise_tensor *t, int axis, bool inner)
{
    poise_tensor v = *t;
    for (int d = 0; d < v.rank; d++)
        if ((d >= axis) != inner) v.dim[d] = 1;
    return v;
}

/* Scale or bias in the order in which the elements of a group are taken: as it is, or copied into room. */
static const float *in_order(const job *j, const poise_tensor *x, const poise_tensor *s, int axis,
                             float *room)
{
    if (!s) return NULL;
    poise_tensor full = part(x, axis, true), y = part(j->c->out[0], axis, true);
    full.type = s->type;
    full.data = s->data;
    for (int d = axis; d < x->rank; d++) full.stride[d] = s->stride[d - axis];
    ps_walk w;
    ps_walk_init(&w, 2, (const poise_tensor *[]){&y, &full});
    if (w.rows == 1 && (w.n == 1 || w.step[1] == 1)) return s->data;
    for (size_t r = 0; r < w.rows; r++) {
        void *at[PS_MAX_WALK];
        ps_walk_row(&w, r, at);
        ps_gather(sizeof *room, w.n, at[1], w.step[1], room + r * w.n);
    }
    return room;
}

static void run(const ps_call *c)
{
    const ps_layer_norm_params *p = c->params;
    const poise_tensor *x = c->in[0], *y = c->out[0];
    size_t n = group_size(c), stride = ps_round_up(n, 16);
    float *room = c->scratch;
    if (!n) return;
    job j = {.c = c, .n = n, .eps = p->eps, .room = room + 2 * stride};
    poise_tensor inner[2] = {part(y, p->axis, true), part(x, p->axis, true)};
    ps_walk_init(&j.group, 2, (const poise_tensor *[]){&inner[0], &inner[1]});
    j.scale = in_order(&j, x, c->n_in > 1 ? c->in[1] : NULL, p->axis, room);
    j.bias = in_order(&j, x, c->n_in > 2 ? c->in[2] : NULL, p->axis, room + stride);
    poise_tensor outer[4] = {part(y, p->axis, false), part(x, p->axis, false)};
    const poise_tensor *all[4] = {&outer[0], &outer[1], &outer[2], &outer[3]};
    int count = 2;
    for (int i = 1; i < c->n_out; i++) {
        if (!c->out[i]) continue;
        *(i == 1 ? &j.mean : &j.deviation) = count;
        outer[count++] = *c->out[i];
    }
    ps_walk w;
    ps_walk_init(&w, count, all);
    ps_spread(&w, c->threads, (double)n * 0.4 + 10, piece, &j);
}

static void describe(const void *params, char *buf, size_t size)
{
    const ps_layer_norm_params *p = params;
    snprintf(buf, size, "axis %d eps %g", p->axis, (double)p->eps);
}

const ps_op ps_op_layer_norm = {.name = "layer_norm",
                                .min_in = 1,
                                .max_in = 3,
                                .n_out = 3,
                                .order = PS_ORDER_LIKE,
                                .flags = PS_OP_INPLACE | PS_OP_QUANTISED,
                                .param_bytes = sizeof(ps_layer_norm_params),
                                .infer = infer,
                                .live = live,
                                .scratch = scratch,
                                .run = run,
                                .narrow = ps_narrow_each,
                                .describe = describe};
