/* nn/op_resize.c - resize: ONNX Resize in all its modes, as a table of taps for each axis.
 *
 * Output element o of an axis is the sum over t < taps of weight[o][t] * x[index[o][t]]; over several axes it is
 * the sum over all products.  run() writes the tables into scratch, then rows of the output are independent. */
#include "nn/move.h"
#include "nn/op.h"
#include "nn/params.h"
#include "nn/quantised.h"
#include "nn/widen.h"

#include <math.h>
#include <string.h>

/* ---- rules ---- */

static poise_status infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    const ps_resize_params *p = params;
    const ps_value *x = in[0];
    (void)n_in;
    PS_REQUIRE(p->mode >= PS_RESIZE_NEAREST && p->mode <= PS_RESIZE_CUBIC, POISE_BAD_MODEL,
               "mode %d is unknown", p->mode);
    PS_REQUIRE(p->coord >= PS_COORD_HALF_PIXEL && p->coord <= PS_COORD_TF_HALF_PIXEL_NN, POISE_BAD_MODEL,
               "coordinate mode %d is unknown", p->coord);
    PS_REQUIRE(p->nearest >= PS_NEAREST_ROUND_PREFER_FLOOR && p->nearest <= PS_NEAREST_CEIL, POISE_BAD_MODEL,
               "nearest mode %d is unknown", p->nearest);
    bool codes = ps_value_is_quantised(x);
    if (codes)
        PS_TRY(ps_rule_real(x, "the input"));
    else
        PS_REQUIRE(p->mode == PS_RESIZE_NEAREST || x->type == POISE_F32, POISE_UNSUPPORTED,
                   "%s elements: only nearest, others are f32", poise_type_name(x->type));
    PS_REQUIRE(p->rank == x->rank, POISE_BAD_MODEL, "sizes of %d dimensions for a tensor of rank %d", p->rank,
               x->rank);
    for (int i = 0; i < p->rank; i++) {
        PS_REQUIRE(isfinite(p->scale[i]) && p->scale[i] > 0, POISE_BAD_MODEL, "scale %g of dimension %d",
                   (double)p->scale[i], i);
        PS_REQUIRE(p->dim[i] >= 0 && (x->dim[i] > 0 || !p->dim[i]), POISE_BAD_MODEL,
                   "dimension %d from %d to %d", i, x->dim[i], p->dim[i]);
        PS_REQUIRE(!p->antialias || p->scale[i] >= 0x1p-12f, POISE_UNSUPPORTED,
                   "antialias with scale %g of dimension %d", (double)p->scale[i], i);
        PS_REQUIRE(p->coord != PS_COORD_TF_CROP || (isfinite(p->roi[i]) && isfinite(p->roi[i + p->rank])),
                   POISE_BAD_MODEL, "the region of dimension %d is not finite", i);
    }
    if (codes && p->mode == PS_RESIZE_NEAREST) ps_scale_like(out[0], x); /* nearest moves elements */
    out[0]->type = codes ? ps_real_type(1, in, out[0]) : x->type;
    out[0]->rank = p->rank;
    memcpy(out[0]->dim, p->dim, sizeof p->dim);
    return POISE_OK;
}

/* ---- tables ---- */

enum { OUTSIDE = -1 }; /* index[0] of an element that becomes the extrapolation value */

typedef struct axis {
    int32_t n, m, taps; /* elements in x and y */
    int32_t *index;     /* [m][taps] */
    float *weight;
} axis;

/* An axis that stays as it is has one tap and needs no table. */
static bool same(const ps_resize_params *p, int i, int32_t n)
{
    return p->dim[i] == n && p->scale[i] == 1.0f && p->coord != PS_COORD_TF_CROP;
}

/* Where the kernel reaches from an output element, in input elements on either side. */
static int32_t reach(const ps_resize_params *p, int i)
{
    int32_t r = p->mode == PS_RESIZE_CUBIC ? 2 : 1;
    if (!p->antialias || p->scale[i] >= 1.0f) return r;
    return (int32_t)ceilf((float)r / p->scale[i]);
}

static int32_t taps_of(const ps_resize_params *p, int i, int32_t n)
{
    return same(p, i, n) || p->mode == PS_RESIZE_NEAREST ? 1 : 2 * reach(p, i);
}

