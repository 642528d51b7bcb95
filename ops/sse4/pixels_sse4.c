/* ops/sse4/pixels_sse4.c - video to RGB, and area scaling, in 16-bit products that are exact. */
#include "ops/sse4/isa_sse4.h"
#include "ops/yuv.h"

#include <smmintrin.h>
#include <string.h>

static inline __m128i load16(const void *p)
{
    return _mm_loadu_si128((const __m128i *)p);
}

static inline __m128i load8(const void *p)
{
    return _mm_loadl_epi64((const __m128i *)p);
}

/* Two 16-bit factors side by side, four times. */
static inline __m128i pair(int16_t a, int16_t b)
{
    return _mm_set1_epi32((int32_t)((uint32_t)(uint16_t)a | (uint32_t)(uint16_t)b << 16));
}

/* Eight of (a*fa + b*fb + rest) >> 13, at most 16 bits wide. */
static inline __m128i mix(__m128i a, __m128i b, __m128i factors, __m128i low, __m128i high)
{
    __m128i lo = _mm_add_epi32(_mm_madd_epi16(_mm_unpacklo_epi16(a, b), factors), low);
    __m128i hi = _mm_add_epi32(_mm_madd_epi16(_mm_unpackhi_epi16(a, b), factors), high);
    return _mm_packs_epi32(_mm_srai_epi32(lo, 13), _mm_srai_epi32(hi, 13));
}

/* Eight pixels of each colour to 24 bytes. */
static inline void store_rgb(uint8_t *rgb, __m128i r, __m128i g, __m128i b)
{
    const __m128i rg0 = _mm_setr_epi8(0, 8, -1, 1, 9, -1, 2, 10, -1, 3, 11, -1, 4, 12, -1, 5);
    const __m128i rg1 = _mm_setr_epi8(13, -1, 6, 14, -1, 7, 15, -1, -1, -1, -1, -1, -1, -1, -1, -1);
    const __m128i b0 = _mm_setr_epi8(-1, -1, 0, -1, -1, 1, -1, -1, 2, -1, -1, 3, -1, -1, 4, -1);
    const __m128i b1 = _mm_setr_epi8(-1, 5, -1, -1, 6, -1, -1, 7, -1, -1, -1, -1, -1, -1, -1, -1);
    __m128i rg = _mm_packus_epi16(r, g), bb = _mm_packus_epi16(b, b);
    _mm_storeu_si128((__m128i *)(void *)rgb,
                     _mm_or_si128(_mm_shuffle_epi8(rg, rg0), _mm_shuffle_epi8(bb, b0)));
    _mm_storel_epi64((__m128i *)(void *)(rgb + 16),
                     _mm_or_si128(_mm_shuffle_epi8(rg, rg1), _mm_shuffle_epi8(bb, b1)));
}

void ps_yuv_rgb_u8_sse4(size_t n, const uint8_t *y, const uint8_t *u, const uint8_t *v, size_t step,
                        const ps_yuv *m, uint8_t *rgb)
{
    const __m128i u_planar = _mm_setr_epi8(0, -1, 0, -1, 1, -1, 1, -1, 2, -1, 2, -1, 3, -1, 3, -1);
    const __m128i u_mixed = _mm_setr_epi8(0, -1, 0, -1, 2, -1, 2, -1, 4, -1, 4, -1, 6, -1, 6, -1);
    const __m128i v_mixed = _mm_setr_epi8(1, -1, 1, -1, 3, -1, 3, -1, 5, -1, 5, -1, 7, -1, 7, -1);
    const __m128i low = _mm_set1_epi16(m->low), middle = _mm_set1_epi16(128), half = _mm_set1_epi32(4096);
    const __m128i yv = pair(m->luma, m->rv), yu = pair(m->luma, m->gu), yb = pair(m->luma, m->bu);
    const __m128i v_only = pair(m->gv, 0), zero = _mm_setzero_si128();
    size_t i = 0;
    for (; i + 8 <= n; i += 8, rgb += 24) {
        __m128i Y = _mm_sub_epi16(_mm_cvtepu8_epi16(load8(y + i)), low), U, V;
        if (step == 2) {
            __m128i uv = load8(u + i);
            U = _mm_shuffle_epi8(uv, u_mixed), V = _mm_shuffle_epi8(uv, v_mixed);
        } else {
            int32_t four[2];
            memcpy(&four[0], u + i / 2, 4);
            memcpy(&four[1], v + i / 2, 4);
            U = _mm_shuffle_epi8(_mm_cvtsi32_si128(four[0]), u_planar);
            V = _mm_shuffle_epi8(_mm_cvtsi32_si128(four[1]), u_planar);
        }
        U = _mm_sub_epi16(U, middle), V = _mm_sub_epi16(V, middle);
        __m128i green_lo = _mm_add_epi32(_mm_madd_epi16(_mm_unpacklo_epi16(V, zero), v_only), half);
        __m128i green_hi = _mm_add_epi32(_mm_madd_epi16(_mm_unpackhi_epi16(V, zero), v_only), half);
        store_rgb(rgb, mix(Y, V, yv, half, half), mix(Y, U, yu, green_lo, green_hi),
                  mix(Y, U, yb, half, half));
    }
    for (; i < n; i++, rgb += 3) ps_yuv_pixel(y[i], u[i / 2 * step], v[i / 2 * step], m, rgb);
}

