/* nn/conv_pack_int8.c - s8 weights in the order in which kernels read them, with the sums that go with them.
 *
 * The product of codes is the sum over (x - zero)*w, of which the kernel computes that over x*w and adds -zero*sum(w).
 *
 * A computed right side of a matrix product is u8 with a zero point of its own: w = q - zero.  With a zero point of 128 that
 * is an s8; others reach -255..254, and are the sum of two, which are multiplied one after the other (a window of two
 * taps on the same pixel), or three: with a zero point of 0 they reach 255. */
#include "nn/conv_pack.h"

#include <string.h>

/* How rows of a panel lie: nr columns, `group` rows of one side by side. */
typedef struct panel_order {
    size_t nr, group;
} panel_order;

static panel_order order_of(const ps_conv *v)
{
    return (panel_order){.nr = (size_t)v->k->gemm_u8_tile.nr, .group = ps_conv_eights(v) ? 8 : 4};
}

/* Byte of row p, column j. */
static size_t place(panel_order o, size_t p, size_t j)
{
    return (p / o.group * o.nr + j) * o.group + p % o.group;
}

/* Channels of one tap, which begin at byte `first` of the window's row. */
static void pack_s8(const ps_conv *v, const ps_weights *w, ptrdiff_t at, size_t first, size_t n, int8_t *row)
{
    panel_order order = order_of(v);
    size_t cg = (size_t)(v->c / v->group), ci = 0;
    const int8_t *from = (const int8_t *)w->at + at;
    if (w->c == 1 && first % 4 == 0)
        for (; ci + 4 <= cg; ci += 4)
            for (size_t j = 0; j < n; j++)
                memcpy(row + place(order, first + ci, j), from + (ptrdiff_t)j * w->o + (ptrdiff_t)ci, 4);
    for (; ci < cg; ci++)
        for (size_t j = 0; j < n; j++)
            row[place(order, first + ci, j)] = from[(ptrdiff_t)j * w->o + (ptrdiff_t)ci * w->c];
}

static int limit(int x)
{
    return x < -128 ? -128 : x > 127 ? 127 : x;
}

int ps_conv_parts(int32_t zero)
{
    return zero == 128 ? 1 : zero ? 2 : 3;
}

/* The same of u8: the part of q - zero that tap kx has. */
static void pack_u8(const ps_conv *v, const ps_weights *w, ptrdiff_t at, int kx, size_t first, size_t n, int8_t *row)
{
    panel_order order = order_of(v);
    size_t cg = (size_t)(v->c / v->group);
    const uint8_t *from = (const uint8_t *)w->at + at;
    for (size_t ci = 0; ci < cg; ci++)
        for (size_t j = 0; j < n; j++) {
            int d = from[(ptrdiff_t)j * w->o + (ptrdiff_t)ci * w->c] - w->zero;
            for (int i = 0; i < kx; i++) d -= limit(d);
            row[place(order, first + ci, j)] = (int8_t)limit(d);
        }
}

/* For column j of a panel of `quads` times four rows: the sum, and what its weights are not too large for. */
static int32_t add_up(const int8_t *panel, panel_order order, size_t quads, size_t j, int32_t *sum)
{
    enum { MOST = 128 }; /* 255*128 <= 32767 */
    int32_t all_up = 0, all_down = 0;
    bool narrow = true, no_128 = true;
    for (size_t q = 0; q < quads; q++) {
        const int8_t *w = panel + place(order, 4 * q, j);
        for (int i = 0; i < 4; i += 2) {
            int a = w[i], b = w[i + 1], up = (a > 0 ? a : 0) + (b > 0 ? b : 0), down = (a < 0 ? a : 0) + (b < 0 ? b : 0);
            narrow = narrow && up <= MOST && down >= -MOST;
            no_128 = no_128 && a > -128 && b > -128;
            all_up += up;
            all_down -= down;
        }
    }
    *sum = all_up - all_down;
    bool small = all_up < PS_CONV_SMALL && all_down < PS_CONV_SMALL;
    return (narrow ? PS_CONV_NARROW : 0) | (no_128 ? PS_CONV_NO_128 : 0) | (small ? PS_CONV_SMALL_SUMS : 0);
}

static void set_sum(const ps_conv *v, const ps_weights *w, const ps_conv_sums *s, size_t o, int32_t sum)
{
    s->add[o] = -v->codes.x_zero * sum;
    s->sum[o] = sum;
    s->scale[o] = v->codes.x_scale * w->each[(ptrdiff_t)o * w->each_step] * w->scale;
}

void ps_pack_codes(const ps_conv *v, const ps_weights *w, ptrdiff_t at, size_t panel, float *dst)
{
    size_t nr = (size_t)v->k->gemm_u8_tile.nr, og = (size_t)(v->o / v->group), of_group = ps_ceil_div(og, nr);
    size_t j0 = panel % of_group * nr, n = ps_least(og - j0, nr), o = panel / of_group * og + j0;
    size_t row = ps_conv_window_row(v) * sizeof(float), pixel = ps_conv_pixel(v);
    size_t bytes = ps_round_up((size_t)v->kernel[0] * row, PS_ALIGN);
    int8_t *to = (int8_t *)(void *)dst + panel * bytes;
    ps_conv_sums sums = ps_conv_sums_of(v, dst);
    memset(to, 0, bytes);
    for (int32_t ky = 0; w->at && ky < v->kernel[0]; ky++)
        for (int32_t kx = 0; kx < v->kernel[1]; kx++) {
            ptrdiff_t tap = at + ky * w->kernel[0] + kx * w->kernel[1];
            int8_t *of_row = to + (size_t)ky * row;
            if (w->type == POISE_I8)
                pack_s8(v, w, tap, (size_t)kx * pixel, n, of_row);
            else
                pack_u8(v, w, tap, kx, (size_t)kx * pixel, n, of_row);
        }
    sums.fits[panel] = PS_CONV_NARROW | PS_CONV_NO_128 | PS_CONV_SMALL_SUMS;
    for (size_t j = 0; j < n; j++) {
        int32_t sum;
        sums.fits[panel] &= add_up(to, order_of(v), (size_t)v->kernel[0] * row / 4 / nr, j, &sum);
        set_sum(v, w, &sums, o + j, sum);
    }
}

void ps_pack_codes_depthwise(const ps_conv *v, const ps_weights *w, float *dst)
{
    int8_t *to = (int8_t *)(void *)dst;
    ps_conv_sums sums = ps_conv_sums_of(v, dst);
    size_t taps = (size_t)v->kernel[0] * (size_t)v->kernel[1], c = (size_t)v->c;
    for (int32_t ky = 0; ky < v->kernel[0]; ky++)
        for (int32_t kx = 0; kx < v->kernel[1]; kx++)
            for (size_t j = 0; j < c; j++)
                *to++ = w->at ? ((const int8_t *)w->at)[(ptrdiff_t)j * w->group + ky * w->kernel[0] + kx * w->kernel[1]] : 0;
    sums.fits[0] = 0;
    to -= taps * c;
    for (size_t j = 0; j < c; j++) {
        int32_t sum = 0;
        for (size_t t = 0; t < taps; t++) sum += to[t * c + j];
        set_sum(v, w, &sums, j, sum);
    }
}