/* In float, as the networks were trained and recorded: 1 / 0.33333334f is 3. */
static float coordinate(const ps_resize_params *p, int i, int32_t n, int32_t o)
{
    float x = (float)o, scale = p->scale[i], from = (float)n, to = (float)p->dim[i];
    switch (p->coord) {
    case PS_COORD_HALF_PIXEL: return (x + 0.5f) / scale - 0.5f;
    case PS_COORD_HALF_PIXEL_SYMMETRIC: {
        float adjust = to / (scale * from);
        return from / 2.0f * (1.0f - adjust) + (x + 0.5f) / scale - 0.5f;
    }
    case PS_COORD_PYTORCH_HALF_PIXEL: return p->dim[i] > 1 ? (x + 0.5f) / scale - 0.5f : 0.0f;
    case PS_COORD_ALIGN_CORNERS: return p->dim[i] > 1 ? x * (from - 1.0f) / (to - 1.0f) : 0.0f;
    case PS_COORD_TF_CROP: {
        float a = p->roi[i], b = p->roi[i + p->rank];
        if (p->dim[i] <= 1) return 0.5f * (a + b) * (from - 1.0f);
        return a * (from - 1.0f) + x * (b - a) * (from - 1.0f) / (to - 1.0f);
    }
    case PS_COORD_TF_HALF_PIXEL_NN: return (x + 0.5f) / scale;
    default: return x / scale;
    }
}

static int32_t clamp(float v, int32_t n)
{
    return !(v > 0.0f) ? 0 : v >= (float)(n - 1) ? n - 1 : (int32_t)v;
}

static int32_t nearest(int mode, float x, int32_t n)
{
    if (mode == PS_NEAREST_FLOOR) return clamp(floorf(x), n);
    if (mode == PS_NEAREST_CEIL) return clamp(ceilf(x), n);
    float down = floorf(x), rest = x - down;
    bool up = rest > 0.5f || (rest == 0.5f && mode == PS_NEAREST_ROUND_PREFER_CEIL);
    return clamp(up ? down + 1.0f : down, n);
}

/* Weight of an element at distance d. */
static float kernel(const ps_resize_params *p, float d)
{
    float a = p->cubic_a;
    d = fabsf(d);
    if (p->mode == PS_RESIZE_LINEAR) return d < 1.0f ? 1.0f - d : 0.0f;
    if (d <= 1.0f) return ((a + 2.0f) * d - (a + 3.0f)) * d * d + 1.0f;
    return d < 2.0f ? ((a * d - 5.0f * a) * d + 8.0f * a) * d - 4.0f * a : 0.0f;
}

static void fill(const ps_resize_params *p, int i, const axis *a)
{
    int32_t r = a->taps / 2;
    float shrink = p->antialias && p->scale[i] < 1.0f ? p->scale[i] : 1.0f;
    for (int32_t o = 0; o < a->m; o++) {
        int32_t *index = a->index + (size_t)o * (size_t)a->taps;
        float *weight = a->weight + (size_t)o * (size_t)a->taps;
        float x = coordinate(p, i, a->n, o);
        if (p->mode == PS_RESIZE_NEAREST) {
            index[0] = nearest(p->nearest, x, a->n);
            weight[0] = 1.0f;
        } else {
            /* far outside only the edge is left, and floats have no fractions */
            float limit = (float)(a->n + r);
            x = x < -limit ? -limit : x > limit + (float)r ? limit + (float)r : x;
            float down = floorf(x), sum = 0.0f;
            for (int32_t t = 0; t < a->taps; t++) {
                float at = down + (float)(t - r + 1), w = kernel(p, (at - x) * shrink);
                if (p->exclude_outside && (at < 0.0f || at > (float)(a->n - 1))) w = 0.0f;
                index[t] = clamp(at, a->n);
                weight[t] = w;
                sum += w;
            }
            bool scaled = shrink < 1.0f || p->exclude_outside;
            for (int32_t t = 0; scaled && sum != 0.0f && t < a->taps; t++) weight[t] /= sum;
        }
        x = coordinate(p, i, a->n, o);
        if (p->coord == PS_COORD_TF_CROP && (x < 0.0f || x > (float)(a->n - 1))) index[0] = OUTSIDE;
    }
}

static size_t tables_size(const ps_call *c)
{
    const ps_resize_params *p = c->params;
    size_t n = 0;
    for (int i = 0; i < p->rank; i++) {
        int32_t from = c->in[0]->dim[i];
        size_t taps = ps_size_cap((size_t)p->dim[i], (size_t)taps_of(p, i, from));
        if (!same(p, i, from) && !ps_size_add(&n, n, ps_size_cap(taps, 2))) return SIZE_MAX;
    }
    return ps_size_cap(n, sizeof(float));
}

