/* nn/op_pool.c - pool: largest, mean or p-norm of the elements under a moving window.
 *
 * Channels-last f32, 16 bits and codes go by whole pixels (nn/pool_rows.c); everything else (other strides, indices, p-norm,
 * plain 8-bit) element by element. */
#include "nn/half.h"
#include "nn/pooling.h"
#include "nn/quantised.h"
#include "nn/widen.h"

#include <math.h>
#include <string.h>

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
    if (ps_value_is_quantised(x))
        PS_TRY(ps_rule_real(x, "the input"));
    else
        PS_REQUIRE(x->type == POISE_F32 || (small && p->kind == PS_POOL_MAX), POISE_UNSUPPORTED,
                   "%s elements: f32 only, and u8 and i8 for the largest", poise_type_name(x->type));
    PS_REQUIRE(x->rank == 3 || x->rank == 4, POISE_UNSUPPORTED, "rank %d: must be 3 or 4", x->rank);
    PS_REQUIRE(p->kind != PS_POOL_LP || p->p > 0, POISE_BAD_MODEL, "p = %d: must be positive", p->p);
    return POISE_OK;
}

/* The largest is quantised as the input unless the output wishes otherwise. */
static void set_type(const ps_pool_params *p, const ps_value *x, ps_value *y)
{
    bool codes = ps_value_is_quantised(x);
    if (codes && p->kind == PS_POOL_MAX && y->scale == 0) ps_scale_like(y, x);
    y->type = codes ? ps_real_type(1, &x, y) : x->type;
}

static poise_status infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    const ps_pool_params *p = params;
    const ps_value *x = in[0];
    (void)n_in;
    PS_TRY(check_type(p, x));
    set_type(p, x, out[0]);
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

ps_pool_box ps_pool_box_of(const poise_tensor *t)
{
    ps_pool_box b = {.data = t->data, .n = t->dim[0], .c = t->dim[1], .h = 1, .sn = t->stride[0], .sc = t->stride[1]};
    if (t->rank == 4) b.h = t->dim[2], b.sh = t->stride[2];
    b.w = t->dim[t->rank - 1];
    b.sw = t->stride[t->rank - 1];
    return b;
}

ps_pool_taps ps_pool_taps_of(const ps_pool_params *p, int d, int32_t o, int32_t n)
{
    int64_t start = (int64_t)o * p->stride[d] - p->pad[d], step = p->dilation[d], k = p->kernel[d];
    int64_t t0 = start < 0 ? (-start + step - 1) / step : 0,
            t1 = n > start ? (n - start + step - 1) / step : 0;
    int64_t in = (int64_t)n + p->pad[d + 2] - start, all = in > 0 ? (in + step - 1) / step : 0;
    if (t1 > k) t1 = k;
    if (t0 > t1) t0 = t1;
    return (ps_pool_taps){(int32_t)t0, (int32_t)t1, (int32_t)(all > k ? k : all), (ptrdiff_t)(start + t0 * step)};
}

float ps_pool_divisor(const ps_pool_params *p, ps_pool_taps v, ps_pool_taps h)
{
    int64_t n =
        p->count_include_pad ? (int64_t)v.counted * h.counted : (int64_t)(v.t1 - v.t0) * (h.t1 - h.t0);
    return n > 0 ? (float)n : 1.0f;
}

float ps_pool_factor(const ps_pool *q, ps_pool_taps v, ps_pool_taps h)
{
    return q->c->in[0]->scale / ps_pool_divisor(q->p, v, h);
}

/* ---- any strides ---- */

static float load(poise_type type, const char *base, ptrdiff_t at)
{
    if (type == POISE_F32) return ((const float *)(const void *)base)[at];
    if (ps_is_half(type)) return ps_half_widen(type, ((const uint16_t *)(const void *)base)[at]);
    if (type == POISE_U8) return ((const uint8_t *)base)[at];
    return ((const int8_t *)base)[at];
}

static void store(poise_type type, char *base, ptrdiff_t at, float v)
{
    if (type == POISE_F32)
        ((float *)(void *)base)[at] = v;
    else if (ps_is_half(type))
        ((uint16_t *)(void *)base)[at] = ps_half_round(type, v);
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
static float element(const ps_pool *q, ptrdiff_t plane, ps_pool_taps v, ps_pool_taps h, int64_t *best)
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
    if (p->kind == PS_POOL_AVERAGE) return acc / ps_pool_divisor(p, v, h);
    if (p->kind == PS_POOL_LP)
        return p->p == 1 ? acc : p->p == 2 ? sqrtf(acc) : powf(acc, 1.0f / (float)p->p);
    return acc;
}

