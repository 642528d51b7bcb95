/* nn/conv_winograd_u8.c - what Winograd's algorithm does with codes: the same sums as direct ones, to the last bit. */
#include "nn/conv_winograd.h"

size_t ps_winograd_inputs_u8(const ps_winograd_tiles *t, void *in, void *pixels)
{
    const ps_winograd_cut *c = t->c;
    const ps_conv *v = c->v;
    ps_winograd_in_u8_fn *transform = v->stride[0] == 1 ? v->k->winograd_in_u8 : v->k->winograd_s2_in_u8;
    int16_t *to = in;
    size_t needed = 0;
    (void)pixels;
    for (size_t i = 0; i < t->n; i++) {
        ps_winograd_tile tile;
        ptrdiff_t at;
        if (!ps_winograd_tile_of(t, i, &tile)) continue;
        const ps_part part = ps_winograd_window(t, &tile, &at);
        transform(c->c, (const uint8_t *)v->x + at, v->xs.row, v->xs.pixel, &part, (uint8_t)v->codes.x_zero, to,
                  (ptrdiff_t)c->in_step);
        to += c->in_ld;
        needed++;
    }
    return needed;
}

static size_t columns_of(const ps_winograd_part *part)
{
    return ps_round_up(part->cols, 16);
}

void ps_winograd_weights_u8(const ps_winograd_cut *c, const ps_winograd_part *part, void *u)
{
    const ps_conv *v = c->v;
    const int8_t *w = (const int8_t *)(const void *)(v->weights + part->panel * c->panel_words);
    ps_winograd_weights_s8_fn *transform = v->stride[0] == 1 ? v->k->winograd_weights_s8 : v->k->winograd_s2_weights_s8;
    size_t n = columns_of(part);
    int16_t *to = u;
    for (size_t k = part->from; k < part->to; k += 4, to += 4 * n)
        transform(n, w + k * c->nr, (ptrdiff_t)(c->c * c->nr), to, (ptrdiff_t)c->u_step);
}

void ps_winograd_multiply_u8(const ps_winograd_cut *c, const ps_winograd_part *part, size_t n, const void *in,
                             const void *u, void *out)
{
    c->v->k->gemm_s16(n, columns_of(part), part->to - part->from, in, (ptrdiff_t)c->in_ld, u, out, (ptrdiff_t)c->out_ld,
                      part->from > 0);
}

void ps_winograd_outputs_u8(const ps_winograd_tiles *t, size_t channel, size_t cols, const void *out, void *pixels)
{
    const ps_winograd_cut *c = t->c;
    const ps_conv *v = c->v;
    const ps_conv_sums sums = ps_conv_sums_of(v, v->weights);
    const int32_t *values = out;
    ptrdiff_t y = ps_conv_offset(v->batch_rank, v->batch, t->image, v->ys.batch) + (ptrdiff_t)channel;
    ptrdiff_t r = v->residual ? ps_conv_offset(v->batch_rank, v->batch, t->image, v->rs.batch) + (ptrdiff_t)channel : 0;
    ps_winograd_out_s32_fn *transform = v->stride[0] == 1 ? v->k->winograd_out_s32 : v->k->winograd_s2_out_s32;
    ps_requant q = ps_conv_requant(v, &sums, channel);
    q.ldr = v->rs.pixel;
    (void)pixels;
    for (size_t i = 0; i < t->n; i++) {
        ps_winograd_tile tile;
        if (!ps_winograd_tile_of(t, i, &tile)) continue;
        ptrdiff_t to = y + (ptrdiff_t)tile.y * v->ys.row + (ptrdiff_t)tile.x * v->ys.pixel;
        if (v->residual) q.residual = (const uint8_t *)v->r + (r + (ptrdiff_t)tile.y * v->rs.row + (ptrdiff_t)tile.x * v->rs.pixel);
        void *at = q.to_f32 ? (void *)((float *)v->y + to) : (void *)((uint8_t *)v->y + to);
        transform(cols, values, (ptrdiff_t)c->out_step, tile.rows, tile.cols, at, v->ys.row, v->ys.pixel, v->rs.row, &q);
        values += c->out_ld;
    }
}
