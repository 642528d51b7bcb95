/* nn/pool_rows.c - pooling of whole pixels, channels-last: f32 and codes through kernels, rows of 16 bits at a time widened. */
#include "nn/half.h"
#include "nn/pooling.h"
#include "nn/quantised.h"
#include "nn/widen.h"

#include <math.h>
#include <string.h>

enum { MAX_TAPS = 64 }; /* pointers in one call of maxpool_f32 */

static bool is_codes(const ps_call *c)
{
    return c->in[0]->type == POISE_U8;
}

static void *row_of(const poise_tensor *t, const ps_pool_box *b, int32_t n, ptrdiff_t y)
{
    return b->data + (n * b->sn + y * b->sh) * (ptrdiff_t)poise_type_size(t->type);
}

/* How many windows from ox on, whose first tap is in column `from`, lie inside the row. */
static int32_t whole_windows(const ps_pool *q, int32_t ox, ptrdiff_t from)
{
    const ps_pool_params *p = q->p;
    int64_t room = q->x.w - 1 - (int64_t)p->dilation[1] * (p->kernel[1] - 1) - from;
    int64_t n = room < 0 ? 0 : room / p->stride[1] + 1;
    return n < q->y.w - ox ? (int32_t)n : q->y.w - ox;
}

static size_t ring_elements(const ps_call *c)
{
    const ps_pool_params *p = c->params;
    const poise_tensor *y = c->out[0];
    size_t n = (size_t)p->kernel[0] * (size_t)y->dim[1] * (size_t)y->dim[y->rank - 1];
    return ps_round_up(n, PS_ALIGN);
}

/* ---- rows of 16 bits, widened: dense rows of w*c floats ---- */

/* The pool as it sees such rows. */
static ps_pool widened(const ps_pool *q)
{
    ps_pool f = *q;
    f.x.sw = f.x.c;
    f.y.sw = f.y.c;
    return f;
}

static void widen_row(const ps_pool *q, int32_t n, ptrdiff_t iy, float *to)
{
    const poise_tensor *x = q->c->in[0];
    bool dense = q->x.sw == q->x.c;
    int32_t w = dense ? 1 : q->x.w;
    size_t each = (size_t)q->x.c * (size_t)(dense ? q->x.w : 1), size = poise_type_size(x->type);
    const char *from = row_of(x, &q->x, n, iy);
    for (int32_t i = 0; i < w; i++, from += q->x.sw * (ptrdiff_t)size, to += each) {
        const float *row = ps_widen(q->c->k, x, each, from, 1, to);
        if (row != to) memcpy(to, row, each * sizeof *to);
    }
}

static void narrow_row(const ps_pool *q, int32_t n, int32_t oy, const float *from)
{
    const poise_tensor *y = q->c->out[0];
    bool dense = q->y.sw == q->y.c;
    int32_t w = dense ? 1 : q->y.w;
    size_t each = (size_t)q->y.c * (size_t)(dense ? q->y.w : 1), size = poise_type_size(y->type);
    char *to = row_of(y, &q->y, n, oy);
    for (int32_t i = 0; i < w; i++, to += q->y.sw * (ptrdiff_t)size, from += each)
        ps_narrow_to(q->c->k, y, each, from, to, 1);
}

/* ---- the largest ---- */

/* Where a row of the input is read and a row of the output is written: 16 bits by way of room, an input row and then an
 * output row of floats. */
static const float *source_f32(const ps_pool *q, int32_t n, ptrdiff_t iy, float *room)
{
    if (!q->half) return row_of(q->c->in[0], &q->x, n, iy);
    widen_row(q, n, iy, room);
    return room;
}

static float *target_f32(const ps_pool *q, int32_t n, int32_t oy, float *room)
{
    return q->half ? room + (size_t)q->x.w * (size_t)q->x.c : row_of(q->c->out[0], &q->y, n, oy);
}

static void finish_f32(const ps_pool *q, int32_t n, int32_t oy, const float *room)
{
    if (q->half) narrow_row(q, n, oy, room + (size_t)q->x.w * (size_t)q->x.c);
}

#define T float
#define NAME(f) f##_f32
#define MAXPOOL maxpool_f32
#define LOWEST -INFINITY
#include "nn/pool_max.inc"

