/* nn/conv_depthwise.c - runs convolutions of one channel each, row by row.
 *
 * Outputs whose window lies inside the image are computed in place, those at the left and right edge from a copy of
 * their input with zero borders.  Where that would copy more than the image has (tall windows, narrow images), and
 * where channels are not adjacent, each input row is copied once into a ring with a row for each tap.  So it is where
 * inputs are bfloat16: the kernel reads and writes floats, of which outputs go through a row too.  Of u8 it is done wherever
 * a window leaves the image: a copy costs little there, and rows above and below have to be made, of zero points.  On small
 * images several rows of a copy are one long row to the kernel, which takes as long for 30 pixels as for 20: what it computes
 * of windows that lie in two rows is thrown away. */
#include "nn/conv.h"

typedef struct dw_cut {
    const ps_conv *v;
    poise_type type; /* what the kernel reads: f32 or u8 */
    poise_type out;  /* and writes */
    bool ring, copy_out;
    size_t joined; /* output rows that are one to the kernel; 0: each is one */
    size_t rows, row_blocks; /* output rows of a chunk */
    size_t left, right;      /* outputs [0, left) and [right, ow) have windows that leave the image */
    size_t span;             /* pixels of a copied input row */
    size_t pointer_bytes, in_bytes, out_bytes, res_bytes, thread_bytes;
    int threads;
} dw_cut;

static size_t span_of(const ps_conv *v, size_t outputs)
{
    if (!outputs) return 0;
    return (outputs - 1) * (size_t)v->stride[1] + (size_t)(v->kernel[1] - 1) * (size_t)v->dilation[1] + 1;
}

static void find_edges(dw_cut *c)
{
    const ps_conv *v = c->v;
    ptrdiff_t ow = v->out[1], s = v->stride[1];
    ptrdiff_t reach = (ptrdiff_t)(v->kernel[1] - 1) * v->dilation[1];
    ptrdiff_t left = v->pad[1] > 0 ? (v->pad[1] + s - 1) / s : 0;
    ptrdiff_t room = v->in[1] - 1 - reach + v->pad[1]; /* the last window begins here at most */
    ptrdiff_t right = room < 0 ? 0 : room / s + 1;
    if (right > ow) right = ow;
    if (left >= right) left = right = ow; /* no window fits: all is edge */
    c->left = (size_t)left;
    c->right = (size_t)right;
}

/* The ring is worth it when edges would copy as many pixels: every output row copies its edges for every tap, and
 * the kernel runs on a few pixels at a time (counted as twice the work). */
static bool prefers_ring(const dw_cut *c)
{
    const ps_conv *v = c->v;
    if (v->xs.channel != 1 || v->x_type != POISE_F32) return true;
    size_t ow = (size_t)v->out[1], edges = span_of(v, c->left) + span_of(v, ow - c->right);
    return 2 * ps_size_cap(edges, (size_t)v->kernel[0]) / (size_t)v->stride[0] >= span_of(v, ow);
}

static bool leaves_vertically(const ps_conv *v)
{
    ptrdiff_t last = (ptrdiff_t)(v->out[0] - 1) * v->stride[0] - v->pad[0] + (ptrdiff_t)(v->kernel[0] - 1) * v->dilation[0];
    return v->pad[0] > 0 || last >= v->in[0];
}

/* Rows of u8 to join: those of small images, as many as the inner cache holds. */
static size_t rows_to_join(const dw_cut *c)
{
    enum { LEAST_WIDE = 32, BYTES = 24 << 10 };
    const ps_conv *v = c->v;
    bool slides = v->stride[0] == 1 && v->stride[1] == 1 && v->dilation[0] == 1;
    if (c->type != POISE_U8 || !c->ring || !slides || v->residual || v->out[1] >= LEAST_WIDE) return 0;
    size_t rows = ps_least(BYTES / ps_size_cap(c->span, (size_t)v->c), c->rows);
    return rows > 1 ? rows : 0;
}

