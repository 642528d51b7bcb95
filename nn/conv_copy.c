/* nn/conv_copy.c - moves blocks between the strides of tensors and the dense blocks that kernels read. */
#include "nn/conv.h"

#include <string.h>

void ps_block_gather(const ps_kernels *k, size_t m, size_t n, const float *x, ptrdiff_t row, ptrdiff_t col,
                     float *dst)
{
    if (!m || !n) return;
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

void ps_block_scatter(const ps_kernels *k, size_t m, size_t n, const float *src, float *y, ptrdiff_t row,
                      ptrdiff_t col)
{
    if (row == 1 && m > 1) {
        k->transpose_f32(m, n, src, (ptrdiff_t)n, y, col);
        return;
    }
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) y[(ptrdiff_t)i * row + (ptrdiff_t)j * col] = src[i * n + j];
}

static void copy_row(const ps_kernels *k, const ps_slab *s, const float *x, float *dst)
{
    ptrdiff_t cols = (ptrdiff_t)s->cols, from = -s->col0,
              to = s->in[1] - s->col0; /* of dst that has pixels */
    from = from < 0 ? 0 : from > cols ? cols : from;
    to = to < from ? from : to > cols ? cols : to;
    size_t c = s->channels, first = (size_t)from, end = (size_t)to;
    memset(dst, 0, first * s->step * sizeof *dst);
    memset(dst + end * s->step, 0, (s->cols - end) * s->step * sizeof *dst);
    x += (s->col0 + from) * s->pixel;
    dst += first * s->step;
    if (s->step == c) {
        if (end > first) ps_block_gather(k, end - first, c, x, s->pixel, s->channel, dst);
        return;
    }
    for (size_t i = first; i < end; i++, x += s->pixel, dst += s->step)
        ps_block_gather(k, 1, c, x, (ptrdiff_t)c, s->channel, dst);
}

void ps_slab_copy(const ps_kernels *k, const ps_slab *s, float *dst)
{
    for (size_t i = 0; i < s->rows; i++, dst += s->cols * s->step) {
        ptrdiff_t iy = s->row0 + (ptrdiff_t)i * s->row_step;
        if (iy >= 0 && iy < s->in[0]) copy_row(k, s, s->x + iy * s->row, dst);
    }
}