static const uint8_t *source_u8(const ps_pool *q, int32_t n, ptrdiff_t iy, uint8_t *room)
{
    (void)room;
    return row_of(q->c->in[0], &q->x, n, iy);
}

static uint8_t *target_u8(const ps_pool *q, int32_t n, int32_t oy, uint8_t *room)
{
    (void)room;
    return row_of(q->c->out[0], &q->y, n, oy);
}

static void finish_u8(const ps_pool *q, int32_t n, int32_t oy, const uint8_t *room)
{
    (void)q, (void)n, (void)oy, (void)room;
}

#define T uint8_t
#define NAME(f) f##_u8
#define MAXPOOL maxpool_u8
#define LOWEST 0
#include "nn/pool_max.inc"

/* ---- the mean ---- */

static void average_row(const ps_pool *q, const float *x, ps_pool_taps v, ptrdiff_t ld, float *y)
{
    const ps_kernels *k = q->c->k;
    size_t n = (size_t)q->x.c;
    for (int32_t ox = 0; ox < q->y.w; ox++) {
        ps_pool_taps h = ps_pool_taps_of(q->p, 1, ox, q->x.w);
        float *to = y + ox * q->y.sw, by = ps_pool_divisor(q->p, v, h);
        memset(to, 0, n * sizeof *to);
        for (int32_t i = v.t0; i < v.t1; i++)
            for (int32_t j = h.t0; j < h.t1; j++)
                k->accumulate_f32(n, x + (i - v.t0) * ld + (h.at + (j - h.t0) * q->p->dilation[1]) * q->x.sw,
                                  to);
        k->div_f32(n, to, 1, &by, 0, to);
    }
}

/* Sums of codes are whole; a border of zeros adds nothing to them less their zero points. */
static void average_codes(const ps_pool *q, const uint8_t *x, ps_pool_taps v, ptrdiff_t ld, char *y, int32_t *sum)
{
    const poise_tensor *to = q->c->out[0];
    size_t n = (size_t)q->x.c, size = poise_type_size(to->type);
    for (int32_t ox = 0; ox < q->y.w; ox++) {
        ps_pool_taps h = ps_pool_taps_of(q->p, 1, ox, q->x.w);
        int32_t zeros = q->c->in[0]->zero * (v.t1 - v.t0) * (h.t1 - h.t0);
        float factor = ps_pool_factor(q, v, h);
        memset(sum, 0, n * sizeof *sum);
        for (int32_t i = v.t0; i < v.t1; i++)
            q->c->k->accumulate_u8(n, (size_t)(h.t1 - h.t0), x + (i - v.t0) * ld + h.at * q->x.sw,
                                   q->p->dilation[1] * q->x.sw, sum);
        char *at = y + ox * q->y.sw * (ptrdiff_t)size;
        if (ps_is_quantised(to)) {
            q->c->k->average_u8(n, sum, -zeros, factor / to->scale, to->zero, (uint8_t *)at);
            continue;
        }
        for (size_t c = 0; c < n; c++) ((float *)(void *)at)[c] = (float)(sum[c] - zeros) * factor;
    }
}

/* ---- rows of outputs ---- */

static void codes_row(const ps_pool *q, int32_t n, int32_t oy, void *room)
{
    ps_pool_taps v = ps_pool_taps_of(q->p, 0, oy, q->x.h);
    const uint8_t *x = row_of(q->c->in[0], &q->x, n, v.at);
    void *y = row_of(q->c->out[0], &q->y, n, oy);
    ptrdiff_t ld = q->p->dilation[0] * q->x.sh;
    if (q->p->kind == PS_POOL_AVERAGE)
        average_codes(q, x, v, ld, y, room);
    else
        max_row_u8(q, x, v.t1 - v.t0, ld, y, q->y.sw);
}

static void float_row(const ps_pool *q, int32_t n, int32_t oy)
{
    ps_pool_taps v = ps_pool_taps_of(q->p, 0, oy, q->x.h);
    const float *x = row_of(q->c->in[0], &q->x, n, v.at);
    float *y = row_of(q->c->out[0], &q->y, n, oy);
    ptrdiff_t ld = q->p->dilation[0] * q->x.sh;
    if (q->p->kind == PS_POOL_AVERAGE)
        average_row(q, x, v, ld, y);
    else
        max_row_f32(q, x, v.t1 - v.t0, ld, y, q->y.sw);
}

