/* nn/op_cum_sum.c - running sums along an axis. */
#include "nn/convert_type.h"
#include "nn/op.h"
#include "nn/params.h"
#include "nn/quantised.h"
#include "nn/rules.h"
#include "nn/spread.h"

#include <stdio.h>

typedef struct job {
    poise_type type;
    ptrdiff_t n, sx, sy; /* bytes from element to element, from the end when reversed */
    ptrdiff_t x0, y0;    /* bytes to the first */
    bool exclusive;
} job;

static poise_status infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    const ps_cum_sum_params *p = params;
    (void)n_in;
    bool codes = ps_value_is_quantised(in[0]);
    PS_TRY(codes ? ps_rule_real(in[0], "the input") : ps_rule_number(in[0]));
    PS_TRY(ps_rule_axis(p->axis, in[0]->rank));
    ps_shape_like(out[0], codes ? ps_real_type(1, in, out[0]) : in[0]->type, in[0]);
    return POISE_OK;
}

static int live(const void *params, int i, int axis, const ps_value *const *in, const ps_value *out)
{
    const ps_cum_sum_params *p = params;
    (void)in;
    (void)out;
    return i == 0 && (axis != p->axis || !p->reverse) ? axis : -1;
}

/* Reads an element before it writes it: y may be x. */
static void line(const job *j, const char *x, char *y)
{
    double real = 0;
    uint64_t whole = 0;
    for (ptrdiff_t i = 0; i < j->n; i++, x += j->sx, y += j->sy) {
        double r = real;
        uint64_t w = whole;
        if (j->type == POISE_F32)
            real += ps_load_real(j->type, x);
        else
            whole += (uint64_t)ps_load_whole(j->type, x);
        if (j->type == POISE_F32)
            ps_store_real(j->type, j->exclusive ? r : real, y);
        else
            ps_store_whole(j->type, (int64_t)(j->exclusive ? w : whole), y);
    }
}

static void piece(const void *ctx, size_t n, void *const *at, const ptrdiff_t *step, int thread)
{
    const job *j = ctx;
    ptrdiff_t size = (ptrdiff_t)poise_type_size(j->type);
    (void)thread;
    for (ptrdiff_t i = 0; i < (ptrdiff_t)n; i++)
        line(j, (const char *)at[1] + i * step[1] * size + j->x0, (char *)at[0] + i * step[0] * size + j->y0);
}

static void run(const ps_call *c)
{
    const ps_cum_sum_params *p = c->params;
    const poise_tensor *x = c->in[0], *y = c->out[0];
    ptrdiff_t n = x->dim[p->axis], size = (ptrdiff_t)poise_type_size(x->type);
    if (!n) return;
    ptrdiff_t sx = x->stride[p->axis] * size, sy = y->stride[p->axis] * size;
    job j = {.type = x->type, .n = n, .sx = sx, .sy = sy, .exclusive = p->exclusive != 0};
    if (p->reverse) {
        j.x0 = (n - 1) * sx;
        j.y0 = (n - 1) * sy;
        j.sx = -sx;
        j.sy = -sy;
    }
    ps_walk w;
    ps_lines_init(&w, 2, (const poise_tensor *[]){y, x}, p->axis);
    ps_spread(&w, c->threads, (double)n * 3 + 5, piece, &j);
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
    const ps_cum_sum_params *p = params;
    snprintf(buf, size, "axis %d%s%s", p->axis, p->exclusive ? " exclusive" : "",
             p->reverse ? " reverse" : "");
}

const ps_op ps_op_cum_sum = {.name = "cum_sum",
                             .min_in = 1,
                             .max_in = 1,
                             .n_out = 1,
                             .order = PS_ORDER_LIKE,
                             .flags = PS_OP_INPLACE | PS_OP_QUANTISED,
                             .param_bytes = sizeof(ps_cum_sum_params),
                             .infer = infer,
                             .live = live,
                             .scratch = any_scratch,
                             .run = any_run,
                             .describe = describe};
