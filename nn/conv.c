/* nn/conv.c - cuts convolutions and matrix products into blocks of output pixels and panels of output channels,
 * and feeds them to the tile kernel.
 *
 * A block is some rows and columns of one output image, small enough for the input behind it to stay in L2.  Where
 * the window leaves the image sideways, the channels of a pixel are not adjacent, or pixels collide in L1, the block's
 * input is copied once into a slab with zero borders; else it is read in place.  Above and below the image, taps are left out.
 * When the taps of a window row lie side by side they are one long tap.
 *
 * No sum is ever split, and a kernel's value does not depend on the shape of its tile: how blocks are cut (which
 * depends on the number of threads) cannot change a bit of the result. */
#include "nn/conv.h"

#include <string.h>

typedef struct cut {
    ps_conv v; /* with dimensions merged where strides allow */
    size_t cg, og, mr, nr;
    bool half;                         /* the kernel multiplies bfloat16 */
    size_t pixel, size;                /* elements of a pixel, and bytes of one, as the kernel reads them */
    size_t taps, k;                    /* of the tile kernel: taps per window row, elements per tap */
    size_t images, rows, cols, panels; /* of a block; panels of weights it is multiplied with */
    size_t row_blocks, col_blocks, panel_blocks, all_panels;
    size_t panel_floats, set_floats;
    bool copy_in, copy_out, panels_first;
    size_t slab_limit; /* bytes of activations behind a block */
    size_t slab_rows, slab_cols, slab_step; /* slab_step: input rows from one row of the slab to the next */
    size_t slab_pixel;                      /* elements from one pixel of the slab to the next */
    size_t in_bytes, out_bytes, thread_bytes;
    size_t items;
    int threads;
} cut;

