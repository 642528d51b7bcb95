/* nn/softmax_codes.c - softmax of quantised numbers, in whole numbers. */
#include "nn/softmax_codes.h"

#include "nn/quantised.h"
#include "nn/spread.h"

enum { ONE = 1 << 24, ROW = 256 };

typedef struct job {
    const ps_call *c;
    ptrdiff_t n, sx, sy;   /* elements of a line; their steps */
    uint32_t e[PS_CODES];  /* exp(-scale * d) * ONE */
} job;

/* Codes of the exponentials in `row`. */
static void to_codes(const job *j, const int32_t *row, float factor, uint8_t *y)
{
    uint8_t dense[ROW];
    bool direct = j->sy == 1 || j->n == 1;
    j->c->k->average_u8((size_t)j->n, row, 0, factor, j->c->out[0]->zero, direct ? y : dense);
    if (!direct) ps_scatter(1, (size_t)j->n, dense, y, j->sy);
}

/* Lines that are longer than there are codes: each code's result, once. */
static void to_codes_by_table(const job *j, const uint8_t *x, uint8_t largest, float factor, uint8_t *y)
{
    int32_t row[PS_CODES] = {0};
    uint8_t table[PS_CODES];
    for (int q = 0; q <= largest; q++) row[q] = (int32_t)j->e[largest - q];
    j->c->k->average_u8(PS_CODES, row, 0, factor, j->c->out[0]->zero, table);
    ps_lookup_row(j->c->k, table, (size_t)j->n, x, j->sx, y, j->sy);
}

static void line(const job *j, const uint8_t *x, void *y)
{
    const poise_tensor *out = j->c->out[0];
    int32_t row[ROW];
    uint8_t largest = 0;
    uint64_t sum = 0;
    bool kept = j->n <= ROW;
    for (ptrdiff_t i = 0; i < j->n; i++) largest = x[i * j->sx] > largest ? x[i * j->sx] : largest;
    for (ptrdiff_t i = 0; i < j->n; i++) {
        uint32_t e = j->e[largest - x[i * j->sx]];
        sum += e;
        if (kept) row[i] = (int32_t)e;
    }
    if (ps_is_quantised(out)) {
        float factor = (float)(1 / ((double)sum * (double)out->scale));
        if (kept) to_codes(j, row, factor, y);
        else to_codes_by_table(j, x, largest, factor, y);
        return;
    }
    float factor = (float)(1 / (double)sum), *to = y;
    for (ptrdiff_t i = 0; i < j->n; i++) to[i * j->sy] = (float)j->e[largest - x[i * j->sx]] * factor;
}

static void piece(const void *ctx, size_t n, void *const *at, const ptrdiff_t *step, int thread)
{
    const job *j = ctx;
    ptrdiff_t size = (ptrdiff_t)poise_type_size(j->c->out[0]->type);
    (void)thread;
    for (ptrdiff_t i = 0; i < (ptrdiff_t)n; i++)
        line(j, (const uint8_t *)at[1] + i * step[1], (char *)at[0] + i * step[0] * size);
}

void ps_softmax_codes(const ps_call *c, int32_t axis)
{
    const poise_tensor *x = c->in[0], *y = c->out[0];
    job j = {.c = c, .n = x->dim[axis], .sx = x->stride[axis], .sy = y->stride[axis]};
    float e[PS_CODES];
    if (!j.n) return;
    for (int d = 0; d < PS_CODES; d++) e[d] = -(float)d * x->scale;
    ps_isas[0].table->exp_f32(PS_CODES, e, e);
    for (int d = 0; d < PS_CODES; d++) j.e[d] = (uint32_t)(e[d] * (float)ONE + 0.5f);
    ps_walk w;
    ps_lines_init(&w, 2, (const poise_tensor *[]){y, x}, axis);
    ps_spread(&w, c->threads, (double)j.n * 1.5 + 20, piece, &j);
}
