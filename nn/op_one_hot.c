/* nn/op_one_hot.c - each index as a line that is `on` at the index and `off` elsewhere. */
#include "nn/convert_type.h"
#include "nn/op.h"
#include "nn/params.h"
#include "nn/rules.h"
#include "nn/spread.h"

#include <stdio.h>
#include <string.h>

typedef struct job {
    poise_type index_type;
    int64_t depth;
    ptrdiff_t step, size; /* bytes from element to element of a line; of an element */
    const char *off, *on;
} job;

static poise_status infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    const ps_one_hot_params *p = params;
    ps_value *y = out[0];
    (void)n_in;
    PS_TRY(ps_rule_number(in[0]));
    char text[PS_SHAPE_TEXT];
    PS_REQUIRE(in[1]->rank == 1 && in[1]->dim[0] == 2, POISE_BAD_MODEL,
               "the values are %s, must be 2 (off, on)", ps_shape_text(in[1]->rank, in[1]->dim, text));
    PS_REQUIRE(in[0]->rank < POISE_MAX_DIMS, POISE_UNSUPPORTED, "indices of rank %d, at most %d", in[0]->rank,
               POISE_MAX_DIMS - 1);
    PS_TRY(ps_rule_axis(p->axis, in[0]->rank + 1));
    PS_REQUIRE(p->depth >= 0, POISE_BAD_MODEL, "depth %d", p->depth);
    y->type = in[1]->type;
    y->rank = in[0]->rank + 1;
    for (int i = 0; i < y->rank; i++)
        y->dim[i] = i == p->axis ? p->depth : in[0]->dim[i < p->axis ? i : i - 1];
    return POISE_OK;
}

static int live(const void *params, int i, int axis, const ps_value *const *in, const ps_value *out)
{
    const ps_one_hot_params *p = params;
    (void)in;
    (void)out;
    return i != 0 ? -1 : axis < p->axis ? axis : axis + 1;
}

static void piece(const void *ctx, size_t n, void *const *at, const ptrdiff_t *step, int thread)
{
    const job *j = ctx;
    (void)thread;
    for (ptrdiff_t l = 0; l < (ptrdiff_t)n; l++) {
        const void *from = (const char *)at[1] + l * step[1] * (ptrdiff_t)poise_type_size(j->index_type);
        char *y = (char *)at[0] + l * step[0] * j->size;
        int64_t index = 0;
        if (j->index_type == POISE_F32)
            ps_store_real(POISE_I64, ps_load_real(POISE_F32, from), &index);
        else
            index = ps_load_whole(j->index_type, from);
        if (index < 0 && index >= -j->depth) index += j->depth;
        for (int64_t i = 0; i < j->depth; i++)
            memcpy(y + (ptrdiff_t)i * j->step, i == index ? j->on : j->off, (size_t)j->size);
    }
}

static void run(const ps_call *c)
{
    const ps_one_hot_params *p = c->params;
    const poise_tensor *x = c->in[0], *values = c->in[1], *y = c->out[0];
    ptrdiff_t size = (ptrdiff_t)poise_type_size(y->type);
    poise_tensor wide = *x; /* with a dimension where y has the line */
    wide.rank = y->rank;
    for (int i = 0; i < y->rank; i++) {
        wide.dim[i] = y->dim[i];
        wide.stride[i] = i == p->axis ? 0 : x->stride[i < p->axis ? i : i - 1];
    }
    const char *off = values->data;
    job j = {x->type, p->depth, y->stride[p->axis] * size, size, off, off + values->stride[0] * size};
    ps_walk w;
    ps_lines_init(&w, 2, (const poise_tensor *[]){y, &wide}, p->axis);
    ps_spread(&w, c->threads, (double)p->depth * 2 + 5, piece, &j);
}

static void describe(const void *params, char *buf, size_t size)
{
    const ps_one_hot_params *p = params;
    snprintf(buf, size, "depth %d axis %d", p->depth, p->axis);
}

const ps_op ps_op_one_hot = {.name = "one_hot",
                             .min_in = 2,
                             .max_in = 2,
                             .n_out = 1,
                             .order = PS_ORDER_ROW,
                             .param_bytes = sizeof(ps_one_hot_params),
                             .infer = infer,
                             .live = live,
                             .run = run,
                             .describe = describe};
