/* nn/op_pool.c - pool: largest, mean or p-norm of the elements under a moving window.
 *
 * Channels-last f32 goes row by row through the kernels, bf16 too, rows at a time widened; everything else (other strides, indices, p-norm, 8-bit)
 * element by element. */
#include "nn/op.h"
#include "nn/params.h"
#include "nn/widen.h"
#include "ops/bf16.h"

#include <math.h>
#include <string.h>

enum { MAX_TAPS = 64 }; /* pointers in one call of maxpool_f32 */

/* ---- rules ---- */

/* Windows along one dimension; 0 = none fits. */
static int64_t windows(const ps_pool_params *p, int d, int32_t n)
{
    int64_t span = (int64_t)p->dilation[d] * (p->kernel[d] - 1) + 1,
            total = (int64_t)n + p->pad[d] + p->pad[d + 2];
    int64_t room = total - span, step = p->stride[d];
    if (room < 0) return 0;
    int64_t out = (p->ceil_mode ? (room + step - 1) / step : room / step) + 1;
    if (p->ceil_mode && (out - 1) * step >= (int64_t)n + p->pad[d])
        out--; /* would begin in the border behind */
    return out;
}

static poise_status check_type(const ps_pool_params *p, const ps_value *x)
{
    bool small = x->type == POISE_U8 || x->type == POISE_I8;
    PS_REQUIRE(p->kind >= PS_POOL_MAX && p->kind <= PS_POOL_LP, POISE_BAD_MODEL, "kind %d is unknown",
               p->kind);
    PS_REQUIRE(x->type == POISE_F32 || (small && p->kind == PS_POOL_MAX), POISE_UNSUPPORTED,
               "%s elements: f32 only, and u8 and i8 for the largest", poise_type_name(x->type));
    PS_REQUIRE(x->rank == 3 || x->rank == 4, POISE_UNSUPPORTED, "rank %d: must be 3 or 4", x->rank);
    PS_REQUIRE(p->kind != PS_POOL_LP || p->p > 0, POISE_BAD_MODEL, "p = %d: must be positive", p->p);
    return POISE_OK;
}

static poise_status infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    const ps_pool_params *p = params;
    const ps_value *x = in[0];
    (void)n_in;
    PS_TRY(check_type(p, x));
    out[0]->type = x->type;
    out[0]->rank = x->rank;
    out[0]->dim[0] = x->dim[0];
    out[0]->dim[1] = x->dim[1];
    for (int d = 0; d < 2; d++) {
        int axis = x->rank - 2 + d;
        PS_REQUIRE(p->kernel[d] > 0 && p->stride[d] > 0 && p->dilation[d] > 0, POISE_BAD_MODEL,
                   "kernel %d, stride %d, dilation %d: must be positive", p->kernel[d], p->stride[d],
                   p->dilation[d]);
        int64_t span = (int64_t)p->dilation[d] * (p->kernel[d] - 1) + 1;
        PS_REQUIRE(p->pad[d] >= 0 && p->pad[d] < span && p->pad[d + 2] >= 0 && p->pad[d + 2] < span,
                   POISE_BAD_MODEL, "pads %d and %d: must be less than the window's %lld", p->pad[d],
                   p->pad[d + 2], (long long)span);
        if (axis < 2) {
            PS_REQUIRE(p->kernel[0] == 1 && p->stride[0] == 1, POISE_BAD_MODEL,
                       "a window of %d rows for rank 3", p->kernel[0]);
            continue;
        }
        int64_t n = windows(p, d, x->dim[axis]);
        PS_REQUIRE(n > 0, POISE_BAD_MODEL, "a window of %lld does not fit into %d + %d + %d", (long long)span,
                   p->pad[d], x->dim[axis], p->pad[d + 2]);
        PS_REQUIRE(n <= INT32_MAX, POISE_BAD_MODEL, "%lld windows along dimension %d", (long long)n, axis);
        out[0]->dim[axis] = (int32_t)n;
    }
    if (out[1]) {
        PS_REQUIRE(p->kind == PS_POOL_MAX, POISE_BAD_MODEL, "only the largest element has an index");
        out[1]->type = POISE_I64;
        out[1]->rank = out[0]->rank;
        memcpy(out[1]->dim, out[0]->dim, sizeof out[0]->dim);
    }
    return POISE_OK;
}

