/* nn/conv_copy.c - moves blocks between the strides of tensors and the dense blocks that kernels read. */
#include "nn/conv.h"

#include <string.h>

static void gather_f32(const ps_kernels *k, size_t m, size_t n, const float *x, ptrdiff_t row, ptrdiff_t col,
                       float *dst)
{
    if (n == 1 || col == 1) {
        if (row == (ptrdiff_t)n) {
            memcpy(dst, x, m * n * sizeof *dst);
            return;
        }
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < n; j++) dst[i * n + j] = x[(ptrdiff_t)i * row + (ptrdiff_t)j];
    } else if (row == 1) {
        k->transpose_f32(n, m, x, col, dst, (ptrdiff_t)n);
    } else {
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < n; j++) dst[i * n + j] = x[(ptrdiff_t)i * row + (ptrdiff_t)j * col];
    }
}

void ps_block_gather(const ps_kernels *k, poise_type type, size_t m, size_t n, const void *x, ptrdiff_t row,
                     ptrdiff_t col, float *dst)
{
    const uint16_t *h = x;
    if (!m || !n) return;
    if (type == POISE_F32)
        gather_f32(k, m, n, x, row, col, dst);
    else if (col == 1 && row == (ptrdiff_t)n)
        ps_half_to_floats(k, type, m * n, h, dst);
    else if (col == 1)
        for (size_t i = 0; i < m; i++) ps_half_to_floats(k, type, n, h + (ptrdiff_t)i * row, dst + i * n);
    else
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < n; j++)
                dst[i * n + j] = ps_half_widen(type, h[(ptrdiff_t)i * row + (ptrdiff_t)j * col]);
}

void ps_block_scatter(const ps_kernels *k, poise_type type, size_t m, size_t n, const float *src, void *y,
                      ptrdiff_t row, ptrdiff_t col)
{
    float *f = y;
    uint16_t *h = y;
    bool half = ps_is_half(type);
    if (half && col == 1)
        for (size_t i = 0; i < m; i++) ps_half_from_floats(k, type, n, src + i * n, h + (ptrdiff_t)i * row);
    else if (half)
        for (size_t j = 0; j < n; j++)
            for (size_t i = 0; i < m; i++)
                h[(ptrdiff_t)i * row + (ptrdiff_t)j * col] = ps_half_round(type, src[i * n + j]);
    else if (row == 1 && m > 1)
        k->transpose_f32(m, n, src, (ptrdiff_t)n, y, col);
    else
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < n; j++) f[(ptrdiff_t)i * row + (ptrdiff_t)j * col] = src[i * n + j];
}

void ps_bytes_gather(size_t m, size_t n, const uint8_t *x, ptrdiff_t row, ptrdiff_t col, uint8_t *dst)
{
    if (col == 1 && row == (ptrdiff_t)n) {
        memcpy(dst, x, m * n);
        return;
    }
    for (size_t i = 0; i < m; i++, dst += n)
        if (col == 1 || n == 1)
            memcpy(dst, x + (ptrdiff_t)i * row, n);
        else
            for (size_t j = 0; j < n; j++) dst[j] = x[(ptrdiff_t)i * row + (ptrdiff_t)j * col];
}

void ps_bytes_scatter(size_t m, size_t n, const uint8_t *src, uint8_t *y, ptrdiff_t row, ptrdiff_t col)
{
    if (col == 1 && row == (ptrdiff_t)n) {
        memcpy(y, src, m * n);
        return;
    }
    for (size_t i = 0; i < m; i++, src += n)
        if (col == 1 || n == 1)
            memcpy(y + (ptrdiff_t)i * row, src, n);
        else
            for (size_t j = 0; j < n; j++) y[(ptrdiff_t)i * row + (ptrdiff_t)j * col] = src[j];
}

/* Pixels of 16 bits, step apart in dst, where what is beyond their channels becomes zero. */
static void gather_half(size_t m, const ps_slab *s, const uint16_t *x, uint16_t *dst)
{
    size_t c = s->channels;
    if (s->channel == 1 && s->step == c && s->pixel == (ptrdiff_t)c) {
        memcpy(dst, x, m * c * sizeof *dst);
        return;
    }
    if (s->channel != 1 && s->pixel == 1) /* rows of pixels, one channel at a time */
        for (size_t j = 0; j < c; j++)
            for (size_t i = 0; i < m; i++) dst[i * s->step + j] = x[(ptrdiff_t)i + (ptrdiff_t)j * s->channel];
    else if (s->channel != 1)
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < c; j++)
                dst[i * s->step + j] = x[(ptrdiff_t)i * s->pixel + (ptrdiff_t)j * s->channel];
    else
        for (size_t i = 0; i < m; i++)
            memcpy(dst + i * s->step, x + (ptrdiff_t)i * s->pixel, c * sizeof *dst);
    for (size_t i = 0; c < s->step && i < m; i++)
        memset(dst + i * s->step + c, 0, (s->step - c) * sizeof *dst);
}

