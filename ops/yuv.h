/* ops/yuv.h - one pixel from Y, U, V to R, G, B: what every ISA does with the last pixels of a row. */
#ifndef PS_OPS_YUV_H
#define PS_OPS_YUV_H

#include "ops/kernels.h"

static inline uint8_t ps_clamp_u8(int32_t v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static inline void ps_yuv_pixel(uint8_t y, uint8_t u, uint8_t v, const ps_yuv *m, uint8_t rgb[3])
{
    int32_t luma = (y - m->low) * m->luma + 4096, du = u - 128, dv = v - 128;
    rgb[0] = ps_clamp_u8((luma + m->rv * dv) >> 13);
    rgb[1] = ps_clamp_u8((luma + m->gu * du + m->gv * dv) >> 13);
    rgb[2] = ps_clamp_u8((luma + m->bu * du) >> 13);
}

/* Sum i of ps_area_row_u8. */
static inline void ps_area_pixel(const ps_taps *t, size_t i, const uint8_t *x, int step, uint16_t y[3])
{
    int c1 = step == 1 ? 0 : 1, c2 = 2 * c1;
    const uint8_t *p = x + (ptrdiff_t)t->first[i] * step;
    const int32_t *w = t->weight + t->start[i];
    int32_t half = 1 << (PS_AREA_BITS - 1), r = half, g = half, b = half;
    for (int32_t k = 0; k < t->count[i]; k++, p += step)
        r += p[0] * w[k], g += p[c1] * w[k], b += p[c2] * w[k];
    y[0] = ps_clamp_u8(r >> PS_AREA_BITS);
    y[1] = ps_clamp_u8(g >> PS_AREA_BITS);
    y[2] = ps_clamp_u8(b >> PS_AREA_BITS);
}

#endif
