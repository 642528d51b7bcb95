/* nn/op_softmax.c - softmax, log-softmax and hardmax along one axis. */
#include "nn/move.h"
#include "nn/op.h"
#include "nn/params.h"
#include "nn/quantised.h"
#include "nn/rules.h"
#include "nn/softmax_codes.h"
#include "nn/spread.h"
#include "nn/widen.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { COLUMNS = 128, PARTIAL = 128, SHORT = 64 };

typedef struct job {
    const ps_call *c;
    int32_t kind;
    size_t n;         /* elements of a line */
    ptrdiff_t sx, sy; /* their steps */
    float *room;      /* room_size(n) per thread */
} job;

static poise_status infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    const ps_softmax_params *p = params;
    (void)n_in;
    PS_REQUIRE(p->kind >= PS_SOFTMAX && p->kind <= PS_HARDMAX, POISE_BAD_MODEL, "unknown kind %d", p->kind);
    PS_TRY(ps_rule_axis(p->axis, in[0]->rank));
    PS_TRY(ps_rule_real(in[0], "the input"));
    ps_shape_like(out[0], ps_real_type(1, in, out[0]), in[0]);
    return POISE_OK;
}

/* Other axes may have a data-dependent size; along this one the rest would count. */
static int live(const void *params, int i, int axis, const ps_value *const *in, const ps_value *out)
{
    const ps_softmax_params *p = params;
    (void)in;
    (void)out;
    return i == 0 && axis != p->axis ? axis : -1;
}

/* ---- dense lines; y may be x ---- */

static void log_softmax(const ps_kernels *k, size_t n, const float *x, float *y)
{
    float room[COLUMNS], top = k->top_f32(n, x);
    double sum = 0;
    for (size_t i = 0; i < n; i += COLUMNS) {
        size_t m = n - i < COLUMNS ? n - i : COLUMNS;
        k->sub_f32(m, x + i, 1, &top, 0, room);
        k->exp_f32(m, room, room);
        sum += (double)k->sum_f32(m, room);
    }
    float rest = (float)log(sum);
    k->sub_f32(n, x, 1, &top, 0, y);
    k->sub_f32(n, y, 1, &rest, 0, y);
}

static void hardmax(size_t n, const float *x, float *y)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (x[i] > x[best]) best = i;
    memset(y, 0, n * sizeof *y);
    y[best] = 1;
}

static void line(const job *j, const float *x, float *y)
{
    if (j->kind == PS_SOFTMAX)
        j->c->k->softmax_f32(j->n, x, y);
    else if (j->kind == PS_LOG_SOFTMAX)
        log_softmax(j->c->k, j->n, x, y);
    else
        hardmax(j->n, x, y);
}

static void lines(const job *j, size_t n, const float *x, ptrdiff_t sx, void *y, ptrdiff_t sy, float *room)
{
    poise_type type = j->c->out[0]->type;
    bool dense = j->sx == 1 && j->sy == 1 && type == POISE_F32;
    for (ptrdiff_t i = 0; i < (ptrdiff_t)n; i++) {
        void *to = ps_at(y, i * sy, poise_type_size(type));
        const float *from = ps_widen(j->c->k, j->c->in[0], j->n, x + i * sx, j->sx, room);
        line(j, from, dense ? to : room);
        if (!dense) ps_narrow_to(j->c->k, j->c->out[0], j->n, room, to, j->sy);
    }
}

/* ---- m neighbouring lines, element by element; y may be x ---- */

static void columns(const job *j, size_t m, const float *x, ptrdiff_t sx, float *y, ptrdiff_t sy)
{
    const ps_kernels *k = j->c->k;
    ptrdiff_t n = (ptrdiff_t)j->n;
    float top[COLUMNS], part[COLUMNS] = {0}, sum[COLUMNS] = {0};
    memcpy(top, x, m * sizeof *x);
    for (ptrdiff_t i = 1; i < n; i++) k->max_f32(m, x + i * sx, 1, top, 1, top);
    for (ptrdiff_t i = 0, held = 0; i < n; i++) {
        float *to = y + i * sy;
        k->sub_f32(m, x + i * sx, 1, top, 1, to);
        k->exp_f32(m, to, to);
        k->accumulate_f32(m, to, part);
        if (++held < PARTIAL && i + 1 < n) continue;
        held = 0;
        k->accumulate_f32(m, part, sum);
        memset(part, 0, sizeof part);
    }
    for (size_t i = 0; i < m; i++) sum[i] = 1 / sum[i];
    for (ptrdiff_t i = 0; i < n; i++) k->mul_f32(m, y + i * sy, 1, sum, 1, y + i * sy);
}