static void make_cut(const ps_conv *v, dw_cut *c)
{
    bool codes = v->x_type == POISE_U8;
    *c = (dw_cut){.v = v, .type = codes ? POISE_U8 : POISE_F32, .out = codes ? v->y_type : POISE_F32};
    size_t ch = (size_t)v->c, ow = (size_t)v->out[1], oh = (size_t)v->out[0];
    find_edges(c);
    bool edges = c->left || c->right < ow || (codes && leaves_vertically(v));
    c->ring = (edges || v->xs.channel != 1 || ps_is_half(v->x_type)) && prefers_ring(c);
    c->copy_out = ps_is_half(v->y_type) || v->ys.channel != 1 || (v->residual && v->rs.channel != 1);
    size_t edge = c->left > ow - c->right ? c->left : ow - c->right;
    c->span = span_of(v, c->ring ? ow : edge);
    c->pointer_bytes = ps_size_cap((size_t)v->kernel[0], sizeof(float *));
    c->in_bytes = ps_size_cap(ps_size_cap(c->span, ch * ps_size_of(c->type)), (size_t)v->kernel[0]);
    if (c->copy_out) c->out_bytes = ps_size_cap(ow, ch * ps_size_of(c->out));
    if (c->copy_out && codes && v->residual) c->res_bytes = ps_size_cap(ow, ch);
    size_t images = ps_conv_images(v), want = ps_conv_chunks_wanted(v);
    c->rows = want > 1 && images ? oh * images / want : oh;
    c->rows = c->rows < 1 ? 1 : ps_least(c->rows, oh);
    c->row_blocks = oh ? (oh + c->rows - 1) / c->rows : 0;
    c->threads = want > 1 ? (int)ps_least((size_t)v->threads, images * c->row_blocks) : 1;
    c->joined = rows_to_join(c);
    if (!c->joined) return;
    size_t row = ps_size_cap(c->span, ch);
    c->in_bytes = ps_size_cap(c->joined + (size_t)v->kernel[0] - 1, row);
    c->out_bytes = ps_size_cap(c->joined, ps_size_cap(row, ps_size_of(c->out)));
}

static bool thread_bytes(dw_cut *c)
{
    const size_t part[] = {c->pointer_bytes, c->in_bytes, c->out_bytes, c->res_bytes};
    for (int i = 0; i < 4; i++) {
        if (part[i] > SIZE_MAX / 8) return false;
        c->thread_bytes += ps_round_up(part[i], PS_ALIGN);
    }
    return true;
}

size_t ps_depthwise_scratch(const ps_conv *v)
{
    dw_cut c;
    make_cut(v, &c);
    return thread_bytes(&c) ? ps_size_cap(c.thread_bytes, (size_t)c.threads) : SIZE_MAX;
}

/* One output row under work. */
typedef struct dw_row {
    const dw_cut *c;
    const char *x;
    size_t first, end, oy; /* taps ky that exist */
    union {
        const float **taps;
        const uint8_t **taps8;
    };
    char *in, *y;
    const char *r;
    ptrdiff_t y_pixel, r_pixel;
} dw_row;

static void run_codes(const dw_row *w, size_t ox, size_t n, ptrdiff_t pixel)
{
    const ps_conv *v = w->c->v;
    ps_conv_sums sums = ps_conv_sums_of(v, v->weights);
    ps_requant q = ps_conv_requant(v, &sums, 0);
    if (w->r) {
        q.residual = (const uint8_t *)w->r + (ptrdiff_t)ox * w->r_pixel;
        q.ldr = w->r_pixel;
    }
    v->k->dwconv_u8(n, (size_t)v->c, (size_t)v->kernel[0], (size_t)v->kernel[1], w->taps8, v->stride[1] * pixel,
                    v->dilation[1] * pixel, (const int8_t *)(const void *)v->weights,
                    w->y + (ptrdiff_t)ox * w->y_pixel * (ptrdiff_t)ps_size_of(w->c->out), w->y_pixel, &q);
}

static void run_span(const dw_row *w, size_t ox, size_t n, ptrdiff_t pixel)
{
    const ps_conv *v = w->c->v;
    size_t c = (size_t)v->c, kw = (size_t)v->kernel[1];
    if (w->c->type == POISE_U8) {
        run_codes(w, ox, n, pixel);
        return;
    }
    ps_epilogue e = {.bias = v->bias,
                     .act = (ps_act)v->fused.act,
                     .a = v->fused.a,
                     .b = v->fused.b,
                     .act_last = v->fused.act_last != 0};
    if (w->r) {
        e.residual = (const float *)(const void *)w->r + (ptrdiff_t)ox * w->r_pixel;
        e.ldr = w->r_pixel;
    }
    v->k->dwconv_f32(n, c, w->end - w->first, kw, w->taps, v->stride[1] * pixel, v->dilation[1] * pixel,
                     v->weights + w->first * kw * c, (float *)(void *)w->y + (ptrdiff_t)ox * w->y_pixel, w->y_pixel, &e);
}

/* Input row of tap ky. */
static ptrdiff_t input_row(const dw_row *w, size_t ky)
{
    const ps_conv *v = w->c->v;
    return (ptrdiff_t)w->oy * v->stride[0] - v->pad[0] + (ptrdiff_t)ky * v->dilation[0];
}

/* Tap i begins at an element of x. */
static void set_tap(const dw_row *w, size_t i, const char *x, ptrdiff_t at)
{
    if (w->c->type == POISE_U8)
        w->taps8[i] = (const uint8_t *)x + at;
    else
        w->taps[i] = (const float *)(const void *)x + at;
}