/* Floats as the sum of a high and a low bfloat16 (ps_conv_splits).  What overflows or is no number has no low part. */
static void gather_split(const ps_kernels *k, size_t m, const ps_slab *s, const float *x, uint16_t *dst)
{
    enum { BLOCK = 256 };
    float part[BLOCK], low[BLOCK];
    size_t each = s->split;
    for (size_t i = 0; i < m; i++, x += s->pixel, dst += s->step) {
        for (size_t j = 0; j < s->channels; j += BLOCK) {
            size_t n = ps_least(s->channels - j, BLOCK);
            const float *from = x + (ptrdiff_t)j * s->channel;
            if (s->channel != 1) gather_f32(k, 1, n, from, (ptrdiff_t)n, s->channel, part);
            const float *all = s->channel == 1 ? from : part;
            k->bf16_from_f32(n, all, dst + j);
            k->f32_from_bf16(n, dst + j, low);
            k->sub_f32(n, all, 1, low, 1, low);
            k->bf16_from_f32(n, low, dst + 2 * each + j);
        }
        for (size_t j = s->channels; j < each; j++) dst[j] = dst[2 * each + j] = 0;
        memcpy(dst + each, dst, each * sizeof *dst);
    }
}

/* So many bytes a pixel are copied as whole vectors by a compiler that knows the number. */
static void gather_vectors(size_t m, size_t vectors, const uint8_t *x, ptrdiff_t pixel, uint8_t *dst, size_t step)
{
    enum { VECTOR = 16 };
    for (size_t i = 0; i < m; i++, x += pixel, dst += step)
        for (size_t j = 0; j < vectors; j++) memcpy(dst + j * VECTOR, x + j * VECTOR, VECTOR);
}

/* Pixels of u8; what is beyond their channels becomes the border, so that no byte is undefined. */
static void gather_codes(size_t m, const ps_slab *s, const uint8_t *x, uint8_t *dst)
{
    size_t c = s->channels, step = s->step;
    if (s->channel == 1 && step == c && s->pixel == (ptrdiff_t)c) {
        memcpy(dst, x, m * c);
        return;
    }
    if (s->channel == 1 && c % 16 == 0)
        gather_vectors(m, c / 16, x, s->pixel, dst, step);
    else if (s->channel == 1)
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < c; j++) dst[i * step + j] = x[(ptrdiff_t)i * s->pixel + (ptrdiff_t)j];
    else
        for (size_t j = 0; j < c; j++)
            for (size_t i = 0; i < m; i++)
                dst[i * step + j] = x[(ptrdiff_t)i * s->pixel + (ptrdiff_t)j * s->channel];
    for (size_t i = 0; c < step && i < m; i++) memset(dst + i * step + c, s->border, step - c);
}

static void gather_pixels(const ps_kernels *k, size_t m, const ps_slab *s, const char *x, void *dst)
{
    float *to = dst;
    if (s->type == POISE_U8)
        gather_codes(m, s, (const uint8_t *)x, dst);
    else if (s->split)
        gather_split(k, m, s, (const float *)(const void *)x, dst);
    else if (ps_is_half(s->to))
        gather_half(m, s, (const uint16_t *)(const void *)x, dst);
    else if (s->step == s->channels)
        ps_block_gather(k, s->type, m, s->channels, x, s->pixel, s->channel, to);
    else
        for (size_t i = 0; i < m; i++, x += s->pixel * (ptrdiff_t)ps_size_of(s->type), to += s->step)
            ps_block_gather(k, s->type, 1, s->channels, x, (ptrdiff_t)s->channels, s->channel, to);
}

static void copy_row(const ps_kernels *k, const ps_slab *s, const char *x, char *dst)
{
    ptrdiff_t cols = (ptrdiff_t)s->cols, from = -s->col0,
              to = s->in[1] - s->col0; /* of dst that has pixels */
    from = from < 0 ? 0 : from > cols ? cols : from;
    to = to < from ? from : to > cols ? cols : to;
    size_t first = (size_t)from, end = (size_t)to, pixel = s->step * ps_size_of(s->to);
    memset(dst, s->border, first * pixel);
    memset(dst + end * pixel, s->border, (s->cols - end) * pixel);
    if (end > first)
        gather_pixels(k, end - first, s, x + (s->col0 + from) * s->pixel * (ptrdiff_t)ps_size_of(s->type),
                      dst + first * pixel);
}

void ps_slab_copy(const ps_kernels *k, const ps_slab *s, void *dst)
{
    size_t row = s->cols * s->step * ps_size_of(s->to);
    for (size_t i = 0; i < s->rows; i++) {
        ptrdiff_t iy = s->row0 + (ptrdiff_t)i * s->row_step;
        if (iy >= 0 && iy < s->in[0])
            copy_row(k, s, (const char *)s->x + iy * s->row * (ptrdiff_t)ps_size_of(s->type),
                     (char *)dst + i * row);
        else if (s->type == POISE_U8)
            memset((char *)dst + i * row, s->border, row);
    }
}
