/* nn/op_soft_argmax.c - the mean of given numbers under a softmax along one axis: how detectors read a box's sides
 * from distributions (Generalized Focal Loss, section 3.2).  The softmax itself is never stored. */
#include "nn/op.h"
#include "nn/params.h"
#include "nn/quantised.h"
#include "nn/rules.h"
#include "nn/spread.h"

#include <stdio.h>

/* Lines worked on at a time: side by side in room for COLUMNS of them, fewer when they are long. */
enum { COLUMNS = 128, FEW = 16, SHORT = 64 };

typedef struct job {
    const ps_kernels *k;
    size_t n;          /* elements of a line */
    ptrdiff_t along;   /* step from one to the next */
    const float *mean; /* n numbers to take the mean of */
    float *room;       /* room_size(n) per thread, behind n floats for `mean` */
    ptrdiff_t sides, side[2]; /* rows of lines that go together, and their steps in y and x */
} job;

static size_t columns(size_t n)
{
    return n <= SHORT ? COLUMNS : FEW;
}

static size_t room_size(size_t n)
{
    return ps_size_cap(n, columns(n));
}

static poise_status infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    const ps_axis_params *p = params;
    const ps_value *x = in[0], *w = in[1];
    char shape[PS_SHAPE_TEXT];
    (void)n_in;
    PS_TRY(ps_rule_axis(p->axis, x->rank));
    PS_TRY(ps_rule_real(x, "the input"));
    PS_TRY(ps_rule_type(w, "the numbers", POISE_F32));
    PS_REQUIRE(x->dim[p->axis] >= 1, POISE_BAD_MODEL, "axis %d of the input is empty", (int)p->axis);
    PS_REQUIRE(w->rank == 1 && w->dim[0] == x->dim[p->axis], POISE_BAD_MODEL,
               "the numbers are %s, there must be one for each of %d elements of axis %d",
               ps_shape_text(w->rank, w->dim, shape), (int)x->dim[p->axis], (int)p->axis);
    ps_shape_like(out[0], ps_real_type(1, in, out[0]), x);
    out[0]->dim[p->axis] = 1;
    return POISE_OK;
}

/* Other axes may have a data-dependent size; along this one the rest would count. */
static int live(const void *params, int i, int axis, const ps_value *const *in, const ps_value *out)
{
    const ps_axis_params *p = params;
    (void)in;
    (void)out;
    return i == 0 && axis != p->axis ? axis : -1;
}

/* m lines as columns of a block whose rows are *ld apart: as they lie, or copied into room. */
static const float *as_columns(const job *j, size_t m, const float *x, ptrdiff_t step, float *room, ptrdiff_t *ld)
{
    *ld = j->along;
    if (step == 1 || m == 1) return x;
    *ld = (ptrdiff_t)m;
    if (j->along == 1)
        j->k->transpose_f32(m, j->n, x, step, room, *ld);
    else
        for (size_t i = 0; i < j->n; i++)
            ps_gather(sizeof *x, m, x + (ptrdiff_t)i * j->along, step, room + i * m);
    return room;
}

static void lines(const job *j, size_t m, const float *x, ptrdiff_t step_x, float *y, ptrdiff_t step_y, float *room)
{
    float out[COLUMNS];
    bool dense = step_y == 1 || m == 1;
    ptrdiff_t ld;
    x = as_columns(j, m, x, step_x, room, &ld);
    j->k->soft_argmax_f32(m, j->n, x, ld, j->mean, dense ? y : out);
    if (!dense) ps_scatter(sizeof *y, m, out, y, step_y);
}

static void piece(const void *ctx, size_t n, void *const *at, const ptrdiff_t *step, int thread)
{
    const job *j = ctx;
    float *room = j->room + (size_t)thread * room_size(j->n), *y = at[0];
    const float *x = at[1];
    for (size_t i = 0, m; i < n; i += m) {
        m = n - i < columns(j->n) ? n - i : columns(j->n);
        for (ptrdiff_t s = 0; s < j->sides; s++)
            lines(j, m, x + (ptrdiff_t)i * step[1] + s * j->side[1], step[1],
                  y + (ptrdiff_t)i * step[0] + s * j->side[0], step[0], room);
    }
}

/* The four sides of a box lie side by side in x: a pixel's go together (4 x 8400 lines of 16, 576 bytes from pixel to
 * pixel: 0.41 ms side after side, 0.27 so). */
static void take_sides(job *j, ps_walk *w)
{
    enum { MANY = 8 };
    int d = w->rank - 1;
    bool together = d >= 0 && w->dim[d] <= MANY && w->step[1] > w->stride[1][d] && w->stride[1][d] > 0;
    j->sides = 1;
    if (!together) return;
    j->sides = w->dim[d];
    for (int i = 0; i < 2; i++) j->side[i] = w->stride[i][d];
    w->rows /= (size_t)w->dim[d];
    w->rank--;
}

static size_t scratch(const ps_call *c)
{
    size_t n = (size_t)c->in[1]->dim[0], each = ps_size_cap(room_size(n), sizeof(float)), all;
    return ps_size_add(&all, ps_size_cap(each, (size_t)c->threads), n * sizeof(float)) ? all : SIZE_MAX;
}

static void run(const ps_call *c)
{
    const ps_axis_params *p = c->params;
    const poise_tensor *x = c->in[0], *w = c->in[1], *y = c->out[0];
    job j = {
        .k = c->k, .n = (size_t)w->dim[0], .along = x->stride[p->axis], .mean = c->scratch, .room = c->scratch};
    if (j.n == 1) j.along = 1; /* the stride of a dimension of 1 means nothing */
    ps_gather(sizeof(float), j.n, w->data, j.n > 1 ? w->stride[0] : 1, c->scratch);
    j.room += j.n;
    ps_walk walk;
    ps_lines_init(&walk, 2, (const poise_tensor *[]){y, x}, p->axis);
    take_sides(&j, &walk);
    ps_spread(&walk, c->threads, ((double)j.n * 0.4 + 2) * (double)j.sides, piece, &j);
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
    snprintf(buf, size, "axis %d", (int)((const ps_axis_params *)params)->axis);
}

const ps_op ps_op_soft_argmax = {.name = "soft_argmax",
                                 .min_in = 2,
                                 .max_in = 2,
                                 .n_out = 1,
                                 .order = PS_ORDER_ROW,
                                 .flags = PS_OP_QUANTISED,
                                 .param_bytes = sizeof(ps_axis_params),
                                 .infer = infer,
                                 .live = live,
                                 .scratch = any_scratch,
                                 .run = any_run,
                                 .describe = describe};