/* A weight of 22 bits is split in 11 + 11, so that products of pairs fit 16-bit multiplications. */
enum { LOW_BITS = 11 };

/* Bytes of two neighbouring pixels as pairs of 16 bits: red, green, blue of both; the 16 bytes from the first on. */
static const int8_t pairs_of[3][2][16] = {
    {{0, -1, 1, -1, 0, -1, 1, -1, 0, -1, 1, -1, -1, -1, -1, -1},
     {2, -1, 3, -1, 2, -1, 3, -1, 2, -1, 3, -1, -1, -1, -1, -1}},
    {{0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1},
     {6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1}},
    {{0, -1, 4, -1, 1, -1, 5, -1, 2, -1, 6, -1, -1, -1, -1, -1},
     {8, -1, 12, -1, 9, -1, 13, -1, 10, -1, 14, -1, -1, -1, -1, -1}},
};

void ps_area_row_u8_sse4(size_t n, const ps_taps *t, const uint8_t *x, size_t width, int step, uint16_t *y)
{
    const int8_t(*pairs)[16] = pairs_of[step == 1 ? 0 : step - 2];
    const __m128i first = load16(pairs[0]), second = load16(pairs[1]);
    const __m128i mask = _mm_set1_epi32((1 << LOW_BITS) - 1), half = _mm_set1_epi32(1 << (PS_AREA_BITS - 1));
    size_t bytes = width * (size_t)step;
    for (size_t i = 0; i < n; i++, y += 3) {
        size_t count = ((size_t)t->count[i] + 3) / 4, at = (size_t)t->first[i] * (size_t)step;
        if (at + (count - 1) * 4 * (size_t)step + 16 > bytes ||
            i + 1 == n) { /* 16 bytes are read, 4 sums written */
            ps_area_pixel(t, i, x, step, y);
            continue;
        }
        const uint8_t *p = x + at;
        const int32_t *w = t->weight + t->start[i];
        __m128i low = half, high = _mm_setzero_si128();
        for (size_t k = 0; k < count; k++, p += 4 * step, w += 4) {
            __m128i weights = load16(w), px = load16(p);
            __m128i parts = _mm_packus_epi32(_mm_and_si128(weights, mask), _mm_srli_epi32(weights, LOW_BITS));
            __m128i a = _mm_shuffle_epi8(px, first), b = _mm_shuffle_epi8(px, second);
            low = _mm_add_epi32(low, _mm_madd_epi16(a, _mm_shuffle_epi32(parts, 0x00)));
            low = _mm_add_epi32(low, _mm_madd_epi16(b, _mm_shuffle_epi32(parts, 0x55)));
            high = _mm_add_epi32(high, _mm_madd_epi16(a, _mm_shuffle_epi32(parts, 0xaa)));
            high = _mm_add_epi32(high, _mm_madd_epi16(b, _mm_shuffle_epi32(parts, 0xff)));
        }
        __m128i sum = _mm_srai_epi32(_mm_add_epi32(low, _mm_slli_epi32(high, LOW_BITS)), PS_AREA_BITS);
        sum = _mm_min_epi32(_mm_max_epi32(sum, _mm_setzero_si128()), _mm_set1_epi32(255));
        _mm_storel_epi64((__m128i *)(void *)y, _mm_packus_epi32(sum, sum));
    }
}

void ps_area_add_u16_sse4(size_t n, const uint16_t *p, const uint16_t *q, int32_t wp, int32_t wq,
                          int32_t *sum)
{
    const int32_t mask = (1 << LOW_BITS) - 1;
    const __m128i low = pair((int16_t)(wp & mask), (int16_t)(wq & mask));
    const __m128i high = pair((int16_t)(wp >> LOW_BITS), (int16_t)(wq >> LOW_BITS));
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m128i a = load16(p + i), b = load16(q + i), *s = (__m128i *)(void *)(sum + i);
        __m128i ab[2] = {_mm_unpacklo_epi16(a, b), _mm_unpackhi_epi16(a, b)};
        for (int k = 0; k < 2; k++) {
            __m128i more = _mm_add_epi32(_mm_madd_epi16(ab[k], low),
                                         _mm_slli_epi32(_mm_madd_epi16(ab[k], high), LOW_BITS));
            _mm_storeu_si128(s + k, _mm_add_epi32(_mm_loadu_si128(s + k), more));
        }
    }
    for (; i < n; i++) sum[i] += p[i] * wp + q[i] * wq;
}

/* Bytes of pixels in the order given, five pixels at a time; the sixteenth byte is of a pixel that follows, and gets its
 * value with it.  Returns how many pixels are done. */
static size_t reorder(size_t n, const uint8_t *x, const uint8_t order[3], uint8_t *y)
{
    int8_t from[16];
    for (int i = 0; i < 16; i++) from[i] = (int8_t)(i / 3 * 3 + order[i % 3]);
    from[15] = 15;
    const __m128i shuffle = load16(from);
    size_t i = 0;
    for (; i + 6 <= n; i += 5)
        _mm_storeu_si128((__m128i *)(void *)(y + 3 * i), _mm_shuffle_epi8(load16(x + 3 * i), shuffle));
    return i;
}

void ps_pixels_u8_sse4(size_t n, const uint8_t *x, const uint8_t order[3], const uint8_t *const table[3], uint8_t *y,
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