/* ---- rows ---- */

typedef struct resize {
    const ps_call *c;
    const ps_resize_params *p;
    axis axes[POISE_MAX_DIMS];
    size_t rows;
    float *room;               /* room_floats() per thread, for codes in pixels */
    int inner;                 /* dimension along which a row runs */
    int order[POISE_MAX_DIMS]; /* the other dimensions, outermost first */
    bool pixels;               /* [n,c,h,w], channels innermost: rows of pixels */
} resize;

/* One product term of the outer dimensions: where it reads and how much it weighs. */
typedef struct term {
    ptrdiff_t at;
    float weight;
} term;

/* Term number `number` of the taps of all dimensions but `inner` at coordinates o; false = outside. */
static bool outer_term(const resize *r, const int32_t *o, size_t number, term *t)
{
    const poise_tensor *x = r->c->in[0];
    t->at = 0;
    t->weight = 1.0f;
    for (int d = x->rank; d-- > 0;) {
        const axis *a = &r->axes[d];
        if (d == r->inner) continue;
        if (!a->index) {
            t->at += o[d] * x->stride[d];
            continue;
        }
        size_t first = (size_t)o[d] * (size_t)a->taps, tap = number % (size_t)a->taps;
        number /= (size_t)a->taps;
        if (a->index[first] == OUTSIDE) return false;
        t->at += a->index[first + tap] * x->stride[d];
        t->weight *= a->weight[first + tap];
    }
    return true;
}

static void fill_outside(const resize *r, void *y, ptrdiff_t sy, int32_t n)
{
    /* integer types: the value is converted, and 0 unless a network says otherwise */
    poise_type type = r->c->out[0]->type;
    float v = r->p->extrapolation;
    uint8_t code = 0;
    bool codes = ps_is_quantised(r->c->out[0]);
    if (codes) ps_codes_of(r->c->k, r->c->out[0], 1, &v, &code);
    int64_t i = v >= -2147483648.0f && v < 2147483648.0f ? (int64_t)v : 0;
    int32_t narrow = (int32_t)i;
    double d = (double)v;
    const void *from = codes               ? (const void *)&code
                       : type == POISE_F32 ? (const void *)&v
                       : type == POISE_F64 ? (const void *)&d
                       : type == POISE_I64 ? (const void *)&i
                                           : (const void *)&narrow;
    if (type == POISE_F16) i = 0, from = &i;
    ps_move_row(poise_type_size(type), (size_t)n, from, 0, y, sy);
}

/* Any mode, any strides: sums the terms of one output row. */
static void any_row(const resize *r, const int32_t *o, void *y)
{
    const poise_tensor *x = r->c->in[0];
    const axis *a = &r->axes[r->inner];
    ptrdiff_t sx = x->stride[r->inner], sy = r->c->out[0]->stride[r->inner];
    size_t terms = 1, size = poise_type_size(x->type);
    for (int d = 0; d < x->rank; d++)
        if (d != r->inner && r->axes[d].index) terms *= (size_t)r->axes[d].taps;
    for (size_t k = 0; k < terms; k++) {
        term t;
        if (!outer_term(r, o, k, &t)) {
            fill_outside(r, y, sy, a->m);
            return;
        }
        if (r->p->mode == PS_RESIZE_NEAREST) {
            const void *from = ps_at(x->data, t.at, size);
            if (!a->index) ps_move_row(size, (size_t)a->m, from, sx, y, sy);
            for (int32_t j = 0; a->index && j < a->m; j++) {
                if (a->index[j] == OUTSIDE)
                    fill_outside(r, ps_at(y, j * sy, size), sy, 1);
                else
                    ps_move_row(size, 1, ps_at(from, a->index[j] * sx, size), 0, ps_at(y, j * sy, size), 0);
            }
            return;
        }
        const float *from = (const float *)x->data + t.at;
        for (int32_t j = 0; j < a->m; j++) {
            float sum = 0.0f, *to = (float *)y + j * sy;
            size_t first = (size_t)j * (size_t)a->taps;
            if (!a->index) sum = from[j * sx];
            for (size_t i = first; a->index && i < first + (size_t)a->taps; i++) {
                if (a->index[i] == OUTSIDE) break;
                sum += a->weight[i] * from[a->index[i] * sx];
            }
            if (a->index && a->index[first] == OUTSIDE)
                *to = r->p->extrapolation;
            else
                *to = k ? *to + t.weight * sum : t.weight * sum;
        }
    }
}

