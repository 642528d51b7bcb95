/* nn/conv.c - feeds blocks of output pixels and panels of output channels to the tile kernel.
 *
 * A block is some rows and columns of one output image, small enough for the input behind it to stay in L2.  Where
 * the window leaves the image sideways, the channels of a pixel are not adjacent, or pixels collide in L1, the block's
 * input is copied once into a slab with zero borders; else it is read in place.  Above and below the image, taps are left out;
 * of u8 they are not: the zero point stands there, which is what the correction in `add` expects under every weight.
 * When the taps of a window row lie side by side they are one long tap.
 *
 * No sum is ever split, and a kernel's value does not depend on the shape of its tile: how blocks are cut (nn/conv_cut.c;
 * it depends on the number of threads) cannot change a bit of the result. */
#include "nn/conv_cut.h"

#include <string.h>

static size_t direct_scratch(const ps_conv *v)
{
    ps_conv_cut c;
    ps_conv_cut_make(v, &c);
    if (!ps_conv_cut_bytes(&c)) return SIZE_MAX;
    return ps_size_cap(c.thread_bytes, (size_t)c.threads);
}

size_t ps_conv_scratch(const ps_conv *v)
{
    ps_conv_way way = ps_conv_way_of(v);
    if (way == PS_CONV_DEPTHWISE) return ps_depthwise_scratch(v);
    if (way != PS_CONV_WINOGRAD4) return direct_scratch(v);
    size_t other = v->x_type == POISE_U8 ? direct_scratch(v) : 0, mine = ps_winograd_scratch(v); /* weights may be too large */
    return mine > other ? mine : other;
}

/* ---- running ---- */

/* One block under work.  Input of output (oy, ox), taps (ky, kx) of it: in + oy*row + ky*tap_row + ox*pixel +
 * kx*tap, with oy and ox counted from the block's corner. */
