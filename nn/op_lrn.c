/* nn/op_lrn.c - local response normalisation across channels (Krizhevsky et al. 2012, section 3.3). */
#include "nn/op.h"
#include "nn/params.h"
#include "nn/quantised.h"
#include "nn/rules.h"
#include "nn/spread.h"

#include <math.h>
#include <stdio.h>

typedef struct job {
    const ps_call *c;
    const ps_lrn_params *p;
    ptrdiff_t n, sx, sy; /* channels and their steps */
    float *room;         /* 2n per thread: a line of x, and its squares */
} job;

static poise_status infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    const ps_lrn_params *p = params;
    (void)n_in;
    PS_TRY(ps_rule_real(in[0], "the input"));
    PS_REQUIRE(in[0]->rank >= 2, POISE_BAD_MODEL, "the input has rank %d, must have 2 or more", in[0]->rank);
    PS_REQUIRE(p->size > 0, POISE_BAD_MODEL, "size %d, must be positive", p->size);
    ps_shape_like(out[0], ps_real_type(1, in, out[0]), in[0]);
    return POISE_OK;
}

/* sum^-beta; the published beta is 3/4, which two roots give much faster than powf. */
static float damp(float sum, float beta)
{
    if (beta != 0.75f) return powf(sum, -beta);
    float root = sqrtf(sum);
    return 1 / (root * sqrtf(root));
}

static void line(const job *j, const float *x, float *y, float *room)
{
    ptrdiff_t n = j->n, before = (j->p->size - 1) / 2, after = j->p->size - 1 - before;
    float *square = room + n, factor = j->p->alpha / (float)j->p->size;
    ps_gather(sizeof *x, (size_t)n, x, j->sx, room);
    j->c->k->mul_f32((size_t)n, room, 1, room, 1, square);
    for (ptrdiff_t i = 0; i < n; i++) {
        ptrdiff_t from = i < before ? 0 : i - before, to = after < n - 1 - i ? i + after : n - 1;
        float sum = 0;
        for (ptrdiff_t t = from; t <= to; t++) sum += square[t];
        y[i * j->sy] = room[i] * damp(j->p->bias + factor * sum, j->p->beta);
    }
}

static void piece(const void *ctx, size_t n, void *const *at, const ptrdiff_t *step, int thread)
{
    const job *j = ctx;
    float *room = j->room + (size_t)thread * ps_round_up(2 * (size_t)j->n, 16);
    for (ptrdiff_t i = 0; i < (ptrdiff_t)n; i++)
        line(j, (const float *)at[1] + i * step[1], (float *)at[0] + i * step[0], room);
}

static size_t scratch(const ps_call *c)
{
    return ps_size_cap(ps_round_up(2 * (size_t)c->in[0]->dim[1], 16) * sizeof(float), (size_t)c->threads);
}

static void run(const ps_call *c)
{
    const poise_tensor *x = c->in[0], *y = c->out[0];
    job j = {c, c->params, x->dim[1], x->stride[1], y->stride[1], c->scratch};
    ps_walk w;
    ps_lines_init(&w, 2, (const poise_tensor *[]){y, x}, 1);
    ps_spread(&w, c->threads, (double)j.n * 8 + 10, piece, &j);
}

/* Codes go through floats. */
static size_t any_scratch(const ps_call *c)
{
    return ps_float_scratch(c, scratch);
}

static void any_run(const ps_call *c)
{
    ps_float_run(c, run);
}

static void describe(const void *params, char *buf, size_t size)
{
    const ps_lrn_params *p = params;
    snprintf(buf, size, "size %d alpha %g beta %g bias %g", p->size, (double)p->alpha, (double)p->beta,
             (double)p->bias);
}

const ps_op ps_op_lrn = {.name = "lrn",
                         .min_in = 1,
                         .max_in = 1,
                         .n_out = 1,
                         .order = PS_ORDER_LIKE,
                         .flags = PS_OP_INPLACE | PS_OP_QUANTISED,
                         .param_bytes = sizeof(ps_lrn_params),
                         .infer = infer,
                         .scratch = any_scratch,
                         .run = any_run,
                         .describe = describe};
