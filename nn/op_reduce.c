/* nn/op_reduce.c - sums, means, largest elements and the like over axes. */
#include "nn/op.h"
#include "nn/params.h"
#include "nn/reduction.h"
#include "nn/rules.h"

#include <stdio.h>

static const char *const names[PS_REDUCE_COUNT] = {"sum", "mean", "max",     "min",         "prod",
                                                   "l1",  "l2",   "log sum", "log sum exp", "sum square"};

static poise_status infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    const ps_reduce_params *p = params;
    const ps_value *x = in[0];
    ps_value *y = out[0];
    (void)n_in;
    PS_REQUIRE(p->kind >= 0 && p->kind < PS_REDUCE_COUNT, POISE_BAD_MODEL, "unknown reduction %d", p->kind);
    PS_REQUIRE(!((uint32_t)p->axes >> x->rank), POISE_BAD_MODEL, "axes (mask 0x%x) of an input of rank %d",
               (unsigned)p->axes, x->rank);
    bool order = p->kind == PS_REDUCE_MAX || p->kind == PS_REDUCE_MIN;
    if (!order || x->type != POISE_BOOL) PS_TRY(ps_rule_number(x));
    y->type = x->type;
    y->rank = 0;
    for (int i = 0; i < x->rank; i++) {
        bool reduced = p->axes >> i & 1;
        if (!reduced || p->keep_dims) y->dim[y->rank++] = reduced ? 1 : x->dim[i];
    }
    return POISE_OK;
}

static int live(const void *params, int i, int axis, const ps_value *const *in, const ps_value *out)
{
    const ps_reduce_params *p = params;
    (void)in;
    (void)out;
    if (i < 0 || p->axes >> axis & 1) return -1;
    int at = 0;
    for (int d = 0; d < axis; d++) at += p->keep_dims || !(p->axes >> d & 1);
    return at;
}

static void run(const ps_call *c)
{
    const ps_reduce_params *p = c->params;
    const poise_tensor *x = c->in[0], *y = c->out[0];
    poise_tensor full = *y; /* y with a 1 for each axis that is gone */
    full.rank = x->rank;
    for (int i = 0, at = 0; i < x->rank; i++) {
        bool reduced = p->axes >> i & 1, gone = reduced && !p->keep_dims;
        full.dim[i] = reduced ? 1 : x->dim[i];
        full.stride[i] = gone ? 0 : y->stride[at];
        at += !gone;
    }
    ps_reduce(c->k, p->kind, x, (uint32_t)p->axes, &full, NULL, c->threads);
}

static void describe(const void *params, char *buf, size_t size)
{
    const ps_reduce_params *p = params;
    int n = snprintf(buf, size, "%s axes ", names[p->kind]);
    const char *comma = "";
    for (int i = 0; i < PS_DIMS && n > 0 && (size_t)n < size; i++) {
        if (!(p->axes >> i & 1)) continue;
        n += snprintf(buf + n, size - (size_t)n, "%s%d", comma, i);
        comma = ",";
    }
}

const ps_op ps_op_reduce = {.name = "reduce",
                            .min_in = 1,
                            .max_in = 1,
                            .n_out = 1,
                            .order = PS_ORDER_LIKE,
                            .param_bytes = sizeof(ps_reduce_params),
                            .infer = infer,
                            .live = live,
                            .run = run,
                            .describe = describe};
