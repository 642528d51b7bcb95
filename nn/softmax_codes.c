/* nn/softmax_codes.c - softmax of quantised numbers, in whole numbers. */
#include "nn/softmax_codes.h"

#include "nn/quantised.h"
#include "nn/spread.h"

enum { ONE = 1 << 24, SHORT = 128 };

typedef struct job {
    const ps_call *c;
    ptrdiff_t n, sx, sy;   /* elements of a line; their steps */
    uint32_t e[PS_CODES];  /* exp(-scale * d) * ONE */
} job;

/* e[d]*factor as a code, rounded half to even. */
static uint8_t code(uint32_t e, float factor, int32_t zero)
{
    float t = (float)e * factor, most = (float)(255 - zero);
    t = t < most ? t : most;
    const float magic = 12582912.0f; /* 1.5 * 2^23: what is added to it is rounded to a whole number */
    return (uint8_t)((int32_t)((t + magic) - magic) + zero);
}

static void to_codes(const job *j, const uint8_t *x, uint8_t largest, float factor, uint8_t *y)
{
    int32_t zero = j->c->out[0]->zero;
    if (j->n < SHORT) {
        for (ptrdiff_t i = 0; i < j->n; i++) y[i * j->sy] = code(j->e[largest - x[i * j->sx]], factor, zero);
        return;
    }
    uint8_t table[PS_CODES] = {0};
    for (int q = 0; q <= largest; q++) table[q] = code(j->e[largest - q], factor, zero);
    ps_lookup_row(j->c->k, table, (size_t)j->n, x, j->sx, y, j->sy);
}

static void line(const job *j, const uint8_t *x, void *y)
{
    const poise_tensor *out = j->c->out[0];
    uint8_t largest = 0;
    uint64_t sum = 0;
    for (ptrdiff_t i = 0; i < j->n; i++) largest = x[i * j->sx] > largest ? x[i * j->sx] : largest;
    for (ptrdiff_t i = 0; i < j->n; i++) sum += j->e[largest - x[i * j->sx]];
    if (ps_is_quantised(out)) {
        to_codes(j, x, largest, (float)(1 / ((double)sum * (double)out->scale)), y);
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
