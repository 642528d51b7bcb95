/* ops/neon/pixels_neon.c - video to RGB, area scaling and the order of colours, in products that are exact. */
#include "ops/neon/isa_neon.h"
#include "ops/yuv.h"

#include <arm_neon.h>
#include <string.h>

/* Sixteen bytes of x, chosen by index; beyond 15 zero. */
static inline uint8x16_t choose(uint8x16_t x, uint8x16_t index)
{
#ifdef __aarch64__
    return vqtbl1q_u8(x, index);
#else
    uint8x8x2_t halves = {{vget_low_u8(x), vget_high_u8(x)}};
    return vcombine_u8(vtbl2_u8(halves, vget_low_u8(index)), vtbl2_u8(halves, vget_high_u8(index)));
#endif
}

/* Eight bytes less `from`, as 16-bit numbers. */
static inline int16x8_t less(uint8x8_t x, uint8_t from)
{
    return vreinterpretq_s16_u16(vsubl_u8(x, vdup_n_u8(from)));
}

/* Eight of a*fa + b*fb + c*fc over 2^13, rounded half up and clamped. */
static inline uint8x8_t mix(int16x8_t a, int16_t fa, int16x8_t b, int16_t fb, int16x8_t c, int16_t fc)
{
    int32x4_t low = vmull_n_s16(vget_low_s16(a), fa), high = vmull_n_s16(vget_high_s16(a), fa);
    low = vmlal_n_s16(low, vget_low_s16(b), fb);
    high = vmlal_n_s16(high, vget_high_s16(b), fb);
    if (fc) {
        low = vmlal_n_s16(low, vget_low_s16(c), fc);
        high = vmlal_n_s16(high, vget_high_s16(c), fc);
    }
    return vqmovn_u16(vcombine_u16(vqrshrun_n_s32(low, 13), vqrshrun_n_s32(high, 13)));
}

void ps_yuv_rgb_u8_neon(size_t n, const uint8_t *y, const uint8_t *u, const uint8_t *v, size_t step, const ps_yuv *m,
                        uint8_t *rgb)
{
    size_t i = 0;
    for (; i + 16 <= n; i += 16, rgb += 48) {
        uint8x8x2_t uv;
        if (step == 2) uv = vld2_u8(u + i);
        else uv.val[0] = vld1_u8(u + i / 2), uv.val[1] = vld1_u8(v + i / 2);
        uint8x8x2_t us = vzip_u8(uv.val[0], uv.val[0]), vs = vzip_u8(uv.val[1], uv.val[1]);
        uint8x8_t red[2], green[2], blue[2];
        for (int half = 0; half < 2; half++) {
            int16x8_t Y = less(vld1_u8(y + i + 8 * half), (uint8_t)m->low);
            int16x8_t U = less(us.val[half], 128), V = less(vs.val[half], 128);
            red[half] = mix(Y, m->luma, V, m->rv, V, 0);
            green[half] = mix(Y, m->luma, U, m->gu, V, m->gv);
            blue[half] = mix(Y, m->luma, U, m->bu, U, 0);
        }
        const uint8x16x3_t pixels = {{vcombine_u8(red[0], red[1]), vcombine_u8(green[0], green[1]), vcombine_u8(blue[0], blue[1])}};
        vst3q_u8(rgb, pixels);
    }
    for (; i < n; i++, rgb += 3) ps_yuv_pixel(y[i], u[i / 2 * step], v[i / 2 * step], m, rgb);
}

/* Which of 16 bytes are red, green and blue of four pixels of `step` bytes, a word each. */
static const uint8_t colours_of[3][16] = {
    {0, 0, 0, 255, 1, 1, 1, 255, 2, 2, 2, 255, 3, 3, 3, 255},
    {0, 1, 2, 255, 3, 4, 5, 255, 6, 7, 8, 255, 9, 10, 11, 255},
    {0, 1, 2, 255, 4, 5, 6, 255, 8, 9, 10, 255, 12, 13, 14, 255},
};