/* Whether neighbouring lines of a tensor are columns as they lie, or can be turned into some.  Short dense
 * lines are turned: 16 elements a line, the form of box regression, take 3.4 ns an element line by line. */
static bool as_columns(const job *j, ptrdiff_t along, ptrdiff_t step)
{
    return (along != 1 && step == 1) || (along == 1 && j->n <= SHORT);
}

static void blocks(const job *j, size_t n, const float *x, ptrdiff_t step_x, float *y, ptrdiff_t step_y,
                   float *room)
{
    const ps_kernels *k = j->c->k;
    bool turn_x = j->sx == 1, turn_y = j->sy == 1;
    for (size_t i = 0; i < n; i += COLUMNS) {
        size_t m = n - i < COLUMNS ? n - i : COLUMNS;
        const float *from = x + (ptrdiff_t)i * step_x;
        float *to = y + (ptrdiff_t)i * step_y;
        if (turn_x) k->transpose_f32(m, j->n, from, step_x, room, COLUMNS);
        columns(j, m, turn_x ? room : from, turn_x ? COLUMNS : j->sx, turn_y ? room : to,
                turn_y ? COLUMNS : j->sy);
        if (turn_y) k->transpose_f32(j->n, m, room, COLUMNS, to, step_y);
    }
}

static size_t room_size(size_t n)
{
    return n <= SHORT ? n * COLUMNS : ps_round_up(n, 16);
}

static void piece(const void *ctx, size_t n, void *const *at, const ptrdiff_t *step, int thread)
{
    const job *j = ctx;
    float *room = j->room + (size_t)thread * room_size(j->n);
    bool together = j->kind == PS_SOFTMAX && n > 1 && j->c->out[0]->type == POISE_F32 &&
                    as_columns(j, j->sx, step[1]) && as_columns(j, j->sy, step[0]);
    if (together)
        blocks(j, n, at[1], step[1], at[0], step[0], room);
    else
        lines(j, n, at[1], step[1], at[0], step[0], room);
}

static size_t scratch(const ps_call *c)
{
    const ps_softmax_params *p = c->params;
    size_t n = (size_t)c->out[0]->dim[p->axis];
    return ps_size_cap(room_size(n) * sizeof(float), (size_t)c->threads);
}

static void run(const ps_call *c)
{
    const ps_softmax_params *p = c->params;
    const poise_tensor *x = c->in[0], *y = c->out[0];
    job j = {c, p->kind, (size_t)x->dim[p->axis], x->stride[p->axis], y->stride[p->axis], c->scratch};
    if (!j.n) return;
    if (j.n == 1) j.sx = j.sy = 1; /* the stride of a dimension of 1 means nothing */
    ps_walk w;
    ps_lines_init(&w, 2, (const poise_tensor *[]){y, x}, p->axis);
    double ns = (double)j.n * 0.6 + 10;
    if (as_columns(&j, j.sx, w.step[1]) && ns > 150) ns = 150; /* columns: 128 at a time */
    ps_spread(&w, c->threads, ns, piece, &j);
}

/* Exponents of large numbers: what is read stays f32. */
/* A softmax of codes works on them; the others go through floats. */
static bool of_codes(const ps_call *c)
{
    return ps_is_quantised(c->in[0]) && ((const ps_softmax_params *)c->params)->kind == PS_SOFTMAX;
}

static size_t any_scratch(const ps_call *c)
{
    return of_codes(c) ? 0 : ps_float_scratch(c, scratch);
}

static void any_run(const ps_call *c)
{
    if (of_codes(c))
        ps_softmax_codes(c, ((const ps_softmax_params *)c->params)->axis);
    else
        ps_float_run(c, run);
}

static ps_narrow narrow(const void *params, int n_in, const ps_value *const *in, const ps_value *out)
{
    (void)params, (void)n_in, (void)out;
    return (ps_narrow){.out = in[0]->type == POISE_F32};
}

static void describe(const void *params, char *buf, size_t size)
{
    static const char *const names[] = {"softmax", "log softmax", "hardmax"};
    const ps_softmax_params *p = params;
    snprintf(buf, size, "%s axis %d", names[p->kind], p->axis);
}

const ps_op ps_op_softmax = {.name = "softmax",
                             .min_in = 1,
                             .max_in = 1,
                             .n_out = 1,
                             .order = PS_ORDER_LIKE,
                             .flags = PS_OP_INPLACE | PS_OP_QUANTISED,
                             .param_bytes = sizeof(ps_softmax_params),
                             .infer = infer,
                             .live = live,
                             .scratch = any_scratch,
                             .run = any_run,
                             .narrow = narrow,
                             .describe = describe};