/* ---- geometry ---- */

/* Sizes and strides as [n,c,h,w], also for rank 3. */
typedef struct box {
    char *data;
    int32_t n, c, h, w;
    ptrdiff_t sn, sc, sh, sw;
} box;

static box box_of(const poise_tensor *t)
{
    box b = {.data = t->data, .n = t->dim[0], .c = t->dim[1], .h = 1, .sn = t->stride[0], .sc = t->stride[1]};
    if (t->rank == 4) b.h = t->dim[2], b.sh = t->stride[2];
    b.w = t->dim[t->rank - 1];
    b.sw = t->stride[t->rank - 1];
    return b;
}

/* Taps [t0, t1) of window o lie inside, the first is at `at`; taps up to `counted` lie inside or in a border. */
typedef struct taps {
    int32_t t0, t1, counted;
    ptrdiff_t at;
} taps;

static taps taps_of(const ps_pool_params *p, int d, int32_t o, int32_t n)
{
    int64_t start = (int64_t)o * p->stride[d] - p->pad[d], step = p->dilation[d], k = p->kernel[d];
    int64_t t0 = start < 0 ? (-start + step - 1) / step : 0,
            t1 = n > start ? (n - start + step - 1) / step : 0;
    int64_t in = (int64_t)n + p->pad[d + 2] - start, all = in > 0 ? (in + step - 1) / step : 0;
    if (t1 > k) t1 = k;
    if (t0 > t1) t0 = t1;
    return (taps){(int32_t)t0, (int32_t)t1, (int32_t)(all > k ? k : all), (ptrdiff_t)(start + t0 * step)};
}

typedef struct pool {
    const ps_call *c;
    const ps_pool_params *p;
    box x, y;
    int32_t band, bands; /* rows a chunk, chunks an image */
    float *scratch;      /* of thread 0 */
    size_t per_thread;   /* floats */
    bool ring, half;     /* separable; widened rows: both live in scratch, in this order */
} pool;

static float divisor(const ps_pool_params *p, taps v, taps h)
{
    int64_t n =
        p->count_include_pad ? (int64_t)v.counted * h.counted : (int64_t)(v.t1 - v.t0) * (h.t1 - h.t0);
    return n > 0 ? (float)n : 1.0f;
}

/* ---- any strides ---- */

static float load(poise_type type, const char *base, ptrdiff_t at)
{
    if (type == POISE_F32) return ((const float *)(const void *)base)[at];
    if (type == POISE_BF16) return ps_bf16_widen(((const uint16_t *)(const void *)base)[at]);
    if (type == POISE_U8) return ((const uint8_t *)base)[at];
    return ((const int8_t *)base)[at];
}

static void store(poise_type type, char *base, ptrdiff_t at, float v)
{
    if (type == POISE_F32)
        ((float *)(void *)base)[at] = v;
    else if (type == POISE_BF16)
        ((uint16_t *)(void *)base)[at] = ps_bf16_round(v);
    else if (type == POISE_U8)
        ((uint8_t *)base)[at] = (uint8_t)v;
    else
        ((int8_t *)base)[at] = (int8_t)v;
}

static float lowest(poise_type type)
{
    return type == POISE_U8 ? 0.0f : type == POISE_I8 ? -128.0f : -INFINITY;
}

static float power(float v, int p)
{
    v = fabsf(v);
    return p == 1 ? v : p == 2 ? v * v : powf(v, (float)p);
}