static void half_row(const ps_pool *q, int32_t n, int32_t oy, float *room)
{
    ps_pool f = widened(q);
    ps_pool_taps v = ps_pool_taps_of(q->p, 0, oy, q->x.h);
    size_t ld = (size_t)q->x.w * (size_t)q->x.c;
    float *y = room + (size_t)q->p->kernel[0] * ld;
    for (int32_t i = 0; i < v.t1 - v.t0; i++)
        widen_row(q, n, v.at + (ptrdiff_t)i * q->p->dilation[0], room + (size_t)i * ld);
    if (q->p->kind == PS_POOL_AVERAGE)
        average_row(&f, room, v, (ptrdiff_t)ld, y);
    else
        max_row_f32(&f, room, v.t1 - v.t0, (ptrdiff_t)ld, y, f.y.sw);
    narrow_row(q, n, oy, y);
}

void ps_pool_rows(const ps_pool *q, int32_t n, int32_t from, int32_t to, void *room)
{
    if (q->ring && is_codes(q->c)) {
        separable_band_u8(q, n, from, to, room);
        return;
    }
    if (q->ring) {
        separable_band_f32(q, n, from, to, room);
        return;
    }
    for (int32_t oy = from; oy < to; oy++) {
        if (is_codes(q->c))
            codes_row(q, n, oy, room);
        else if (q->half)
            half_row(q, n, oy, room);
        else
            float_row(q, n, oy);
    }
}

/* ---- what a call can have ---- */

bool ps_pool_in_rows(const ps_call *c)
{
    enum { MOST_AREA = 1 << 22 }; /* elements whose codes a sum of 32 bits holds */
    const poise_tensor *x = c->in[0], *y = c->out[0];
    const ps_pool_params *p = c->params;
    bool unit = (x->stride[1] == 1 && y->stride[1] == 1) || x->dim[1] == 1;
    bool known = x->type == POISE_F32 || ps_is_half(x->type) ||
                 (is_codes(c) && (int64_t)p->kernel[0] * p->kernel[1] <= MOST_AREA);
    return unit && known && !(c->n_out > 1 && c->out[1]) && p->kind != PS_POOL_LP;
}

/* Loads and stores an output pixel: stride*(kernel+1) + kernel+1 with the ring, kernel^2 + 1 without. */
bool ps_pool_separable(const ps_call *c)
{
    const ps_pool_params *p = c->params;
    int64_t kh = p->kernel[0], kw = p->kernel[1];
    if (!ps_pool_in_rows(c) || p->kind != PS_POOL_MAX || p->dilation[0] != 1 || kh > MAX_TAPS) return false;
    for (int32_t d = 0; d < 2; d++) /* every window must hold an element, so that the ring has one */
        if (p->pad[d] >= p->kernel[d] || p->pad[d + 2] >= p->kernel[d]) return false;
    return 10 * (p->stride[0] * (kw + 1) + kh + 1) < 7 * (kh * kw + 1);
}

/* The numbers of a ring are at most 64 rows of y, which fit an int32_t each, those of widened rows were limited by
 * narrow() in op_pool.c. */
size_t ps_pool_room(const ps_call *c)
{
    const ps_pool_params *p = c->params;
    const poise_tensor *x = c->in[0], *y = c->out[0];
    bool ring = ps_pool_separable(c);
    size_t n = ring ? ring_elements(c) : 0, rows = ring ? 1 : (size_t)p->kernel[0], size = sizeof(float);
    if (is_codes(c)) {
        size = 1;
        if (p->kind == PS_POOL_AVERAGE) n = ps_size_cap((size_t)x->dim[1], sizeof(int32_t));
    } else if (ps_has_half(c)) {
        n += (rows * (size_t)x->dim[x->rank - 1] + (size_t)y->dim[y->rank - 1]) * (size_t)x->dim[1];
    }
    return ps_round_up(ps_size_cap(n, size), PS_ALIGN);
}