static void any_row(const ps_pool *q, int32_t n, int32_t oy)
{
    const poise_tensor *indices = q->c->n_out > 1 ? q->c->out[1] : NULL;
    ps_pool_box where = indices ? ps_pool_box_of(indices) : (ps_pool_box){0};
    ps_pool_taps v = ps_pool_taps_of(q->p, 0, oy, q->x.h);
    for (int32_t c = 0; c < q->y.c; c++)
        for (int32_t ox = 0; ox < q->y.w; ox++) {
            int64_t best;
            ps_pool_taps h = ps_pool_taps_of(q->p, 1, ox, q->x.w);
            float f = element(q, n * q->x.sn + c * q->x.sc, v, h, &best);
            store(q->c->out[0]->type, q->y.data, n * q->y.sn + c * q->y.sc + oy * q->y.sh + ox * q->y.sw, f);
            if (!indices) continue;
            int64_t plane = ((int64_t)n * q->x.c + c) * q->x.h * q->x.w;
            ((int64_t *)(void *)where.data)[n * where.sn + c * where.sc + oy * where.sh + ox * where.sw] =
                best < 0 ? plane : plane + best;
        }
}

/* ---- the operator ---- */

/* Codes that do not go by whole pixels: the largest is a code, the others are taken of floats. */
static bool through_floats(const ps_call *c)
{
    const ps_pool_params *p = c->params;
    return ps_is_quantised(c->in[0]) && p->kind != PS_POOL_MAX && !ps_pool_in_rows(c);
}

static size_t own_scratch(const ps_call *c)
{
    return ps_pool_in_rows(c) ? ps_size_cap(ps_pool_room(c), (size_t)c->threads) : 0;
}

static size_t scratch(const ps_call *c)
{
    return through_floats(c) ? ps_float_scratch(c, own_scratch) : own_scratch(c);
}

static void body(void *ctx, int begin, int end, int thread)
{
    const ps_pool *q = ctx;
    for (int i = begin; i < end; i++) {
        int32_t n = i / q->bands, from = i % q->bands * q->band, to = from + q->band;
        if (to > q->y.h) to = q->y.h;
        if (q->rows)
            ps_pool_rows(q, n, from, to, q->per_thread ? q->scratch + (size_t)thread * q->per_thread : NULL);
        for (int32_t oy = from; oy < to && !q->rows; oy++) any_row(q, n, oy);
    }
}

static void own_run(const ps_call *c)
{
    ps_pool q = {.c = c,
                 .p = c->params,
                 .x = ps_pool_box_of(c->in[0]),
                 .y = ps_pool_box_of(c->out[0]),
                 .band = 1,
                 .rows = ps_pool_in_rows(c)};
    if (!poise_tensor_count(c->out[0])) return;
    q.ring = ps_pool_separable(c);
    q.half = q.rows && ps_has_half(c);
    q.scratch = c->scratch;
    q.per_thread = q.rows ? ps_pool_room(c) : 0;
    if (q.ring) {
        /* Each band computes kernel-1 rows of its neighbour again: as few bands as keep all threads busy. */
        int32_t parts = c->threads > 1 ? 2 * c->threads : 1;
        q.band = (q.y.h + parts - 1) / parts;
        if (q.band < q.p->kernel[0]) q.band = q.p->kernel[0];
    }
    q.bands = (q.y.h + q.band - 1) / q.band;
    ps_parallel(c->threads, q.y.n * q.bands, body, &q);
}

static void run(const ps_call *c)
{
    const ps_pool_params *p = c->params;
    if (through_floats(c)) {
        ps_float_run(c, own_run);
        return;
    }
    own_run(c);
    if (p->kind != PS_POOL_MAX || ps_same_numbers(c->in[0], c->out[0]) || !ps_is_quantised(c->in[0])) return;
    poise_tensor same = *c->out[0]; /* codes of the input so far */
    same.scale = c->in[0]->scale;
    same.zero = c->in[0]->zero;
    ps_move_real(c->k, c->threads, &same, c->out[0]);
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
                          .flags = PS_OP_QUANTISED,
                          .param_bytes = sizeof(ps_pool_params),
                          .infer = infer,
                          .scratch = scratch,
                          .run = run,
                          .narrow = narrow};