/* One output element; *best is the place of the largest in the plane (h*W + w), or -1. */
static float element(const pool *q, ptrdiff_t plane, taps v, taps h, int64_t *best)
{
    const ps_pool_params *p = q->p;
    poise_type type = q->c->in[0]->type;
    float acc = p->kind == PS_POOL_MAX ? lowest(type) : 0.0f;
    *best = -1;
    for (int32_t i = v.t0; i < v.t1; i++)
        for (int32_t j = h.t0; j < h.t1; j++) {
            ptrdiff_t r = v.at + (ptrdiff_t)(i - v.t0) * p->dilation[0];
            ptrdiff_t s = h.at + (ptrdiff_t)(j - h.t0) * p->dilation[1];
            float f = load(type, q->x.data, plane + r * q->x.sh + s * q->x.sw);
            if (p->kind == PS_POOL_AVERAGE)
                acc += f;
            else if (p->kind == PS_POOL_LP)
                acc += power(f, p->p);
            else if (f > acc || *best < 0)
                acc = f, *best = p->column_major ? s * q->x.h + r : r * q->x.w + s;
        }
    if (p->kind == PS_POOL_AVERAGE) return acc / divisor(p, v, h);
    if (p->kind == PS_POOL_LP)
        return p->p == 1 ? acc : p->p == 2 ? sqrtf(acc) : powf(acc, 1.0f / (float)p->p);
    return acc;
}

static void any_row(const pool *q, int32_t n, int32_t oy)
{
    const poise_tensor *indices = q->c->n_out > 1 ? q->c->out[1] : NULL;
    box where = indices ? box_of(indices) : (box){0};
    taps v = taps_of(q->p, 0, oy, q->x.h);
    for (int32_t c = 0; c < q->y.c; c++)
        for (int32_t ox = 0; ox < q->y.w; ox++) {
            int64_t best;
            taps h = taps_of(q->p, 1, ox, q->x.w);
            float f = element(q, n * q->x.sn + c * q->x.sc, v, h, &best);
            store(q->c->out[0]->type, q->y.data, n * q->y.sn + c * q->y.sc + oy * q->y.sh + ox * q->y.sw, f);
            if (!indices) continue;
            int64_t plane = ((int64_t)n * q->x.c + c) * q->x.h * q->x.w;
            ((int64_t *)(void *)where.data)[n * where.sn + c * where.sc + oy * where.sh + ox * where.sw] =
                best < 0 ? plane : plane + best;
        }
}

/* ---- channels-last f32 ---- */

/* Pointers to the taps of one window in `rows` rows, each `ld` elements after the last; their number. */
static int gather_taps(const pool *q, const float *first, int rows, ptrdiff_t ld, int cols, const float **at)
{
    int n = 0;
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < cols; j++) at[n++] = first + i * ld + j * q->p->dilation[1] * q->x.sw;
    return n;
}

/* y[j] = largest over a window of any size. */
static void max_window(const pool *q, size_t n, const float *first, int rows, ptrdiff_t ld, int cols,
                       float *y)
{
    const float *at[MAX_TAPS];
    const ps_kernels *k = q->c->k;
    if (!rows || !cols) {
        for (size_t i = 0; i < n; i++) y[i] = -INFINITY;
    } else if ((int64_t)rows * cols <= MAX_TAPS) {
        k->maxpool_f32(n, (size_t)gather_taps(q, first, rows, ld, cols, at), at, y);
    } else {
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < cols; j++) {
                const float *x = first + i * ld + j * q->p->dilation[1] * q->x.sw;
                if (i + j)
                    k->max_f32(n, x, 1, y, 1, y);
                else
                    memcpy(y, x, n * sizeof *y);
            }
    }
}

/* `n` whole windows, each stride[1] pixels after the last, into pixels ldy apart (3x3 stride 2, 24 channels: 42 ns a
 * window when each found its taps anew, 37 so; 14 with maxpool_f32 as it is now). */
static void max_windows(const pool *q, int32_t n, const float *first, int rows, ptrdiff_t ld, float *y, ptrdiff_t ldy)
{
    const float *at[MAX_TAPS];
    int count = gather_taps(q, first, rows, ld, q->p->kernel[1], at);
    ptrdiff_t step = q->p->stride[1] * q->x.sw;
    for (int32_t i = 0; i < n; i++, y += ldy) {
        q->c->k->maxpool_f32((size_t)q->x.c, (size_t)count, at, y);
        if (i + 1 < n)
            for (int t = 0; t < count; t++) at[t] += step;
    }
}