/* Channels-last: pixels of row (n, oy) are copied, or mixed from their four neighbours. */
static void pixel_row(const resize *r, int32_t n, int32_t oy)
{
    const poise_tensor *x = r->c->in[0], *y = r->c->out[0];
    const axis *v = &r->axes[2], *h = &r->axes[3];
    size_t size = poise_type_size(x->type), c = (size_t)x->dim[1];
    const void *top = ps_at(x->data, n * x->stride[0] + v->index[oy * v->taps] * x->stride[2], size);
    void *to = ps_at(y->data, n * y->stride[0] + oy * y->stride[2], size);
    if (r->p->mode == PS_RESIZE_NEAREST) {
        for (int32_t ox = 0; ox < h->m; ox++)
            memcpy(ps_at(to, ox * y->stride[3], size), ps_at(top, h->index[ox] * x->stride[3], size),
                   c * size);
        return;
    }
    const float *bottom = (const float *)x->data + n * x->stride[0] + v->index[oy * 2 + 1] * x->stride[2];
    float a = v->weight[oy * 2], b = v->weight[oy * 2 + 1];
    for (int32_t ox = 0; ox < h->m; ox++) {
        ptrdiff_t left = h->index[ox * 2] * x->stride[3], right = h->index[ox * 2 + 1] * x->stride[3];
        const float *const from[4] = {(const float *)top + left, (const float *)top + right, bottom + left,
                                      bottom + right};
        float p = h->weight[ox * 2], q = h->weight[ox * 2 + 1];
        r->c->k->lerp4_f32(c, from, (const float[4]){a * p, a * q, b * p, b * q},
                           (float *)to + ox * y->stride[3]);
    }
}

/* ---- codes, mixed in pixels: two rows as floats, one row of results ---- */

static bool mixes_codes(const ps_call *c)
{
    const ps_resize_params *p = c->params;
    return ps_is_quantised(c->in[0]) && p->mode != PS_RESIZE_NEAREST;
}

static size_t room_floats(const ps_call *c)
{
    size_t wide = 2 * (size_t)c->in[0]->dim[3] + (size_t)c->out[0]->dim[3];
    return ps_round_up(ps_size_cap(wide, (size_t)c->in[0]->dim[1]), PS_ALIGN / sizeof(float));
}

/* Pixels of a row, side by side in `room`. */
static void widen_row(const ps_kernels *k, const poise_tensor *t, int32_t n, int32_t row, float *room)
{
    size_t c = (size_t)t->dim[1], w = (size_t)t->dim[3];
    const void *x = ps_at(t->data, n * t->stride[0] + row * t->stride[2], 1);
    if (t->stride[3] == t->dim[1]) ps_widen(k, t, c * w, x, 1, room);
    else
        for (size_t i = 0; i < w; i++) ps_widen(k, t, c, ps_at(x, (ptrdiff_t)i * t->stride[3], 1), 1, room + i * c);
}

static void codes_row(const resize *r, int32_t n, int32_t oy, float *room)
{
    const poise_tensor *x = r->c->in[0], *y = r->c->out[0];
    const axis *v = &r->axes[2], *h = &r->axes[3];
    size_t c = (size_t)x->dim[1], size = poise_type_size(y->type);
    const float *top = room, *bottom = room + (size_t)x->dim[3] * c;
    float *mixed = room + 2 * (size_t)x->dim[3] * c, a = v->weight[oy * 2], b = v->weight[oy * 2 + 1];
    void *to = ps_at(y->data, n * y->stride[0] + oy * y->stride[2], size);
    bool dense = y->stride[3] == y->dim[1];
    widen_row(r->c->k, x, n, v->index[oy * 2], room);
    widen_row(r->c->k, x, n, v->index[oy * 2 + 1], room + (size_t)x->dim[3] * c);
    for (int32_t ox = 0; ox < h->m; ox++) {
        size_t left = (size_t)h->index[ox * 2] * c, right = (size_t)h->index[ox * 2 + 1] * c;
        const float *const from[4] = {top + left, top + right, bottom + left, bottom + right};
        float p = h->weight[ox * 2], q = h->weight[ox * 2 + 1], *pixel = mixed + (dense ? (size_t)ox * c : 0);
        ps_steady(r->c)->lerp4_f32(c, from, (const float[4]){a * p, a * q, b * p, b * q}, pixel);
        if (!dense) ps_narrow_to(r->c->k, y, c, pixel, ps_at(to, ox * y->stride[3], size), 1);
    }
    if (dense) ps_narrow_to(r->c->k, y, c * (size_t)h->m, mixed, to, 1);
}