typedef struct block {
    const ps_conv_cut *c;
    size_t r0, c0, rows, cols, p0, p1, group;
    const char *x; /* input image of this group */
    ptrdiff_t origin, row, tap_row, pixel, tap;
    const float *weights;
    ps_conv_sums sums; /* of u8 */
    size_t y_size, r_size; /* bytes of an element */
    char *y;
    ptrdiff_t y_row, y_pixel, y_first; /* y_first: the output channel that y begins with */
    const char *r;
    ptrdiff_t r_row, r_pixel, r_first;
    union {
        const float **taps;
        const uint16_t **taps16;
        const uint8_t **taps8;
    };
    void *in;
    float *out; /* or bytes: c->out */
    uint8_t *res;
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
    const ps_conv_cut *c = b->c;
    const ps_conv *v = &c->v;
    size_t span =
        (b->cols - 1) * (size_t)v->stride[1] + (size_t)(v->kernel[1] - 1) * (size_t)v->dilation[1] + 1;
    bool sparse = c->slab_step > 1; /* then the block is one row */
    ps_slab s = {.x = b->x,
                 .type = v->x_type,
                 .to = c->type,
                 .border = c->type == POISE_U8 ? (uint8_t)v->codes.x_zero : 0,
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
    if (c->type == POISE_U8)
        memset((char *)b->in + s.rows * span * c->slab_pixel, v->codes.x_zero, PS_CONV_BEHIND);
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
    const ps_conv_cut *c = b->c;
    const ps_conv *v = &c->v;
    size_t from = b->p0 * c->nr, n = ps_least(b->p1 * c->nr, c->og) - from;
    bool codes = c->type == POISE_U8;
    if (b->r && (v->rs.channel != 1 || ps_is_half(v->r_type))) {
        for (size_t i = 0; i < b->rows; i++) {
            const char *r = b->r + ((ptrdiff_t)i * b->r_row + (ptrdiff_t)from * v->rs.channel) * (ptrdiff_t)b->r_size;
            if (codes)
                ps_bytes_gather(b->cols, n, (const uint8_t *)r, b->r_pixel, v->rs.channel, b->res + i * b->cols * n);
            else
                ps_block_gather(v->k, v->r_type, b->cols, n, r, b->r_pixel, v->rs.channel, b->out + i * b->cols * n);
        }
        b->r = codes ? (const char *)b->res : (const char *)b->out;
        b->r_size = codes ? 1 : sizeof(float);
        b->r_first = (ptrdiff_t)from;
        b->r_row = (ptrdiff_t)(b->cols * n);
        b->r_pixel = (ptrdiff_t)n;
    }
    b->y_size = ps_size_of(c->out);
    b->y = (char *)b->out;
    b->y_first = (ptrdiff_t)from;
    b->y_row = (ptrdiff_t)(b->cols * n);
    b->y_pixel = (ptrdiff_t)n;
}

static void write_back(const block *b, char *y)
{
    const ps_conv_cut *c = b->c;
    const ps_conv *v = &c->v;
    size_t from = b->p0 * c->nr, n = ps_least(b->p1 * c->nr, c->og) - from;
    for (size_t i = 0; i < b->rows; i++) {
        ptrdiff_t at = (ptrdiff_t)i * v->ys.row + (ptrdiff_t)from * v->ys.channel;
        char *to = y + at * (ptrdiff_t)ps_size_of(v->y_type);
        size_t from_block = i * b->cols * n;
        if (v->y_type == POISE_U8)
            ps_bytes_scatter(b->cols, n, (const uint8_t *)b->out + from_block, (uint8_t *)to, v->ys.pixel, v->ys.channel);
        else
            ps_block_scatter(v->k, v->y_type, b->cols, n, b->out + from_block, to, v->ys.pixel, v->ys.channel);
    }
}

/* Points at the taps of outputs from (row, col) of the block on, and gives how many and the first's number. */
static size_t set_taps(const block *b, size_t row, size_t col, size_t *first)
{
    const ps_conv_cut *c = b->c;
    size_t from, to, n = 0;
    if (c->type == POISE_U8) /* all of them */
        from = 0, to = (size_t)c->v.kernel[0];
    else
        ps_conv_taps(&c->v, (ptrdiff_t)(b->r0 + row), &from, &to);
    ptrdiff_t at = b->origin + (ptrdiff_t)row * b->row + (ptrdiff_t)col * b->pixel;
    for (size_t ky = from; ky < to; ky++)
        for (size_t kx = 0; kx < c->taps; kx++, n++) {
            ptrdiff_t tap = at + (ptrdiff_t)ky * b->tap_row + (ptrdiff_t)kx * b->tap;
            if (c->type == POISE_U8)
                b->taps8[n] = (const uint8_t *)b->x + tap;
            else if (ps_is_half(c->type))
                b->taps16[n] = (const uint16_t *)(const void *)b->x + tap;
            else
                b->taps[n] = (const float *)(const void *)b->x + tap;
        }
    *first = from * c->taps;
    return n;
}

/* Codes of m rows, looked up in place. */
static void look_up(const ps_kernels *k, size_t m, size_t n, uint8_t *y, ptrdiff_t ldy, const uint8_t *table)
{
    if (ldy == (ptrdiff_t)n) {
        k->lut_u8(m * n, y, table, y);
        return;
    }
    for (size_t i = 0; i < m; i++, y += ldy) k->lut_u8(n, y, table, y);
}

/* Whether tables wait for whole rows: there are faster instructions for these than products have at hand (yolov8n 640 of
 * somebody else's codes on a Zen 4, AVX-512 with VBMI 23.7 -> 22.8 ms, AVX2 61.8 -> 59.5), but rows apart cost a call each. */
static bool table_waits(const ps_requant *q, size_t n, ptrdiff_t ldy)
{
    enum { WORTH_A_CALL = 32 };
    return q->table && !q->to_f32 && (ldy == (ptrdiff_t)n || n >= WORTH_A_CALL);
}

/* Output channels [from, from + n) of m pixels, of quantised u8. */
static void multiply_codes(const block *b, size_t m, size_t from, size_t n, size_t taps, const float *w, void *y,
                           const void *r)
{
    const ps_conv_cut *c = b->c;
    const ps_conv *v = &c->v;
    ps_requant q = ps_conv_requant(v, &b->sums, b->group * c->og + from);
    q.residual = r;
    q.ldr = b->r_pixel;
    q.narrow = q.no_128 = true;
    q.eights = ps_conv_eights(v);
    size_t panel = b->group * c->all_panels;
    for (size_t p = from / c->nr; p < ps_ceil_div(from + n, c->nr); p++) {
        q.narrow = q.narrow && b->sums.fits[panel + p] & PS_CONV_NARROW;
        q.no_128 = q.no_128 && b->sums.fits[panel + p] & PS_CONV_NO_128;
    }
    const uint8_t *table = q.table;
    bool waits = table_waits(&q, n, b->y_pixel);
    if (waits) q.table = NULL;
    v->k->gemm_u8(m, n, c->k, taps, b->taps8, b->pixel, (const int8_t *)(const void *)w,
                  (ptrdiff_t)(sizeof(float) * c->panel_floats), y, b->y_pixel, &q);
    if (waits) look_up(v->k, m, n, y, b->y_pixel, table);
}

/* m outputs of a row from `col` on, times panels [p0, p1): one of floats, any number of 16 bits and u8. */
static void multiply(const block *b, size_t row, size_t col, size_t m, size_t p0, size_t p1, size_t first,
                     size_t taps)
{
    const ps_conv_cut *c = b->c;
    const ps_conv *v = &c->v;
    size_t from = p0 * c->nr, n = ps_least(p1 * c->nr, c->og) - from;
    const char *r = NULL;
    if (b->r) {
        ptrdiff_t at = (ptrdiff_t)row * b->r_row + (ptrdiff_t)col * b->r_pixel + (ptrdiff_t)from - b->r_first;
        r = b->r + at * (ptrdiff_t)b->r_size;
    }
    size_t word = sizeof(float) / c->size;
    const float *w = b->weights + p0 * c->panel_floats + first * (c->k / word) * c->nr;
    ptrdiff_t at = (ptrdiff_t)row * b->y_row + (ptrdiff_t)col * b->y_pixel + (ptrdiff_t)from - b->y_first;
    void *y = b->y + at * (ptrdiff_t)b->y_size;
    if (c->type == POISE_U8) {
        multiply_codes(b, m, from, n, taps, w, y, r);
        return;
    }
    ps_epilogue e = {.act = (ps_act)v->fused.act,
                     .a = v->fused.a,
                     .b = v->fused.b,
                     .act_last = v->fused.act_last != 0,
                     .half = b->y_size == sizeof(uint16_t),
                     .residual = (const float *)(const void *)r,
                     .ldr = b->r_pixel};
    if (v->bias) e.bias = v->bias + b->group * c->og + from;
    const uint16_t *w16 = (const uint16_t *)(const void *)w;
    ptrdiff_t panel16 = (ptrdiff_t)(2 * c->panel_floats);
    if (c->type == POISE_BF16)
        v->k->gemm_bf16(m, n, c->k, taps, b->taps16, b->pixel, w16, panel16, y, b->y_pixel, &e);
    else if (c->type == POISE_F16)
        v->k->gemm_f16(m, n, c->k, taps, b->taps16, b->pixel, w16, panel16, y, b->y_pixel, &e);
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

/* All of the block times panels [p0, p1).  Tiles of a row differ by at most one pixel in height; all but gemm_f32 make them
 * themselves. */
static void all_tiles(const block *b, size_t p0, size_t p1)
{
    size_t end, first;
    bool whole = b->c->type != POISE_F32;
    for (size_t row = 0; row < b->rows; row++) {
        for (size_t at = 0; ps_conv_needed(need_of(b, row), b->cols, &at, &end); at = end) {
            size_t n = end - at, parts = whole ? 1 : ps_ceil_div(n, b->c->mr), step = whole ? p1 - p0 : 1;
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

static void run_block(const ps_conv_cut *c, size_t image, block *b)
{
    const ps_conv *v = &c->v;
    if (nothing_needed(b)) return;
    size_t sets = (size_t)ps_conv_offset(v->batch_rank, v->batch, image, v->weight_step);
    ptrdiff_t channel = (ptrdiff_t)(b->group * c->og);
    const float *set = v->weights + sets * c->set_floats;
    b->weights = set + b->group * c->all_panels * c->panel_floats;
    if (c->type == POISE_U8) b->sums = ps_conv_sums_of(v, set);
    b->x = (const char *)v->x + (ps_conv_offset(v->batch_rank, v->batch, image, v->xs.batch) +
                                 (ptrdiff_t)(b->group * c->cg) * v->xs.channel) *
                                    (ptrdiff_t)ps_size_of(v->x_type);
    b->y_size = ps_size_of(v->y_type);
    b->r_size = ps_size_of(v->r_type);
    char *y = (char *)v->y + corner(b, &v->ys, image, channel) * (ptrdiff_t)b->y_size;
    b->y = y;
    b->y_row = v->ys.row;
    b->y_pixel = v->ys.pixel;
    if (v->residual) {
        b->r = (const char *)v->r + corner(b, &v->rs, image, channel) * (ptrdiff_t)b->r_size;
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
    const ps_conv_cut *c = ctx;
    uint8_t *at = c->v.scratch + (size_t)thread * c->thread_bytes;
    size_t pointers = ps_round_up((size_t)c->v.kernel[0] * c->taps * sizeof(float *), PS_ALIGN);
    for (size_t i = (size_t)begin; i < (size_t)end; i++) {
        block b = {.c = c, .taps = (const float **)(void *)at};
        b.in = at + pointers;
        b.out = (float *)(void *)(at + pointers + ps_round_up(c->in_bytes, PS_ALIGN));
        b.res = (uint8_t *)b.out + ps_round_up(c->out_bytes, PS_ALIGN);
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
    if (way == PS_CONV_WINOGRAD4 && ps_winograd_fits(v)) {
        ps_winograd_run(v);
        return;
    }
    ps_conv_cut c;
    ps_conv_cut_make(v, &c);
    ps_conv_cut_bytes(&c);
    if (c.items) ps_parallel(c.threads, (int)c.items, run_items, &c);
}