void ps_area_row_u8_neon(size_t n, const ps_taps *t, const uint8_t *x, size_t width, int step, uint16_t *y)
{
    const uint8x16_t colours = vld1q_u8(colours_of[step == 1 ? 0 : step - 2]);
    size_t bytes = width * (size_t)step;
    for (size_t i = 0; i < n; i++, y += 3) {
        size_t count = ((size_t)t->count[i] + 3) / 4, at = (size_t)t->first[i] * (size_t)step;
        if (at + (count - 1) * 4 * (size_t)step + 16 > bytes || i + 1 == n) { /* 16 bytes are read, 4 sums written */
            ps_area_pixel(t, i, x, step, y);
            continue;
        }
        const uint8_t *p = x + at;
        const int32_t *w = t->weight + t->start[i];
        uint32x4_t sum = vdupq_n_u32(0);
        for (size_t k = 0; k < count; k++, p += 4 * step, w += 4) {
            uint8x16_t four = choose(vld1q_u8(p), colours);
            uint16x8_t two = vmovl_u8(vget_low_u8(four)), next = vmovl_u8(vget_high_u8(four));
            uint32x4_t weights = vreinterpretq_u32_s32(vld1q_s32(w));
            sum = vmlaq_lane_u32(sum, vmovl_u16(vget_low_u16(two)), vget_low_u32(weights), 0);
            sum = vmlaq_lane_u32(sum, vmovl_u16(vget_high_u16(two)), vget_low_u32(weights), 1);
            sum = vmlaq_lane_u32(sum, vmovl_u16(vget_low_u16(next)), vget_high_u32(weights), 0);
            sum = vmlaq_lane_u32(sum, vmovl_u16(vget_high_u16(next)), vget_high_u32(weights), 1);
        }
        sum = vminq_u32(vrshrq_n_u32(sum, PS_AREA_BITS), vdupq_n_u32(255));
        vst1_u16(y, vmovn_u32(sum));
    }
}

void ps_area_add_u16_neon(size_t n, const uint16_t *p, const uint16_t *q, int32_t wp, int32_t wq, int32_t *sum)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        uint16x8_t a = vld1q_u16(p + i), b = vld1q_u16(q + i);
        uint32x4_t low = vreinterpretq_u32_s32(vld1q_s32(sum + i)), high = vreinterpretq_u32_s32(vld1q_s32(sum + i + 4));
        low = vmlaq_n_u32(low, vmovl_u16(vget_low_u16(a)), (uint32_t)wp);
        high = vmlaq_n_u32(high, vmovl_u16(vget_high_u16(a)), (uint32_t)wp);
        low = vmlaq_n_u32(low, vmovl_u16(vget_low_u16(b)), (uint32_t)wq);
        high = vmlaq_n_u32(high, vmovl_u16(vget_high_u16(b)), (uint32_t)wq);
        vst1q_s32(sum + i, vreinterpretq_s32_u32(low));
        vst1q_s32(sum + i + 4, vreinterpretq_s32_u32(high));
    }
    for (; i < n; i++) sum[i] += p[i] * wp + q[i] * wq;
}

/* Bytes of pixels in the order given, five pixels at a time; the sixteenth byte is of a pixel that follows, and gets its
 * value with it.  Returns how many pixels are done. */
static size_t reorder(size_t n, const uint8_t *x, const uint8_t order[3], uint8_t *y)
{
    uint8_t from[16];
    for (int i = 0; i < 15; i++) from[i] = (uint8_t)(i / 3 * 3 + order[i % 3]);
    from[15] = 15;
    const uint8x16_t index = vld1q_u8(from);
    size_t i = 0;
    for (; i + 6 <= n; i += 5) vst1q_u8(y + 3 * i, choose(vld1q_u8(x + 3 * i), index));
    return i;
}

void ps_pixels_u8_neon(size_t n, const uint8_t *x, const uint8_t order[3], const uint8_t *const table[3], uint8_t *y,
                       ptrdiff_t ldy)
{
    const size_t o0 = order[0], o1 = order[1], o2 = order[2];
    size_t i = 0;
    if (table[0]) {
        const uint8_t *t0 = table[0], *t1 = table[1], *t2 = table[2];
        for (; i < n; i++, x += 3, y += ldy) {
            uint8_t a = t0[x[o0]], b = t1[x[o1]], c = t2[x[o2]];
            y[0] = a, y[1] = b, y[2] = c;
        }
        return;
    }
    if (ldy == 3) i = reorder(n, x, order, y);
    x += 3 * i, y += 3 * i;
    for (; i < n; i++, x += 3, y += ldy) {
        uint8_t a = x[o0], b = x[o1], c = x[o2];
        y[0] = a, y[1] = b, y[2] = c;
    }
}