static void body(void *ctx, int begin, int end, int thread)
{
    const resize *r = ctx;
    const poise_tensor *y = r->c->out[0];
    for (int i = begin; i < end; i++) {
        if (r->pixels && mixes_codes(r->c)) {
            codes_row(r, i / y->dim[2], i % y->dim[2], r->room + (size_t)thread * room_floats(r->c));
            continue;
        }
        if (r->pixels) {
            pixel_row(r, i / y->dim[2], i % y->dim[2]);
            continue;
        }
        int32_t o[POISE_MAX_DIMS] = {0};
        size_t left = (size_t)i;
        ptrdiff_t at = 0;
        for (int d = y->rank; d-- > 0;) {
            if (d == r->inner) continue;
            o[d] = (int32_t)(left % (size_t)y->dim[d]);
            left /= (size_t)y->dim[d];
            at += o[d] * y->stride[d];
        }
        any_row(r, o, ps_at(y->data, at, poise_type_size(y->type)));
    }
}

static bool pixels(const ps_call *c)
{
    const ps_resize_params *p = c->params;
    const poise_tensor *x = c->in[0], *y = c->out[0];
    if (x->rank != 4 || x->stride[1] != 1 || y->stride[1] != 1 || p->coord == PS_COORD_TF_CROP) return false;
    if (!same(p, 0, x->dim[0]) || !same(p, 1, x->dim[1]) || same(p, 2, x->dim[2]) || same(p, 3, x->dim[3])) return false;
    return taps_of(p, 2, x->dim[2]) <= 2 && taps_of(p, 3, x->dim[3]) <= 2;
}

static size_t scratch(const ps_call *c)
{
    size_t all;
    if (!mixes_codes(c)) return tables_size(c);
    if (!pixels(c)) return ps_float_scratch(c, tables_size);
    size_t rooms = ps_size_cap(ps_size_cap(room_floats(c), sizeof(float)), (size_t)c->threads);
    return ps_size_add(&all, ps_round_up(tables_size(c), PS_ALIGN), rooms) ? all : SIZE_MAX;
}

static void own_run(const ps_call *c)
{
    const poise_tensor *x = c->in[0], *y = c->out[0];
    resize r = {.c = c, .p = c->params};
    char *s = c->scratch;
    size_t count = poise_tensor_count(y);
    if (!count) return;
    if (!y->rank) {
        memcpy(y->data, x->data, poise_type_size(y->type));
        return;
    }
    for (int i = 0; i < y->rank; i++) {
        axis *a = &r.axes[i];
        *a = (axis){.n = x->dim[i], .m = y->dim[i], .taps = taps_of(r.p, i, x->dim[i])};
        if (y->dim[i] > 1 && (y->dim[r.inner] == 1 || y->stride[i] < y->stride[r.inner])) r.inner = i;
        if (same(r.p, i, a->n)) continue;
        size_t bytes = (size_t)a->m * (size_t)a->taps * sizeof(float);
        a->index = (int32_t *)(void *)s;
        a->weight = (float *)(void *)(s + bytes);
        s += 2 * bytes;
        fill(r.p, i, a);
    }
    r.pixels = pixels(c);
    if (mixes_codes(c)) r.room = (float *)(void *)((char *)c->scratch + ps_round_up(tables_size(c), PS_ALIGN));
    r.rows = count / (size_t)y->dim[r.inner];
    ps_parallel(c->threads, r.pixels ? y->dim[0] * y->dim[2] : (int)r.rows, body, &r);
}

static void run(const ps_call *c)
{
    if (mixes_codes(c) && !pixels(c))
        ps_float_run(c, own_run);
    else
        own_run(c);
}

/* Nearest moves elements; the others mix them in f32. */
static ps_narrow narrow(const void *params, int n_in, const ps_value *const *in, const ps_value *out)
{
    const ps_resize_params *p = params;
    if (p->mode != PS_RESIZE_NEAREST || p->coord == PS_COORD_TF_CROP) return (ps_narrow){0};
    return ps_narrow_first(params, n_in, in, out);
}

const ps_op ps_op_resize = {.name = "resize",
                            .min_in = 1,
                            .max_in = 1,
                            .n_out = 1,
                            .order = PS_ORDER_LAST,
                            .flags = PS_OP_QUANTISED,
                            .param_bytes = sizeof(ps_resize_params),
                            .infer = infer,
                            .scratch = scratch,
                            .run = run,
                            .narrow = narrow};
