/* nn/conv_cut.c - cuts convolutions and matrix products into blocks of output pixels and panels of output channels. */
#include "nn/conv_cut.h"

#include <string.h>

size_t ps_conv_images(const ps_conv *v)
{
    size_t n = 1;
    for (int i = 0; i < v->batch_rank; i++) n *= (size_t)v->batch[i];
    return n;
}

ptrdiff_t ps_conv_offset(int rank, const int32_t *dim, size_t i, const ptrdiff_t *step)
{
    ptrdiff_t at = 0;
    for (int d = rank - 1; d >= 0; d--) {
        at += (ptrdiff_t)(i % (size_t)dim[d]) * step[d];
        i /= (size_t)dim[d];
    }
    return at;
}

bool ps_conv_needed(const uint8_t *need, size_t n, size_t *at, size_t *end)
{
    if (*at >= n) return false;
    *end = n;
    if (!need) return true;
    const uint8_t *from = memchr(need + *at, 1, n - *at);
    if (!from) return false;
    *at = (size_t)(from - need);
    const uint8_t *to = memchr(from, 0, n - *at);
    if (to) *end = (size_t)(to - need);
    return true;
}

ps_requant ps_conv_requant(const ps_conv *v, const ps_conv_sums *sums, size_t from)
{
    const ps_conv_codes *codes = &v->codes;
    return (ps_requant){.add = sums->add + from,
                        .sums = sums->sum + from,
                        .scale = sums->scale + from,
                        .bias = v->bias ? v->bias + from : NULL,
                        .act = (ps_act)v->fused.act,
                        .a = v->fused.a,
                        .b = v->fused.b,
                        .act_last = v->fused.act_last != 0,
                        .res_scale = codes->r_scale,
                        .res_zero = codes->r_zero,
                        .to_f32 = v->y_type == POISE_F32,
                        .inv = codes->y_scale > 0 ? 1 / codes->y_scale : 0,
                        .zero = codes->y_zero,
                        .table = codes->table};
}

static uint64_t macs_of(const ps_conv *v)
{
    uint64_t per_pixel = (uint64_t)v->kernel[0] * (uint64_t)v->kernel[1] * (uint64_t)(v->c / v->group);
    uint64_t outputs =
        (uint64_t)ps_conv_images(v) * (uint64_t)v->out[0] * (uint64_t)v->out[1] * (uint64_t)v->o;
    uint64_t n;
    return __builtin_mul_overflow(per_pixel, outputs, &n) ? UINT64_MAX : n;
}

size_t ps_conv_chunks_wanted(const ps_conv *v)
{
    uint64_t macs = macs_of(v), most = 4 * (uint64_t)v->threads;
    if (v->threads <= 1 || macs < PS_CONV_SERIAL) return 1;
    return (size_t)(macs / PS_CONV_CHUNK < most ? macs / PS_CONV_CHUNK : most);
}

void ps_conv_taps(const ps_conv *v, ptrdiff_t oy, size_t *first, size_t *end)
{
    ptrdiff_t iy = oy * v->stride[0] - v->pad[0], d = v->dilation[0], h = v->in[0];
    ptrdiff_t from = iy < 0 ? (-iy + d - 1) / d : 0, to = iy >= h ? 0 : (h - 1 - iy) / d + 1;
    if (to > v->kernel[0]) to = v->kernel[0];
    *first = from < to ? (size_t)from : 0;
    *end = from < to ? (size_t)to : 0;
}

static bool is_pointwise(const ps_conv *v)
{
    for (int i = 0; i < 2; i++)
        if (v->kernel[i] != 1 || v->stride[i] != 1 || v->pad[i] != 0 || v->in[i] != v->out[i]) return false;
    return true;
}

static bool rows_join(const ps_conv *v, const ps_conv_strides *s)
{
    return s->row == v->in[1] * s->pixel;
}

static bool images_join(const ps_conv *v, const ps_conv_strides *s, int d)
{
    return s->batch[d] == v->in[1] * s->pixel;
}

/* A 1x1 window that steps over pixels is one that does not, on the pixels that it meets. */
static void drop_stride(ps_conv *v)
{
    for (int i = 0; i < 2; i++)
        if (v->kernel[i] != 1 || v->pad[i] != 0 || (ptrdiff_t)(v->out[i] - 1) * v->stride[i] >= v->in[i])
            return;
    if (v->out[0] > 1) v->xs.row *= v->stride[0];
    if (v->out[1] > 1) v->xs.pixel *= v->stride[1];
    for (int i = 0; i < 2; i++) {
        v->in[i] = v->out[i];
        v->stride[i] = 1;
    }
}

