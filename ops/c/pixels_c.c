/* ops/c/pixels_c.c - reference conversion and scaling of 8-bit pixels. */
#include "ops/c/isa_c.h"
#include "ops/yuv.h"

void ps_pixels_f32_c(size_t n, const uint8_t *x, const uint8_t order[3], const float mul[3],
                     const float add[3], float *y, ptrdiff_t ldy)
{
    for (size_t i = 0; i < n; i++, x += 3, y += ldy)
        for (size_t j = 0; j < 3; j++) y[j] = (float)x[order[j]] * mul[j] + add[j];
}

void ps_yuv_rgb_u8_c(size_t n, const uint8_t *y, const uint8_t *u, const uint8_t *v, size_t step, const ps_yuv *m,
                     uint8_t *rgb)
{
    for (size_t i = 0; i < n; i++) ps_yuv_pixel(y[i], u[i / 2 * step], v[i / 2 * step], m, rgb + 3 * i);
}

void ps_area_row_u8_c(size_t n, const ps_taps *t, const uint8_t *x, size_t width, int step, uint16_t *y)
{
    (void)width;
    for (size_t i = 0; i < n; i++) ps_area_pixel(t, i, x, step, y + 3 * i);
}

void ps_area_add_u16_c(size_t n, const uint16_t *p, const uint16_t *q, int32_t wp, int32_t wq, int32_t *sum)
{
    for (size_t i = 0; i < n; i++) sum[i] += p[i] * wp + q[i] * wq;
}
