/* nn/op_lp_norm.c - lines divided by the sum of their magnitudes, or by their length. */
#include "nn/op.h"
#include "nn/params.h"
#include "nn/quantised.h"
#include "nn/rules.h"
#include "nn/spread.h"

#include <math.h>
#include <stdio.h>

typedef struct job {
    ptrdiff_t n, sx, sy;
    bool squares;
} job;

static poise_status infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    const ps_lp_norm_params *p = params;
    (void)n_in;
    PS_TRY(ps_rule_real(in[0], "the input"));
    PS_TRY(ps_rule_axis(p->axis, in[0]->rank));
    PS_REQUIRE(p->p == 1 || p->p == 2, POISE_UNSUPPORTED, "p is %d, must be 1 or 2", p->p);
    ps_shape_like(out[0], ps_real_type(1, in, out[0]), in[0]);
    return POISE_OK;
}

static int live(const void *params, int i, int axis, const ps_value *const *in, const ps_value *out)
{
    const ps_lp_norm_params *p = params;
    (void)in;
    (void)out;
    return i == 0 && axis != p->axis ? axis : -1;
}

/* A line of zeros stays as it is. */
static void piece(const void *ctx, size_t n, void *const *at, const ptrdiff_t *step, int thread)
{
    const job *j = ctx;
    (void)thread;
    for (ptrdiff_t l = 0; l < (ptrdiff_t)n; l++) {
        const float *x = (const float *)at[1] + l * step[1];
        float *y = (float *)at[0] + l * step[0];
        double sum = 0;
        for (ptrdiff_t i = 0; i < j->n; i++) {
            double v = (double)x[i * j->sx];
            sum += j->squares ? v * v : fabs(v);
        }
        float f = sum > 0 ? (float)(1 / (j->squares ? sqrt(sum) : sum)) : 0;
        for (ptrdiff_t i = 0; i < j->n; i++) y[i * j->sy] = x[i * j->sx] * f;
    }
}

static void run(const ps_call *c)
{
    const ps_lp_norm_params *p = c->params;
    const poise_tensor *x = c->in[0], *y = c->out[0];
    job j = {x->dim[p->axis], x->stride[p->axis], y->stride[p->axis], p->p == 2};
    ps_walk w;
    ps_lines_init(&w, 2, (const poise_tensor *[]){y, x}, p->axis);
    ps_spread(&w, c->threads, (double)j.n * 2 + 10, piece, &j);
}

/* Codes go through floats. */
static size_t any_scratch(const ps_call *c)
{
    return ps_float_scratch(c, NULL);
}

static void any_run(const ps_call *c)
{
    ps_float_run(c, run);
}

static void describe(const void *params, char *buf, size_t size)
{
    const ps_lp_norm_params *p = params;
    snprintf(buf, size, "p %d axis %d", p->p, p->axis);
}

const ps_op ps_op_lp_norm = {.name = "lp_norm",
                             .min_in = 1,
                             .max_in = 1,
                             .n_out = 1,
                             .order = PS_ORDER_LIKE,
                             .flags = PS_OP_INPLACE | PS_OP_QUANTISED,
                             .param_bytes = sizeof(ps_lp_norm_params),
                             .infer = infer,
                             .live = live,
                             .scratch = any_scratch,
                             .run = any_run,
                             .describe = describe};