/* Makes one long row of all pixels whose steps are even. */
static void merge(ps_conv *v)
{
    drop_stride(v);
    if (!is_pointwise(v)) return;
    if (v->in[0] != 1) {
        if (!rows_join(v, &v->xs) || !rows_join(v, &v->ys) || (v->residual && !rows_join(v, &v->rs))) return;
        v->in[1] *= v->in[0];
        v->out[1] = v->in[1];
        v->in[0] = v->out[0] = 1;
    }
    while (v->batch_rank > 0) {
        int d = v->batch_rank - 1;
        if (v->batch[d] != 1) {
            if (v->weight_step[d] || !images_join(v, &v->xs, d) || !images_join(v, &v->ys, d) ||
                (v->residual && !images_join(v, &v->rs, d)))
                return;
            v->in[1] *= v->batch[d];
            v->out[1] = v->in[1];
        }
        v->batch_rank--;
    }
}

/* Whether some window leaves the image above or below (axis 0), or sideways. */
static bool leaves(const ps_conv *v, int axis)
{
    ptrdiff_t last = (ptrdiff_t)(v->out[axis] - 1) * v->stride[axis] - v->pad[axis] +
                     (ptrdiff_t)(v->kernel[axis] - 1) * v->dilation[axis];
    return v->pad[axis] > 0 || last >= v->in[axis];
}

/* Taps of a window row are one tap when they are adjacent.  A copy makes them so, and pays for narrow pixels. */
enum { NARROW = 64 };

/* Whether rows of a tile that lie `pixel` elements apart drive each other out of L1: 64 sets of 64 bytes, 8 ways in the
 * smaller ones.  14 rows 4096 bytes apart run at 92 GFLOP/s on Zen 4, 4160 apart at 117, as do 2048. */
static bool rows_collide(const ps_conv_cut *c, ptrdiff_t pixel)
{
    enum { PAGE = 4096, WAYS = 8 };
    size_t bytes = (size_t)(pixel < 0 ? -pixel : pixel) * c->size, step = bytes & (~bytes + 1);
    return bytes && c->mr > WAYS * (PAGE / ps_least(step, PAGE));
}

/* A copy for the sake of L1 costs about as much as multiplying with one panel. */
enum { FEW_PANELS = 2 };

static void choose_reading(ps_conv_cut *c)
{
    const ps_conv *v = &c->v;
    bool row_of_taps = v->kernel[1] > 1 && v->dilation[1] == 1, many = c->all_panels > FEW_PANELS;
    bool codes = c->type == POISE_U8, odd = codes && c->pixel % 4; /* only a row of taps is whole words */
    c->copy_in = (c->cg > 1 && v->xs.channel != 1) || leaves(v, 1) || (codes && leaves(v, 0)) || c->pixel != c->cg || odd ||
                 (row_of_taps && v->xs.pixel != (ptrdiff_t)c->cg && c->cg < NARROW) ||
                 (many && rows_collide(c, v->stride[1] * v->xs.pixel));
    bool spread = c->copy_in && many && !odd && rows_collide(c, (ptrdiff_t)v->stride[1] * (ptrdiff_t)c->pixel);
    c->slab_pixel = spread ? c->pixel + PS_ALIGN / c->size : c->pixel;
    bool merged = row_of_taps && !spread && (c->copy_in || v->xs.pixel == (ptrdiff_t)c->cg);
    c->taps = merged ? 1 : (size_t)v->kernel[1];
    c->k = merged ? (size_t)v->kernel[1] * c->pixel : c->pixel;
    if (odd) c->k = (c->k + 3) / 4 * 4; /* reads up to three bytes of the next pixel, whose weights are zero */
    c->copy_out = (c->og > 1 && (v->ys.channel != 1 || (v->residual && v->rs.channel != 1))) ||
                  (ps_is_half(v->y_type) && c->type == POISE_F32); /* gemm_f32 writes floats */
    c->slab_step = v->kernel[0] > 1 ? (size_t)v->dilation[0] : 1;
}

static void set_slab(ps_conv_cut *c)
{
    const ps_conv *v = &c->v;
    size_t window_rows =
        (size_t)v->kernel[0]; /* with slab_step > 1 a block has one row and the slab its taps */
    c->slab_rows = c->slab_step > 1 ? window_rows : (c->rows - 1) * (size_t)v->stride[0] + window_rows;
    c->slab_cols =
        (c->cols - 1) * (size_t)v->stride[1] + (size_t)(v->kernel[1] - 1) * (size_t)v->dilation[1] + 1;
}

/* Rows and columns of a block, as many as c->slab_limit allows. */
static void choose_block(ps_conv_cut *c)
{
    const ps_conv *v = &c->v;
    size_t sy = (size_t)v->stride[0], sx = (size_t)v->stride[1], kh = (size_t)v->kernel[0];
    size_t pixel = c->pixel * c->size + (c->copy_out ? c->og * ps_size_of(c->out) : 0);
    if (!pixel) pixel = sizeof(float);
    size_t oh = (size_t)v->out[0], ow = (size_t)v->out[1];
    size_t most = c->slab_limit / ps_size_cap(pixel * sx, kh); /* columns when a block is one row */
    if (most < 4 * c->mr) most = 4 * c->mr;
    if (most < ow) {
        c->rows = 1;
        c->cols = ps_ceil_div(ow, ps_ceil_div(ow, most));
        c->cols = ps_least(ps_ceil_div(c->cols, c->mr) * c->mr, ow);
    } else {
        size_t fit = c->slab_limit / (pixel * (size_t)v->in[1] + 1); /* input rows */
        c->cols = ow;
        c->rows = fit > kh ? (fit - kh) / sy + 1 : 1;
        if (c->slab_step > 1 && c->copy_in) c->rows = 1;
        c->rows = ps_ceil_div(oh, ps_ceil_div(oh, c->rows));
    }
}