static void run_edge(const dw_row *w, size_t ox, size_t n)
{
    const ps_conv *v = w->c->v;
    if (!n) return;
    size_t span = span_of(v, n), taps = w->end - w->first;
    ps_slab s = {.x = w->x,
                 .type = v->x_type,
                 .to = w->c->type,
                 .border = w->c->type == POISE_U8 ? (uint8_t)v->codes.x_zero : 0,
                 .row = v->xs.row,
                 .pixel = v->xs.pixel,
                 .channel = v->xs.channel,
                 .in = {v->in[0], v->in[1]},
                 .row0 = input_row(w, w->first),
                 .row_step = v->dilation[0],
                 .col0 = (ptrdiff_t)ox * v->stride[1] - v->pad[1],
                 .rows = taps,
                 .cols = span,
                 .channels = (size_t)v->c,
                 .step = (size_t)v->c};
    ps_slab_copy(v->k, &s, w->in);
    for (size_t i = 0; i < taps; i++) set_tap(w, i, w->in, (ptrdiff_t)(i * span * (size_t)v->c));
    run_span(w, ox, n, v->c);
}

static void run_inside(const dw_row *w, size_t ox, size_t n)
{
    const ps_conv *v = w->c->v;
    if (!n) return;
    ptrdiff_t col = ((ptrdiff_t)ox * v->stride[1] - v->pad[1]) * v->xs.pixel;
    for (size_t ky = w->first; ky < w->end; ky++)
        set_tap(w, ky - w->first, w->x, input_row(w, ky) * v->xs.row + col);
    run_span(w, ox, n, v->xs.pixel);
}

/* Copies the rows that this window needs and the ring does not have: those from *next on.  The ring has a slot for each
 * tap; the rows of a window are adjacent, so each stays until no later window needs it.  With dilation they are not,
 * and every window copies its own. */
static void run_ring(const dw_row *w, ptrdiff_t *next)
{
    const dw_cut *c = w->c;
    const ps_conv *v = c->v;
    size_t row = c->span * (size_t)v->c;
    bool adjacent = v->dilation[0] == 1;
    ps_slab s = {.x = w->x,
                 .type = v->x_type,
                 .to = w->c->type,
                 .border = w->c->type == POISE_U8 ? (uint8_t)v->codes.x_zero : 0,
                 .row = v->xs.row,
                 .pixel = v->xs.pixel,
                 .channel = v->xs.channel,
                 .in = {v->in[0], v->in[1]},
                 .row_step = 1,
                 .col0 = -(ptrdiff_t)v->pad[1],
                 .rows = 1,
                 .cols = c->span,
                 .channels = (size_t)v->c,
                 .step = (size_t)v->c};
    for (size_t ky = w->first; ky < w->end; ky++) {
        s.row0 = input_row(w, ky);
        size_t slot = (adjacent ? (size_t)(s.row0 + v->pad[0]) % (size_t)v->kernel[0] : ky) * row;
        set_tap(w, ky - w->first, w->in, (ptrdiff_t)slot);
        if (adjacent && s.row0 < *next) continue;
        ps_slab_copy(v->k, &s, w->in + slot * ps_size_of(c->type));
        *next = s.row0 + 1;
    }
    run_span(w, 0, (size_t)v->out[1], v->c);
}

static void write_row(const dw_cut *c, const char *out, char *y)
{
    const ps_conv *v = c->v;
    size_t ow = (size_t)v->out[1], ch = (size_t)v->c;
    if (v->y_type == POISE_U8)
        ps_bytes_scatter(ow, ch, (const uint8_t *)out, (uint8_t *)y, v->ys.pixel, v->ys.channel);
    else
        ps_block_scatter(v->k, v->y_type, ow, ch, (const float *)(const void *)out, y, v->ys.pixel, v->ys.channel);
}