static size_t ceil_div(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

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

/* ---- the plan ---- */

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

static bool leaves_sideways(const ps_conv *v)
{
    ptrdiff_t last = (ptrdiff_t)(v->out[1] - 1) * v->stride[1] - v->pad[1] +
                     (ptrdiff_t)(v->kernel[1] - 1) * v->dilation[1];
    return v->pad[1] > 0 || last >= v->in[1];
}

/* Taps of a window row are one tap when they are adjacent.  A copy makes them so, and pays for narrow pixels. */
enum { NARROW = 64 };

/* Whether rows of a tile that lie `pixel` elements apart drive each other out of L1: 64 sets of 64 bytes, 8 ways in the
 * smaller ones.  14 rows 4096 bytes apart run at 92 GFLOP/s on Zen 4, 4160 apart at 117, as do 2048. */
static bool rows_collide(const cut *c, ptrdiff_t pixel)
{
    enum { PAGE = 4096, WAYS = 8 };
    size_t bytes = (size_t)(pixel < 0 ? -pixel : pixel) * c->size, step = bytes & (~bytes + 1);
    return bytes && c->mr > WAYS * (PAGE / ps_least(step, PAGE));
}

/* A copy for the sake of L1 costs about as much as multiplying with one panel. */
enum { FEW_PANELS = 2 };

static void choose_reading(cut *c)
{
    const ps_conv *v = &c->v;
    bool row_of_taps = v->kernel[1] > 1 && v->dilation[1] == 1, many = c->all_panels > FEW_PANELS;
    c->copy_in = (c->cg > 1 && v->xs.channel != 1) || leaves_sideways(v) || c->pixel != c->cg ||
                 (row_of_taps && v->xs.pixel != (ptrdiff_t)c->cg && c->cg < NARROW) ||
                 (many && rows_collide(c, v->stride[1] * v->xs.pixel));
    bool spread = c->copy_in && many && rows_collide(c, (ptrdiff_t)v->stride[1] * (ptrdiff_t)c->pixel);
    c->slab_pixel = spread ? c->pixel + PS_ALIGN / c->size : c->pixel;
    bool merged = row_of_taps && !spread && (c->copy_in || v->xs.pixel == (ptrdiff_t)c->cg);
    c->taps = merged ? 1 : (size_t)v->kernel[1];
    c->k = merged ? (size_t)v->kernel[1] * c->pixel : c->pixel;
    c->copy_out = (c->og > 1 && (v->ys.channel != 1 || (v->residual && v->rs.channel != 1))) ||
                  (v->y_half && !c->half); /* gemm_f32 writes floats */
    c->slab_step = v->kernel[0] > 1 ? (size_t)v->dilation[0] : 1;
}

static void set_slab(cut *c)
{
    const ps_conv *v = &c->v;
    size_t window_rows =
        (size_t)v->kernel[0]; /* with slab_step > 1 a block has one row and the slab its taps */
    c->slab_rows = c->slab_step > 1 ? window_rows : (c->rows - 1) * (size_t)v->stride[0] + window_rows;
    c->slab_cols =
        (c->cols - 1) * (size_t)v->stride[1] + (size_t)(v->kernel[1] - 1) * (size_t)v->dilation[1] + 1;
}

/* Rows and columns of a block, as many as c->slab_limit allows. */
static void choose_block(cut *c)
{
    const ps_conv *v = &c->v;
    size_t sy = (size_t)v->stride[0], sx = (size_t)v->stride[1], kh = (size_t)v->kernel[0];
    size_t pixel = c->pixel * c->size + (c->copy_out ? c->og * sizeof(float) : 0);
    if (!pixel) pixel = sizeof(float);
    size_t oh = (size_t)v->out[0], ow = (size_t)v->out[1];
    size_t most = c->slab_limit / ps_size_cap(pixel * sx, kh); /* columns when a block is one row */
    if (most < 4 * c->mr) most = 4 * c->mr;
    if (most < ow) {
        c->rows = 1;
        c->cols = ceil_div(ow, ceil_div(ow, most));
        c->cols = ps_least(ceil_div(c->cols, c->mr) * c->mr, ow);
    } else {
        size_t fit = c->slab_limit / (pixel * (size_t)v->in[1] + 1); /* input rows */
        c->cols = ow;
        c->rows = fit > kh ? (fit - kh) / sy + 1 : 1;
        if (c->slab_step > 1 && c->copy_in) c->rows = 1;
        c->rows = ceil_div(oh, ceil_div(oh, c->rows));
    }
}

static void count_items(cut *c)
{
    c->row_blocks = ceil_div((size_t)c->v.out[0], c->rows);
    c->col_blocks = ceil_div((size_t)c->v.out[1], c->cols);
    c->panel_blocks = ceil_div(c->all_panels, c->panels);
    c->items = c->images * (size_t)c->v.group * c->row_blocks * c->col_blocks * c->panel_blocks;
}

/* Smaller pieces until there are enough for the threads: pixels while a block has many tiles of them, then panels. */
static void cut_for_threads(cut *c)
{
    size_t want = ps_conv_chunks_wanted(&c->v);
    count_items(c);
    while (c->items < want && c->rows * c->cols > 16 * c->mr) {
        if (c->rows > 1)
            c->rows = ceil_div(c->rows, 2);
        else
            c->cols = ceil_div(ceil_div(c->cols, 2), c->mr) * c->mr;
        count_items(c);
    }
    if (c->items < want) {
        size_t parts = ps_least(ceil_div(want, c->items), c->all_panels);
        c->panels = ceil_div(c->all_panels, parts);
        count_items(c);
    }
    c->threads = want > 1 ? (int)ps_least((size_t)c->v.threads, c->items) : 1;
}

static void make_cut(const ps_conv *v, cut *c)
{
    *c = (cut){.v = *v};
    if (!ps_conv_images(v) || !v->out[0] || !v->out[1] || !v->o) return; /* no items */
    merge(&c->v);
    c->cg = (size_t)(v->c / v->group);
    c->og = (size_t)(v->o / v->group);
    c->mr = (size_t)ps_conv_tile(v).mr;
    c->nr = (size_t)ps_conv_tile(v).nr;
    c->pixel = ps_conv_pixel(v);
    c->half = ps_conv_multiplies_half(v);
    c->size = ps_size_of(c->half);
    c->all_panels = c->panels = ceil_div(c->og, c->nr);
    c->images = ps_conv_images(&c->v);
    c->set_floats = ps_conv_packed(v);
    size_t row = ps_size_cap((size_t)v->kernel[1], ps_conv_tap(v));
    c->panel_floats = ps_round_up(ps_size_cap((size_t)v->kernel[0], row), PS_ALIGN / sizeof(float));
    ps_conv_way way = ps_conv_way_of(v);
    c->slab_limit = way == PS_CONV_DIRECT_SMALL ? PS_CONV_SLAB / 4 : way == PS_CONV_DIRECT_LARGE ? PS_CONV_SLAB * 2 : PS_CONV_SLAB;
    choose_reading(c);
    choose_block(c);
    cut_for_threads(c);
    set_slab(c);
    size_t panel_cols = ps_least(c->panels * c->nr, c->og);
    size_t slab = ps_size_cap(c->slab_rows, c->slab_cols);
    if (c->copy_in) c->in_bytes = ps_size_cap(slab, c->slab_pixel * c->size);
    if (c->copy_out) c->out_bytes = ps_size_cap(c->rows * c->cols, panel_cols * sizeof(float));
    c->panels_first = way == PS_CONV_DIRECT_PANELS ||
                      (way != PS_CONV_DIRECT_PIXELS && ps_size_cap(c->panels, c->panel_floats) > PS_CONV_PANELS / sizeof(float));
}

/* Bytes of one thread: tap pointers, slab, outputs.  False when they are too many. */
static bool thread_bytes(cut *c)
{
    size_t pointers = (size_t)c->v.kernel[0] * c->taps, n = ps_size_cap(pointers, sizeof(float *));
    const size_t part[] = {n, c->in_bytes, c->out_bytes};
    for (int i = 0; i < 3; i++) {
        if (part[i] > SIZE_MAX / 8) return false;
        c->thread_bytes += ps_round_up(part[i], PS_ALIGN);
    }
    return true;
}

size_t ps_conv_scratch(const ps_conv *v)
{
    ps_conv_way way = ps_conv_way_of(v);
    if (way == PS_CONV_DEPTHWISE) return ps_depthwise_scratch(v);
    if (way == PS_CONV_WINOGRAD4) return ps_winograd_scratch(v);
    cut c;
    make_cut(v, &c);
    if (!thread_bytes(&c)) return SIZE_MAX;
    return ps_size_cap(c.thread_bytes, (size_t)c.threads);
}

/* ---- running ---- */

/* One block under work.  Input of output (oy, ox), taps (ky, kx) of it: in + oy*row + ky*tap_row + ox*pixel +
 * kx*tap, with oy and ox counted from the block's corner. */
typedef struct block {
    const cut *c;
    size_t r0, c0, rows, cols, p0, p1, group;
    const char *x; /* input image of this group */
    ptrdiff_t origin, row, tap_row, pixel, tap;
    const float *weights;
    bool half; /* y and r are bfloat16 */
    char *y;
    ptrdiff_t y_row, y_pixel, y_first; /* y_first: the output channel that y begins with */
    const char *r;
    ptrdiff_t r_row, r_pixel, r_first;
    union {
        const float **taps;
        const uint16_t **taps16;
    };
    void *in;
    float *out;
} block;

static void read_in_place(block *b)
{
    const ps_conv *v = &b->c->v;
    b->row = v->stride[0] * v->xs.row;
    b->tap_row = v->dilation[0] * v->xs.row;
    b->pixel = v->stride[1] * v->xs.pixel;
    b->tap = v->dilation[1] * v->xs.pixel;
    b->origin = ((ptrdiff_t)b->r0 * v->stride[0] - v->pad[0]) * v->xs.row +
                ((ptrdiff_t)b->c0 * v->stride[1] - v->pad[1]) * v->xs.pixel;
}

static void read_slab(block *b)
{
    const cut *c = b->c;
    const ps_conv *v = &c->v;
    size_t span =
        (b->cols - 1) * (size_t)v->stride[1] + (size_t)(v->kernel[1] - 1) * (size_t)v->dilation[1] + 1;
    bool sparse = c->slab_step > 1; /* then the block is one row */
    ps_slab s = {.x = b->x,
                 .half = v->x_half,
                 .to_half = c->half,
                 .split = ps_conv_splits(v) ? c->pixel / 3 : 0,
                 .row = v->xs.row,
                 .pixel = v->xs.pixel,
                 .channel = v->xs.channel,
                 .in = {v->in[0], v->in[1]},
                 .row0 = (ptrdiff_t)b->r0 * v->stride[0] - v->pad[0],
                 .row_step = (ptrdiff_t)c->slab_step,
                 .col0 = (ptrdiff_t)b->c0 * v->stride[1] - v->pad[1],
                 .rows = sparse ? (size_t)v->kernel[0]
                                : (b->rows - 1) * (size_t)v->stride[0] + (size_t)v->kernel[0],
                 .cols = span,
                 .channels = c->cg,
                 .step = c->slab_pixel};
    ps_slab_copy(v->k, &s, b->in);
    b->x = b->in;
    b->origin = 0;
    b->tap_row = (ptrdiff_t)(span * c->slab_pixel);
    b->row = v->stride[0] * b->tap_row;
    b->pixel = v->stride[1] * (ptrdiff_t)c->slab_pixel;
    b->tap = v->dilation[1] * (ptrdiff_t)c->slab_pixel;
}

/* Outputs and residual go through a dense block where their channels are not adjacent. */
static void write_through(block *b)
{
    const cut *c = b->c;
    const ps_conv *v = &c->v;
    size_t from = b->p0 * c->nr, n = ps_least(b->p1 * c->nr, c->og) - from;
    if (b->r && (v->rs.channel != 1 || v->y_half)) {
        for (size_t i = 0; i < b->rows; i++) {
            ptrdiff_t at = (ptrdiff_t)i * b->r_row + (ptrdiff_t)from * v->rs.channel;
            ps_block_gather(v->k, v->y_half, b->cols, n, b->r + at * (ptrdiff_t)ps_size_of(v->y_half),
                            b->r_pixel, v->rs.channel, b->out + i * b->cols * n);
        }
        b->r = (const char *)b->out;
        b->r_first = (ptrdiff_t)from;
        b->r_row = (ptrdiff_t)(b->cols * n);
        b->r_pixel = (ptrdiff_t)n;
    }
    b->half = false;
    b->y = (char *)b->out;
    b->y_first = (ptrdiff_t)from;
    b->y_row = (ptrdiff_t)(b->cols * n);
    b->y_pixel = (ptrdiff_t)n;
}

static void write_back(const block *b, char *y)
{
    const cut *c = b->c;
    const ps_conv *v = &c->v;
    size_t from = b->p0 * c->nr, n = ps_least(b->p1 * c->nr, c->og) - from;
    for (size_t i = 0; i < b->rows; i++) {
        ptrdiff_t at = (ptrdiff_t)i * v->ys.row + (ptrdiff_t)from * v->ys.channel;
        ps_block_scatter(v->k, v->y_half, b->cols, n, b->out + i * b->cols * n,
                         y + at * (ptrdiff_t)ps_size_of(v->y_half), v->ys.pixel, v->ys.channel);
    }
}

/* Points at the taps of outputs from (row, col) of the block on, and gives how many and the first's number. */
static size_t set_taps(const block *b, size_t row, size_t col, size_t *first)
{
    const cut *c = b->c;
    size_t from, to, n = 0;
    ps_conv_taps(&c->v, (ptrdiff_t)(b->r0 + row), &from, &to);
    ptrdiff_t at = b->origin + (ptrdiff_t)row * b->row + (ptrdiff_t)col * b->pixel;
    for (size_t ky = from; ky < to; ky++)
        for (size_t kx = 0; kx < c->taps; kx++, n++) {
            ptrdiff_t tap = at + (ptrdiff_t)ky * b->tap_row + (ptrdiff_t)kx * b->tap;
            if (c->half)
                b->taps16[n] = (const uint16_t *)(const void *)b->x + tap;
            else
                b->taps[n] = (const float *)(const void *)b->x + tap;
        }
    *first = from * c->taps;
    return n;
}

/* m outputs of a row from `col` on, times panels [p0, p1): one of floats, any number of bfloat16. */
static void multiply(const block *b, size_t row, size_t col, size_t m, size_t p0, size_t p1, size_t first,
                     size_t taps)
{
    const cut *c = b->c;
    const ps_conv *v = &c->v;
    size_t from = p0 * c->nr, n = ps_least(p1 * c->nr, c->og) - from;
    ptrdiff_t size = (ptrdiff_t)ps_size_of(b->half);
    ps_epilogue e = {.act = (ps_act)v->fused.act,
                     .a = v->fused.a,
                     .b = v->fused.b,
                     .act_last = v->fused.act_last != 0,
                     .half = b->half};
    if (v->bias) e.bias = v->bias + b->group * c->og + from;
    if (b->r) {
        ptrdiff_t at = (ptrdiff_t)row * b->r_row + (ptrdiff_t)col * b->r_pixel + (ptrdiff_t)from - b->r_first;
        e.residual = (const float *)(const void *)(b->r + at * size);
        e.ldr = b->r_pixel;
    }
    const float *w = b->weights + p0 * c->panel_floats + first * (c->k / (c->half ? 2 : 1)) * c->nr;
    ptrdiff_t at = (ptrdiff_t)row * b->y_row + (ptrdiff_t)col * b->y_pixel + (ptrdiff_t)from - b->y_first;
    void *y = b->y + at * size;
    if (c->half)
        v->k->gemm_bf16(m, n, c->k, taps, b->taps16, b->pixel, (const uint16_t *)(const void *)w,
                        (ptrdiff_t)(2 * c->panel_floats), y, b->y_pixel, &e);
    else
        v->k->gemm_f32(m, n, c->k, taps, b->taps, b->pixel, w, y, b->y_pixel, &e);
}

/* Which pixels of a row of the block are needed. */
static const uint8_t *need_of(const block *b, size_t row)
{
    const ps_conv *v = &b->c->v;
    return v->need ? v->need + (b->r0 + row) * (size_t)v->out[1] + b->c0 : NULL;
}

static bool nothing_needed(const block *b)
{
    size_t at, end;
    for (size_t row = 0; row < b->rows; row++) {
        at = 0;
        if (ps_conv_needed(need_of(b, row), b->cols, &at, &end)) return false;
    }
    return true;
}

/* All of the block times panels [p0, p1).  Tiles of a row differ by at most one pixel in height; gemm_bf16 makes them
 * itself. */
static void all_tiles(const block *b, size_t p0, size_t p1)
{
    size_t end, first;
    for (size_t row = 0; row < b->rows; row++) {
        for (size_t at = 0; ps_conv_needed(need_of(b, row), b->cols, &at, &end); at = end) {
            size_t n = end - at, parts = b->c->half ? 1 : ceil_div(n, b->c->mr), step = b->c->half ? p1 - p0 : 1;
            for (size_t i = 0; i < parts; i++) {
                size_t col = at + n * i / parts, m = at + n * (i + 1) / parts - col;
                size_t taps = set_taps(b, row, col, &first);
                for (size_t p = p0; p < p1; p += step) multiply(b, row, col, m, p, p + step, first, taps);
            }
        }
    }
}

/* Where an image's rows from r0 and columns from c0 on begin, at `channel`. */
static ptrdiff_t corner(const block *b, const ps_conv_strides *s, size_t image, ptrdiff_t channel)
{
    const ps_conv *v = &b->c->v;
    return ps_conv_offset(v->batch_rank, v->batch, image, s->batch) + channel * s->channel +
           (ptrdiff_t)b->r0 * s->row + (ptrdiff_t)b->c0 * s->pixel;
}

static void run_block(const cut *c, size_t image, block *b)
{
    const ps_conv *v = &c->v;
    if (nothing_needed(b)) return;
    size_t sets = (size_t)ps_conv_offset(v->batch_rank, v->batch, image, v->weight_step);
    ptrdiff_t channel = (ptrdiff_t)(b->group * c->og), size = (ptrdiff_t)ps_size_of(v->y_half);
    b->weights = v->weights + sets * c->set_floats + b->group * c->all_panels * c->panel_floats;
    b->x = (const char *)v->x + (ps_conv_offset(v->batch_rank, v->batch, image, v->xs.batch) +
                                 (ptrdiff_t)(b->group * c->cg) * v->xs.channel) *
                                    (ptrdiff_t)ps_size_of(v->x_half);
    char *y = (char *)v->y + corner(b, &v->ys, image, channel) * size;
    b->half = v->y_half;
    b->y = y;
    b->y_row = v->ys.row;
    b->y_pixel = v->ys.pixel;
    if (v->residual) {
        b->r = (const char *)v->r + corner(b, &v->rs, image, channel) * size;
        b->r_row = v->rs.row;
        b->r_pixel = v->rs.pixel;
    }
    if (c->copy_in)
        read_slab(b);
    else
        read_in_place(b);
    if (c->copy_out) write_through(b);
    if (c->panels_first)
        for (size_t p = b->p0; p < b->p1; p++) all_tiles(b, p, p + 1);
    else
        all_tiles(b, b->p0, b->p1);
    if (c->copy_out) write_back(b, y);
}

static void run_items(void *ctx, int begin, int end, int thread)
{
    const cut *c = ctx;
    uint8_t *at = c->v.scratch + (size_t)thread * c->thread_bytes;
    size_t pointers = ps_round_up((size_t)c->v.kernel[0] * c->taps * sizeof(float *), PS_ALIGN);
    for (size_t i = (size_t)begin; i < (size_t)end; i++) {
        block b = {.c = c, .taps = (const float **)(void *)at};
        b.in = at + pointers;
        b.out = (float *)(void *)(at + pointers + ps_round_up(c->in_bytes, PS_ALIGN));
        size_t rest = i;
        b.p0 = rest % c->panel_blocks * c->panels;
        b.p1 = ps_least(b.p0 + c->panels, c->all_panels);
        rest /= c->panel_blocks;
        b.group = rest % (size_t)c->v.group;
        rest /= (size_t)c->v.group;
        b.c0 = rest % c->col_blocks * c->cols;
        b.cols = ps_least(c->cols, (size_t)c->v.out[1] - b.c0);
        rest /= c->col_blocks;
        b.r0 = rest % c->row_blocks * c->rows;
        b.rows = ps_least(c->rows, (size_t)c->v.out[0] - b.r0);
        run_block(c, rest / c->row_blocks, &b);
    }
}

void ps_conv_run(const ps_conv *v)
{
    ps_conv_way way = ps_conv_way_of(v);
    if (way == PS_CONV_DEPTHWISE) {
        ps_depthwise_run(v);
        return;
    }
    if (way == PS_CONV_WINOGRAD4) {
        ps_winograd_run(v);
        return;
    }
    cut c;
    make_cut(v, &c);
    thread_bytes(&c);
    if (c.items) ps_parallel(c.threads, (int)c.items, run_items, &c);
}