static void count_items(ps_conv_cut *c)
{
    c->row_blocks = ps_ceil_div((size_t)c->v.out[0], c->rows);
    c->col_blocks = ps_ceil_div((size_t)c->v.out[1], c->cols);
    c->panel_blocks = ps_ceil_div(c->all_panels, c->panels);
    c->items = c->images * (size_t)c->v.group * c->row_blocks * c->col_blocks * c->panel_blocks;
}

/* Smaller pieces until there are enough for the threads: pixels while a block has many tiles of them, then panels. */
static void cut_for_threads(ps_conv_cut *c)
{
    size_t want = ps_conv_chunks_wanted(&c->v);
    count_items(c);
    while (c->items < want && c->rows * c->cols > 16 * c->mr) {
        if (c->rows > 1)
            c->rows = ps_ceil_div(c->rows, 2);
        else
            c->cols = ps_ceil_div(ps_ceil_div(c->cols, 2), c->mr) * c->mr;
        count_items(c);
    }
    if (c->items < want) {
        size_t parts = ps_least(ps_ceil_div(want, c->items), c->all_panels);
        c->panels = ps_ceil_div(c->all_panels, parts);
        count_items(c);
    }
    c->threads = want > 1 ? (int)ps_least((size_t)c->v.threads, c->items) : 1;
}

void ps_conv_cut_make(const ps_conv *v, ps_conv_cut *c)
{
    *c = (ps_conv_cut){.v = *v};
    if (!ps_conv_images(v) || !v->out[0] || !v->out[1] || !v->o) return; /* no items */
    merge(&c->v);
    c->cg = (size_t)(v->c / v->group);
    c->og = (size_t)(v->o / v->group);
    c->mr = (size_t)ps_conv_tile(v).mr;
    c->nr = (size_t)ps_conv_tile(v).nr;
    c->pixel = ps_conv_pixel(v);
    c->type = ps_conv_multiplies(v);
    c->out = c->type == POISE_U8 ? v->y_type : POISE_F32;
    c->size = ps_size_of(c->type);
    c->all_panels = c->panels = ps_ceil_div(c->og, c->nr);
    c->images = ps_conv_images(&c->v);
    c->set_floats = ps_conv_packed(v);
    c->panel_floats =
        ps_round_up(ps_size_cap((size_t)v->kernel[0], ps_conv_window_row(v)), PS_ALIGN / sizeof(float));
    ps_conv_way way = ps_conv_way_of(v);
    c->slab_limit = way == PS_CONV_DIRECT_SMALL ? PS_CONV_SLAB / 4 : way == PS_CONV_DIRECT_LARGE ? PS_CONV_SLAB * 2 : PS_CONV_SLAB;
    choose_reading(c);
    choose_block(c);
    cut_for_threads(c);
    set_slab(c);
    size_t panel_cols = ps_least(c->panels * c->nr, c->og);
    size_t slab = ps_size_cap(c->slab_rows, c->slab_cols);
    if (c->copy_in) c->in_bytes = ps_size_cap(slab, c->slab_pixel * c->size);
    if (c->copy_in && c->type == POISE_U8 && !ps_size_add(&c->in_bytes, c->in_bytes, PS_CONV_BEHIND)) c->in_bytes = SIZE_MAX;
    if (c->copy_out) c->out_bytes = ps_size_cap(c->rows * c->cols, panel_cols * ps_size_of(c->out));
    if (c->copy_out && v->residual && c->type == POISE_U8) c->res_bytes = ps_size_cap(c->rows * c->cols, panel_cols);
    c->panels_first = way == PS_CONV_DIRECT_PANELS ||
                      (way != PS_CONV_DIRECT_PIXELS && ps_size_cap(c->panels, c->panel_floats) > PS_CONV_PANELS / sizeof(float));
}

bool ps_conv_cut_bytes(ps_conv_cut *c)
{
    size_t pointers = (size_t)c->v.kernel[0] * c->taps, n = ps_size_cap(pointers, sizeof(float *));
    const size_t part[] = {n, c->in_bytes, c->out_bytes, c->res_bytes};
    for (int i = 0; i < 4; i++) {
        if (part[i] > SIZE_MAX / 8) return false;
        c->thread_bytes += ps_round_up(part[i], PS_ALIGN);
    }
    return true;
}