/* How many windows from ox on, whose first tap is in column `from`, lie inside the row. */
static int32_t whole_windows(const pool *q, int32_t ox, ptrdiff_t from)
{
    const ps_pool_params *p = q->p;
    int64_t room = q->x.w - 1 - (int64_t)p->dilation[1] * (p->kernel[1] - 1) - from;
    int64_t n = room < 0 ? 0 : room / p->stride[1] + 1;
    return n < q->y.w - ox ? (int32_t)n : q->y.w - ox;
}

/* Maxima over `rows` rows from x (at column 0) for one row of outputs. */
static void max_row(const pool *q, const float *x, int rows, ptrdiff_t ld, float *y, ptrdiff_t ldy)
{
    const ps_pool_params *p = q->p;
    bool dense = p->stride[1] == 1 && q->x.sw == q->x.c && ldy == q->x.c;
    bool few = rows && (int64_t)rows * p->kernel[1] <= MAX_TAPS;
    for (int32_t ox = 0, run; ox < q->y.w; ox += run) {
        taps h = taps_of(p, 1, ox, q->x.w);
        bool whole = h.t0 == 0 && h.t1 == p->kernel[1];
        run = whole && (dense || few) ? whole_windows(q, ox, h.at) : 1;
        if (run > 1 && !dense) {
            max_windows(q, run, x + h.at * q->x.sw, rows, ld, y + ox * ldy, ldy);
            continue;
        }
        /* dense: neighbours with whole windows lie behind each other */
        max_window(q, (size_t)run * (size_t)q->x.c, x + h.at * q->x.sw, rows, ld, h.t1 - h.t0, y + ox * ldy);
    }
}

static void average_row(const pool *q, const float *x, taps v, ptrdiff_t ld, float *y)
{
    const ps_kernels *k = q->c->k;
    size_t n = (size_t)q->x.c;
    for (int32_t ox = 0; ox < q->y.w; ox++) {
        taps h = taps_of(q->p, 1, ox, q->x.w);
        float *to = y + ox * q->y.sw, by = divisor(q->p, v, h);
        memset(to, 0, n * sizeof *to);
        for (int32_t i = v.t0; i < v.t1; i++)
            for (int32_t j = h.t0; j < h.t1; j++)
                k->accumulate_f32(n, x + (i - v.t0) * ld + (h.at + (j - h.t0) * q->p->dilation[1]) * q->x.sw,
                                  to);
        k->div_f32(n, to, 1, &by, 0, to);
    }
}

static void last_row(const pool *q, int32_t n, int32_t oy)
{
    taps v = taps_of(q->p, 0, oy, q->x.h);
    const float *x = (const float *)(const void *)q->x.data + n * q->x.sn + v.at * q->x.sh;
    float *y = (float *)(void *)q->y.data + n * q->y.sn + oy * q->y.sh;
    ptrdiff_t ld = q->p->dilation[0] * q->x.sh;
    if (q->p->kind == PS_POOL_AVERAGE)
        average_row(q, x, v, ld, y);
    else
        max_row(q, x, v.t1 - v.t0, ld, y, q->y.sw);
}

/* ---- rows of bf16, widened: dense rows of w*c floats ---- */

static void *row_of(const poise_tensor *t, const box *b, int32_t n, ptrdiff_t y)
{
    return b->data + (n * b->sn + y * b->sh) * (ptrdiff_t)poise_type_size(t->type);
}

/* The pool as it sees such rows. */
static pool widened(const pool *q)
{
    pool f = *q;
    f.x.sw = f.x.c;
    f.y.sw = f.y.c;
    return f;
}

static void widen_row(const pool *q, int32_t n, ptrdiff_t iy, float *to)
{
    const poise_tensor *x = q->c->in[0];
    bool dense = q->x.sw == q->x.c;
    int32_t w = dense ? 1 : q->x.w;
    size_t each = (size_t)q->x.c * (size_t)(dense ? q->x.w : 1), size = poise_type_size(x->type);
    const char *from = row_of(x, &q->x, n, iy);
    for (int32_t i = 0; i < w; i++, from += q->x.sw * (ptrdiff_t)size, to += each) {
        const float *row = ps_widen(q->c->k, x->type, each, from, 1, to);
        if (row != to) memcpy(to, row, each * sizeof *to);
    }
}

