/* ops/c/codes_c.c - reference kernels on rows of codes. */
#include "ops/c/isa_c.h"
#include "ops/codes.h"

void ps_quantize_u8_c(size_t n, const float *x, float scale, int32_t zero, uint8_t *y)
{
    for (size_t i = 0; i < n; i++) y[i] = ps_code(x[i] / scale, zero);
}

void ps_dequantize_u8_c(size_t n, const uint8_t *x, float scale, int32_t zero, float *y)
{
    for (size_t i = 0; i < n; i++) y[i] = scale * (float)(x[i] - zero);
}

void ps_lut_u8_c(size_t n, const uint8_t *x, const uint8_t *table, uint8_t *y)
{
    for (size_t i = 0; i < n; i++) y[i] = table[x[i]];
}

static uint8_t within(const ps_mix *m, float t)
{
    uint8_t q = ps_code(t, m->zero);
    return q < m->low ? (uint8_t)m->low : q > m->high ? (uint8_t)m->high : q;
}

void ps_add_u8_c(size_t n, const uint8_t *x0, int s0, const uint8_t *x1, int s1, const ps_mix *m, uint8_t *y)
{
    for (size_t i = 0; i < n; i++, x0 += s0, x1 += s1)
        y[i] = within(m, (float)(*x0 - m->zero0) * m->mul0 + (float)(*x1 - m->zero1) * m->mul1);
}

void ps_mul_u8_c(size_t n, const uint8_t *x0, int s0, const uint8_t *x1, int s1, const ps_mix *m, uint8_t *y)
{
    for (size_t i = 0; i < n; i++, x0 += s0, x1 += s1)
        y[i] = within(m, (float)((*x0 - m->zero0) * (*x1 - m->zero1)) * m->mul0);
}

void ps_maxpool_u8_c(size_t n, size_t count, const uint8_t *const *x, uint8_t *y)
{
    for (size_t j = 0; j < n; j++) {
        uint8_t most = x[0][j];
        for (size_t t = 1; t < count; t++)
            if (x[t][j] > most) most = x[t][j];
        y[j] = most;
    }
}

void ps_accumulate_u8_c(size_t n, size_t rows, const uint8_t *x, ptrdiff_t ldx, int32_t *sum)
{
    for (size_t t = 0; t < rows; t++, x += ldx)
        for (size_t j = 0; j < n; j++) sum[j] += x[j];
}

void ps_average_u8_c(size_t n, const int32_t *sum, int32_t add, float mul, int32_t zero, uint8_t *y)
{
    for (size_t j = 0; j < n; j++) y[j] = ps_code((float)(sum[j] + add) * mul, zero);
}

void ps_pixels_u8_c(size_t n, const uint8_t *x, const uint8_t order[3], const uint8_t *const table[3], uint8_t *y,
                    ptrdiff_t ldy)
{
    for (size_t i = 0; i < n; i++, x += 3, y += ldy)
        for (size_t j = 0; j < 3; j++) y[j] = table[0] ? table[j][x[order[j]]] : x[order[j]];
}