static void run_row(const dw_cut *c, size_t image, size_t oy, ptrdiff_t *next, uint8_t *scratch)
{
    const ps_conv *v = c->v;
    size_t ow = (size_t)v->out[1], ch = (size_t)v->c;
    char *in = (char *)scratch + ps_round_up(c->pointer_bytes, PS_ALIGN), *out = in + ps_round_up(c->in_bytes, PS_ALIGN);
    ptrdiff_t size = (ptrdiff_t)ps_size_of(v->y_type);
    ptrdiff_t y_at = ps_conv_offset(v->batch_rank, v->batch, image, v->ys.batch) + (ptrdiff_t)oy * v->ys.row;
    char *y = (char *)v->y + y_at * size;
    dw_row w = {.c = c,
                .oy = oy,
                .x = (const char *)v->x + ps_conv_offset(v->batch_rank, v->batch, image, v->xs.batch) *
                                              (ptrdiff_t)ps_size_of(v->x_type),
                .y = y,
                .y_pixel = v->ys.pixel,
                .taps = (const float **)(void *)scratch,
                .in = in};
    if (c->type == POISE_U8)
        w.end = (size_t)v->kernel[0];
    else
        ps_conv_taps(v, (ptrdiff_t)oy, &w.first, &w.end);
    if (v->residual) {
        ptrdiff_t at =
            ps_conv_offset(v->batch_rank, v->batch, image, v->rs.batch) + (ptrdiff_t)oy * v->rs.row;
        w.r = (const char *)v->r + at * (ptrdiff_t)ps_size_of(v->r_type);
        w.r_pixel = v->rs.pixel;
    }
    if (c->copy_out) {
        if (v->residual && (v->rs.channel != 1 || ps_is_half(v->r_type))) {
            char *res = c->type == POISE_U8 ? out + ps_round_up(c->out_bytes, PS_ALIGN) : out;
            if (c->type == POISE_U8)
                ps_bytes_gather(ow, ch, (const uint8_t *)w.r, v->rs.pixel, v->rs.channel, (uint8_t *)res);
            else
                ps_block_gather(v->k, v->r_type, ow, ch, w.r, v->rs.pixel, v->rs.channel, (float *)(void *)res);
            w.r = res;
            w.r_pixel = (ptrdiff_t)ch;
        }
        w.y = out;
        w.y_pixel = (ptrdiff_t)ch;
    }
    if (c->ring) {
        run_ring(&w, next);
    } else {
        run_edge(&w, 0, c->left);
        run_inside(&w, c->left, c->right - c->left);
        run_edge(&w, c->right, ow - c->right);
    }
    if (c->copy_out) write_row(c, out, y);
}

/* n rows from oy on, joined. */
static void run_joined(const dw_cut *c, size_t image, size_t oy, size_t n, uint8_t *scratch)
{
    const ps_conv *v = c->v;
    size_t row = c->span * (size_t)v->c, kh = (size_t)v->kernel[0];
    char *in = (char *)scratch + ps_round_up(c->pointer_bytes, PS_ALIGN), *out = in + ps_round_up(c->in_bytes, PS_ALIGN);
    const ps_slab s = {.x = (const char *)v->x + ps_conv_offset(v->batch_rank, v->batch, image, v->xs.batch),
                       .type = POISE_U8,
                       .to = POISE_U8,
                       .border = (uint8_t)v->codes.x_zero,
                       .row = v->xs.row,
                       .pixel = v->xs.pixel,
                       .channel = v->xs.channel,
                       .in = {v->in[0], v->in[1]},
                       .row0 = (ptrdiff_t)oy - v->pad[0],
                       .row_step = 1,
                       .col0 = -(ptrdiff_t)v->pad[1],
                       .rows = n + kh - 1,
                       .cols = c->span,
                       .channels = (size_t)v->c,
                       .step = (size_t)v->c};
    ps_slab_copy(v->k, &s, in);
    dw_row w = {.c = c, .taps = (const float **)(void *)scratch, .y = out, .y_pixel = v->c};
    for (size_t ky = 0; ky < kh; ky++) set_tap(&w, ky, in, (ptrdiff_t)(ky * row));
    run_codes(&w, 0, (n - 1) * c->span + (size_t)v->out[1], v->c);
    ptrdiff_t to = ps_conv_offset(v->batch_rank, v->batch, image, v->ys.batch) + (ptrdiff_t)oy * v->ys.row;
    ptrdiff_t size = (ptrdiff_t)ps_size_of(c->out);
    for (size_t i = 0; i < n; i++)
        write_row(c, out + i * row * (size_t)size, (char *)v->y + (to + (ptrdiff_t)i * v->ys.row) * size);
}

static void run_chunks(void *ctx, int begin, int end, int thread)
{
    const dw_cut *c = ctx;
    uint8_t *scratch = c->v->scratch + (size_t)thread * c->thread_bytes;
    for (size_t i = (size_t)begin; i < (size_t)end; i++) {
        size_t image = i / c->row_blocks, r0 = i % c->row_blocks * c->rows;
        size_t r1 = ps_least(r0 + c->rows, (size_t)c->v->out[0]);
        ptrdiff_t next = PTRDIFF_MIN; /* first input row that was not copied yet */
        if (c->joined)
            for (size_t oy = r0; oy < r1; oy += c->joined)
                run_joined(c, image, oy, ps_least(c->joined, r1 - oy), scratch);
        else
            for (size_t oy = r0; oy < r1; oy++) run_row(c, image, oy, &next, scratch);
    }
}

void ps_depthwise_run(const ps_conv *v)
{
    dw_cut c;
    make_cut(v, &c);
    thread_bytes(&c);
    size_t n = ps_conv_images(v) * c.row_blocks;
    if (n && v->out[1]) ps_parallel(c.threads, (int)n, run_chunks, &c);
}
