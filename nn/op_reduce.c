/* nn/op_reduce.c - sums, means, largest elements and the like over axes. */
#include "nn/half.h"
#include "nn/op.h"
#include "nn/params.h"
#include "nn/quantised.h"
#include "nn/reduction.h"
#include "nn/rules.h"
#include "nn/spread.h"
#include "nn/widen.h"

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
    bool codes = ps_value_is_quantised(x);
    if (codes) PS_TRY(ps_rule_real(x, "the input"));
    else if (!order || x->type != POISE_BOOL) PS_TRY(ps_rule_number(x));
    y->type = codes ? ps_real_type(1, in, y) : x->type;
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

/* An input of 16 bits as floats, in the same order of dimensions. */
static poise_tensor widened(const ps_call *c)
{
    poise_tensor x = *c->in[0];
    x.type = POISE_F32;
    x.data = c->scratch;
    ps_strides_like(&x, c->in[0]);
    return x;
}

static void widen_piece(const void *ctx, size_t n, void *const *at, const ptrdiff_t *step, int thread)
{
    const ps_call *c = ctx;
    float room[PS_WIDEN];
    (void)thread;
    for (size_t i = 0; i < n; i += PS_WIDEN) {
        size_t m = n - i < PS_WIDEN ? n - i : PS_WIDEN;
        const uint16_t *x = (const uint16_t *)at[1] + (ptrdiff_t)i * step[1];
        ps_scatter(sizeof *room, m, ps_widen(c->k, c->in[0], m, x, step[1], room),
                   (float *)at[0] + (ptrdiff_t)i * step[0], step[0]);
    }
}

static size_t float_scratch(const ps_call *c)
{
    bool half = ps_is_half(c->in[0]->type);
    return half ? ps_size_cap(poise_tensor_count(c->in[0]), sizeof(float)) : 0;
}

/* y with a 1 for each axis that is gone. */
static poise_tensor full_rank(const ps_call *c)
{
    const ps_reduce_params *p = c->params;
    const poise_tensor *x = c->in[0], *y = c->out[0];
    poise_tensor full = *y;
    full.rank = x->rank;
    for (int i = 0, at = 0; i < x->rank; i++) {
        bool reduced = p->axes >> i & 1, gone = reduced && !p->keep_dims;
        full.dim[i] = reduced ? 1 : x->dim[i];
        full.stride[i] = gone ? 0 : y->stride[at];
        at += !gone;
    }
    return full;
}

static void float_run(const ps_call *c)
{
    const ps_reduce_params *p = c->params;
    const poise_tensor *x = c->in[0];
    poise_tensor wide, full = full_rank(c);
    if (ps_is_half(x->type)) {
        ps_walk w;
        wide = widened(c);
        ps_walk_init(&w, 2, (const poise_tensor *[]){&wide, x});
        ps_spread(&w, c->threads, 0.2, widen_piece, c);
        x = &wide;
    }
    ps_reduce(c->k, p->kind, x, (uint32_t)p->axes, &full, NULL, c->threads);
}

/* ---- codes: what keeps their order and what adds them up; the rest goes through floats ---- */

static bool keeps_order(const ps_call *c)
{
    const ps_reduce_params *p = c->params;
    return (p->kind == PS_REDUCE_MAX || p->kind == PS_REDUCE_MIN) && ps_is_quantised(c->out[0]);
}

static bool of_codes(const ps_call *c)
{
    const ps_reduce_params *p = c->params;
    return ps_is_quantised(c->in[0]) && (p->kind == PS_REDUCE_SUM || p->kind == PS_REDUCE_MEAN || keeps_order(c));
}

static size_t scratch(const ps_call *c)
{
    return of_codes(c) ? 0 : ps_float_scratch(c, float_scratch);
}

static void run(const ps_call *c)
{
    const ps_reduce_params *p = c->params;
    const poise_tensor *x = c->in[0];
    uint32_t axes = (uint32_t)p->axes;
    if (!of_codes(c)) {
        ps_float_run(c, float_run);
        return;
    }
    poise_tensor y = full_rank(c);
    if (!keeps_order(c)) {
        ps_reduce_codes(c->k, p->kind == PS_REDUCE_MEAN, x, axes, &y, c->threads);
        return;
    }
    poise_tensor same = y; /* the largest code, then the output's */
    same.scale = x->scale;
    same.zero = x->zero;
    ps_reduce(c->k, p->kind, x, axes, &same, NULL, c->threads);
    ps_move_real(c->k, c->threads, &same, &y);
}

/* Small inputs, which are widened as a whole: the mean over the last map of a classifier. */
static ps_narrow narrow(const void *params, int n_in, const ps_value *const *in, const ps_value *out)
{
    enum { MOST = 1 << 19 }; /* elements: 2 MB of working space */
    (void)params, (void)n_in, (void)out;
    return (ps_narrow){.in = ps_value_count(in[0]) <= MOST ? 1 : 0};
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
                            .flags = PS_OP_QUANTISED,
                            .param_bytes = sizeof(ps_reduce_params),
                            .infer = infer,
                            .live = live,
                            .scratch = scratch,
                            .run = run,
                            .narrow = narrow,
                            .describe = describe};
