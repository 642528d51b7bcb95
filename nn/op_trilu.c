/* nn/op_trilu.c - the upper or lower triangle of matrices, zero elsewhere. */
#include "nn/op.h"
#include "nn/params.h"
#include "nn/rules.h"
#include "nn/spread.h"

#include <stdio.h>
#include <string.h>

typedef struct job {
    const ps_trilu_params *p;
    const poise_tensor *x, *y;
    int row, column; /* the last two dimensions */
} job;

static poise_status infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    (void)params;
    (void)n_in;
    PS_REQUIRE(in[0]->rank >= 2, POISE_BAD_MODEL, "the input has rank %d, must have 2 or more", in[0]->rank);
    ps_shape_like(out[0], in[0]->type, in[0]);
    return POISE_OK;
}

/* One matrix. */
static void matrix(const job *j, const char *x, char *y)
{
    ptrdiff_t size = (ptrdiff_t)poise_type_size(j->x->type);
    for (ptrdiff_t r = 0; r < j->x->dim[j->row]; r++) {
        const char *from = x + r * j->x->stride[j->row] * size;
        char *to = y + r * j->y->stride[j->row] * size;
        for (ptrdiff_t c = 0; c < j->x->dim[j->column]; c++) {
            bool keep = j->p->upper ? c - r >= j->p->k : c - r <= j->p->k;
            char *at = to + c * j->y->stride[j->column] * size;
            if (!keep)
                memset(at, 0, (size_t)size);
            else
                memmove(at, from + c * j->x->stride[j->column] * size, (size_t)size); /* may be in place */
        }
    }
}

static void piece(const void *ctx, size_t n, void *const *at, const ptrdiff_t *step, int thread)
{
    const job *j = ctx;
    ptrdiff_t size = (ptrdiff_t)poise_type_size(j->x->type);
    (void)thread;
    for (ptrdiff_t i = 0; i < (ptrdiff_t)n; i++)
        matrix(j, (const char *)at[1] + i * step[1] * size, (char *)at[0] + i * step[0] * size);
}

static void run(const ps_call *c)
{
    const poise_tensor *x = c->in[0], *y = c->out[0];
    job j = {c->params, x, y, x->rank - 2, x->rank - 1};
    poise_tensor first = *x;
    first.dim[j.row] = 1;
    ps_walk w; /* over matrices */
    poise_tensor to = *y;
    to.dim[j.row] = 1;
    ps_lines_init(&w, 2, (const poise_tensor *[]){&to, &first}, j.column);
    ps_spread(&w, c->threads, 3 * (double)x->dim[j.row] * x->dim[j.column] + 5, piece, &j);
}

static void describe(const void *params, char *buf, size_t size)
{
    const ps_trilu_params *p = params;
    snprintf(buf, size, "%s %d", p->upper ? "upper" : "lower", p->k);
}

const ps_op ps_op_trilu = {.name = "trilu",
                           .min_in = 1,
                           .max_in = 1,
                           .n_out = 1,
                           .order = PS_ORDER_LIKE,
                           .flags = PS_OP_INPLACE,
                           .param_bytes = sizeof(ps_trilu_params),
                           .infer = infer,
                           .live = ps_live_same,
                           .run = run,
                           .describe = describe};