static void narrow_row(const pool *q, int32_t n, int32_t oy, const float *from)
{
    const poise_tensor *y = q->c->out[0];
    bool dense = q->y.sw == q->y.c;
    int32_t w = dense ? 1 : q->y.w;
    size_t each = (size_t)q->y.c * (size_t)(dense ? q->y.w : 1), size = poise_type_size(y->type);
    char *to = row_of(y, &q->y, n, oy);
    for (int32_t i = 0; i < w; i++, to += q->y.sw * (ptrdiff_t)size, from += each)
        ps_narrow_to(q->c->k, y->type, each, from, to, 1);
}

static void half_row(const pool *q, int32_t n, int32_t oy, float *room)
{
    pool f = widened(q);
    taps v = taps_of(q->p, 0, oy, q->x.h);
    size_t ld = (size_t)q->x.w * (size_t)q->x.c;
    float *y = room + (size_t)q->p->kernel[0] * ld;
    for (int32_t i = 0; i < v.t1 - v.t0; i++)
        widen_row(q, n, v.at + (ptrdiff_t)i * q->p->dilation[0], room + (size_t)i * ld);
    if (q->p->kind == PS_POOL_AVERAGE)
        average_row(&f, room, v, (ptrdiff_t)ld, y);
    else
        max_row(&f, room, v.t1 - v.t0, (ptrdiff_t)ld, y, f.y.sw);
    narrow_row(q, n, oy, y);
}

/* ---- separable windows ---- */

static size_t ring_floats(const ps_call *c)
{
    const ps_pool_params *p = c->params;
    const poise_tensor *y = c->out[0];
    size_t n = (size_t)p->kernel[0] * (size_t)y->dim[1] * (size_t)y->dim[y->rank - 1];
    return ps_round_up(n, PS_ALIGN / sizeof(float));
}

/* A band of output rows whose windows overlap: each input row is reduced along its windows once, into a ring
 * of kernel[0] rows, and the rows of the ring are reduced for each output row. */
static void separable_band(const pool *q, int32_t n, int32_t from, int32_t to, float *ring)
{
    size_t row = (size_t)q->y.w * (size_t)q->y.c;
    float *room = ring + ring_floats(q->c), *line = room + (size_t)q->x.w * (size_t)q->x.c;
    pool dense = q->half ? widened(q) : *q;
    int32_t slots = q->p->kernel[0];
    ptrdiff_t next = 0;
    for (int32_t oy = from; oy < to; oy++) {
        const float *at[MAX_TAPS];
        taps v = taps_of(q->p, 0, oy, q->x.h);
        float *y = q->half ? line : row_of(q->c->out[0], &q->y, n, oy);
        size_t count = (size_t)(v.t1 - v.t0);
        if (next < v.at) next = v.at;
        for (; next < v.at + (ptrdiff_t)count; next++) {
            if (q->half) widen_row(q, n, next, room);
            max_row(&dense, q->half ? room : row_of(q->c->in[0], &q->x, n, next), 1, 0,
                    ring + (size_t)(next % slots) * row, q->y.c);
        }
        for (size_t i = 0; i < count; i++) at[i] = ring + (size_t)((v.at + (ptrdiff_t)i) % slots) * row;
        if (dense.y.sw == q->y.c) {
            q->c->k->maxpool_f32(row, count, at, y);
            if (q->half) narrow_row(q, n, oy, line);
            continue;
        }
        for (int32_t ox = 0; ox < q->y.w; ox++) {
            q->c->k->maxpool_f32((size_t)q->y.c, count, at, y + ox * q->y.sw);
            for (size_t i = 0; i < count; i++) at[i] += q->y.c;
        }
    }
}

/* ---- the operator ---- */

static bool channels_last(const ps_call *c)
{
    const poise_tensor *x = c->in[0], *y = c->out[0];
    bool unit = (x->stride[1] == 1 && y->stride[1] == 1) || x->dim[1] == 1;
    const ps_pool_params *p = c->params;
    bool real = x->type == POISE_F32 || x->type == POISE_BF16;
    return unit && real && !(c->n_out > 1 && c->out[1]) && p->kind != PS_POOL_LP;
}

