/* nn/conv_winograd_f32.c - what Winograd's algorithm does with floats, and with 16 bits that are widened on the way. */
#include "nn/conv_winograd.h"

/* rows x cols pixels of n elements of 16 bits as a dense block of floats, and back. */
static void widen(const ps_kernels *k, poise_type type, size_t rows, size_t cols, size_t n, const uint16_t *x,
                  ptrdiff_t row, ptrdiff_t pixel, float *y)
{
    size_t each = pixel == (ptrdiff_t)n ? cols : 1;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j += each, y += each * n)
            ps_half_to_floats(k, type, each * n, x + (ptrdiff_t)i * row + (ptrdiff_t)j * pixel, y);
}

static void narrow(const ps_kernels *k, poise_type type, size_t rows, size_t cols, size_t n, const float *x,
                   uint16_t *y, ptrdiff_t row, ptrdiff_t pixel)
{
    size_t each = pixel == (ptrdiff_t)n ? cols : 1;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j += each, x += each * n)
            ps_half_from_floats(k, type, each * n, x, y + (ptrdiff_t)i * row + (ptrdiff_t)j * pixel);
}

size_t ps_winograd_inputs_f32(const ps_winograd_tiles *t, void *in, void *pixels)
{
    const ps_winograd_cut *c = t->c;
    const ps_conv *v = c->v;
    ps_winograd_in_f32_fn *transform = v->stride[0] == 1 ? v->k->winograd_in_f32 : v->k->winograd_s2_in_f32;
    float *to = in;
    size_t needed = 0;
    for (size_t i = 0; i < t->n; i++) {
        ps_winograd_tile tile;
        ptrdiff_t at;
        if (!ps_winograd_tile_of(t, i, &tile)) continue;
        const ps_part part = ps_winograd_window(t, &tile, &at);
        if (ps_is_half(v->x_type)) {
            bool any = part.y0 < part.y1 && part.x0 < part.x1;
            size_t rows = any ? (size_t)(part.y1 - part.y0) : 0, cols = any ? (size_t)(part.x1 - part.x0) : 0;
            widen(v->k, v->x_type, rows, cols, c->c, (const uint16_t *)v->x + at, v->xs.row, v->xs.pixel, pixels);
            transform(c->c, pixels, (ptrdiff_t)(cols * c->c), (ptrdiff_t)c->c, &part, to, (ptrdiff_t)c->in_step);
        } else {
            transform(c->c, (const float *)v->x + at, v->xs.row, v->xs.pixel, &part, to, (ptrdiff_t)c->in_step);
        }
        to += c->in_ld;
        needed++;
    }
    return needed;
}

void ps_winograd_weights_f32(const ps_winograd_cut *c, const ps_winograd_part *part, void *u)
{
    const ps_conv *v = c->v;
    const float *w = v->weights + part->panel * c->panel_words + part->from * c->nr;
    size_t n = (part->to - part->from) * c->nr;
    (v->stride[0] == 1 ? v->k->winograd_weights_f32 : v->k->winograd_s2_weights_f32)(n, w, (ptrdiff_t)(c->c * c->nr), u, (ptrdiff_t)c->u_step);
}

/* The products differ by at most one row in height. */
void ps_winograd_multiply_f32(const ps_winograd_cut *c, const ps_winograd_part *part, size_t n, const void *in,
                              const void *u, void *out)
{
    size_t parts = ps_ceil_div(n, c->mr);
    for (size_t i = 0; i < parts; i++) {
        size_t t = n * i / parts, m = n * (i + 1) / parts - t;
        const float *a = (const float *)in + t * c->in_ld;
        float *y = (float *)out + t * c->out_ld;
        ps_epilogue e = {.act = PS_ACT_NONE, .residual = part->from > 0 ? y : NULL, .ldr = (ptrdiff_t)c->out_ld};
        c->v->k->gemm_f32(m, part->cols, part->to - part->from, 1, &a, (ptrdiff_t)c->in_ld, u, y, (ptrdiff_t)c->out_ld, &e);
    }
}

/* One tile of values to outputs at element `to`, residual at `add`. */
static void output_tile(const ps_winograd_cut *c, const ps_winograd_tile *tile, size_t cols, const float *out, ptrdiff_t to,
                        ptrdiff_t add, float *pixels, ps_epilogue e)
{
    const ps_conv *v = c->v;
    ps_winograd_out_f32_fn *transform = v->stride[0] == 1 ? v->k->winograd_out_f32 : v->k->winograd_s2_out_f32;
    ptrdiff_t ld = (ptrdiff_t)cols, row = (ptrdiff_t)tile->cols * ld;
    if (ps_is_half(v->y_type)) {
        if (v->residual) {
            widen(v->k, v->r_type, tile->rows, tile->cols, cols, (const uint16_t *)v->r + add, v->rs.row, v->rs.pixel, pixels);
            e.residual = pixels;
            e.ldr = ld;
        }
        transform(cols, out, (ptrdiff_t)c->out_step, tile->rows, tile->cols, pixels, row, ld, row, &e);
        narrow(v->k, v->y_type, tile->rows, tile->cols, cols, pixels, (uint16_t *)v->y + to, v->ys.row, v->ys.pixel);
    } else {
        if (v->residual) {
            e.residual = (const float *)v->r + add;
            e.ldr = v->rs.pixel;
        }
        transform(cols, out, (ptrdiff_t)c->out_step, tile->rows, tile->cols, (float *)v->y + to, v->ys.row, v->ys.pixel, v->rs.row, &e);
    }
}

void ps_winograd_outputs_f32(const ps_winograd_tiles *t, size_t channel, size_t cols, const void *out, void *pixels)
{
    const ps_winograd_cut *c = t->c;
    const ps_conv *v = c->v;
    const float *values = out;
    ptrdiff_t y = ps_conv_offset(v->batch_rank, v->batch, t->image, v->ys.batch) + (ptrdiff_t)channel;
    ptrdiff_t r = v->residual ? ps_conv_offset(v->batch_rank, v->batch, t->image, v->rs.batch) + (ptrdiff_t)channel : 0;
    const ps_epilogue e = {.bias = v->bias ? v->bias + channel : NULL, .act = (ps_act)v->fused.act, .a = v->fused.a,
                           .b = v->fused.b, .act_last = v->fused.act_last != 0};
    for (size_t i = 0; i < t->n; i++) {
        ps_winograd_tile tile;
        if (!ps_winograd_tile_of(t, i, &tile)) continue;
        ptrdiff_t row = (ptrdiff_t)tile.y, col = (ptrdiff_t)tile.x;
        output_tile(c, &tile, cols, values, y + row * v->ys.row + col * v->ys.pixel, r + row * v->rs.row + col * v->rs.pixel, pixels, e);
        values += c->out_ld;
    }
}