/* Loads and stores an output pixel: stride*(kernel+1) + kernel+1 with the ring, kernel^2 + 1 without. */
static bool separable(const ps_call *c)
{
    const ps_pool_params *p = c->params;
    int64_t kh = p->kernel[0], kw = p->kernel[1];
    if (!channels_last(c) || p->kind != PS_POOL_MAX || p->dilation[0] != 1 || kh > MAX_TAPS) return false;
    for (int32_t d = 0; d < 2; d++) /* every window must hold an element, so that the ring has one */
        if (p->pad[d] >= p->kernel[d] || p->pad[d + 2] >= p->kernel[d]) return false;
    return 10 * (p->stride[0] * (kw + 1) + kh + 1) < 7 * (kh * kw + 1);
}

/* Floats of a thread, 0 = none are needed; the numbers of a ring are at most 64 rows of y, which fit an int32_t each,
 * those of widened rows were limited by narrow(). */
static size_t room_floats(const ps_call *c, bool ring, bool half)
{
    const ps_pool_params *p = c->params;
    const poise_tensor *x = c->in[0], *y = c->out[0];
    size_t n = ring ? ring_floats(c) : 0, rows = ring ? 1 : (size_t)p->kernel[0];
    if (half)
        n += (rows * (size_t)x->dim[x->rank - 1] + (size_t)y->dim[y->rank - 1]) * (size_t)x->dim[1];
    return ps_round_up(n, PS_ALIGN / sizeof(float));
}

static bool is_half(const ps_call *c)
{
    return channels_last(c) && ps_has_bf16(c);
}

static size_t scratch(const ps_call *c)
{
    size_t bytes = ps_size_cap(room_floats(c, separable(c), is_half(c)), sizeof(float));
    return ps_size_cap(bytes, (size_t)c->threads);
}

static void body(void *ctx, int begin, int end, int thread)
{
    const pool *q = ctx;
    for (int i = begin; i < end; i++) {
        int32_t n = i / q->bands, from = i % q->bands * q->band, to = from + q->band;
        if (to > q->y.h) to = q->y.h;
        float *room = q->per_thread ? q->scratch + (size_t)thread * q->per_thread : NULL;
        if (q->ring) {
            separable_band(q, n, from, to, room);
            continue;
        }
        for (int32_t oy = from; oy < to; oy++) {
            if (q->half)
                half_row(q, n, oy, room);
            else if (channels_last(q->c))
                last_row(q, n, oy);
            else
                any_row(q, n, oy);
        }
    }
}

static void run(const ps_call *c)
{
    pool q = {.c = c, .p = c->params, .x = box_of(c->in[0]), .y = box_of(c->out[0]), .band = 1};
    if (!poise_tensor_count(c->out[0])) return;
    q.ring = separable(c);
    q.half = is_half(c);
    q.scratch = c->scratch;
    q.per_thread = room_floats(c, q.ring, q.half);
    if (q.ring) {
        /* Each band computes kernel-1 rows of its neighbour again: as few bands as keep all threads busy. */
        int32_t parts = c->threads > 1 ? 2 * c->threads : 1;
        q.band = (q.y.h + parts - 1) / parts;
        if (q.band < q.p->kernel[0]) q.band = q.p->kernel[0];
    }
    q.bands = (q.y.h + q.band - 1) / q.band;
    ps_parallel(c->threads, q.y.n * q.bands, body, &q);
}

/* As long as the widened rows of a window fit L2. */
static ps_narrow narrow(const void *params, int n_in, const ps_value *const *in, const ps_value *out)
{
    const ps_pool_params *p = params;
    enum { MOST = 1 << 17 }; /* floats */
    const ps_value *x = in[0];
    size_t row = ps_size_cap((size_t)x->dim[x->rank - 1], (size_t)x->dim[1]);
    if (ps_size_cap(row, (size_t)p->kernel[0]) > MOST) return (ps_narrow){0};
    return ps_narrow_each(params, n_in, in, out);
}

const ps_op ps_op_pool = {.name = "pool",
                          .min_in = 1,
                          .max_in = 1,
                          .n_out = 2,
                          .order = PS_ORDER_LAST,
                          .param_bytes = sizeof(ps_pool_params),
                          .infer = infer,
                          .scratch = scratch,
                          .run = run,
                          .narrow = narrow};
