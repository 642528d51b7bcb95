/* tests/check_pixels.c - checks the conversion and scaling of 8-bit pixels. */
#include "tests/check.h"

#include <math.h>

void check_pixels_f32(check *c)
{
    ps_pixels_f32_fn *f = (ps_pixels_f32_fn *)c->neu;
    static const uint8_t orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 1, 0}};
    const float mul[3] = {1.0f / 255, 0.0171f, -0.5f}, add[3] = {0.0f, -2.1f, 3.0f};
    for (const size_t *n = check_sizes; *n != SIZE_MAX; n++) {
        for (int o = 0; o < 3; o++) {
            size_t ldy = 3 + (check_below(2) ? check_below(5) : 0);
            bool front = check_below(2);
            uint8_t *x = check_bytes(*n * 3, front);
            for (size_t i = 0; i < *n * 3; i++) x[i] = (uint8_t)check_rand();
            float *y = check_floats(*n ? (*n - 1) * ldy + 3 : 0, front);
            f(*n, x, orders[o], mul, add, y, (ptrdiff_t)ldy);
            for (size_t i = 0; i < *n * 3; i++) {
                double product = (double)x[i / 3 * 3 + orders[o][i % 3]] * (double)mul[i % 3];
                double want = product + (double)add[i % 3],
                       tolerance = (double)FLT_EPSILON * (fabs(product) + fabs(want));
                if (!check_near(c, "value", i, y[i / 3 * ldy + i % 3], want, tolerance)) return;
            }
            if (*n && !check_gaps(c, y, *n, 3, ldy)) return;
            check_release();
        }
    }
    if (!check_benched(c)) return;
    const uint8_t *x = check_bytes(640 * 3, true);
    float *y = check_floats(640 * 3, true);
    CHECK_BENCH(c, "640 pixels", 640 * 15.0, "GB/s", f(640, x, orders[0], mul, add, y, 3),
                ((ps_pixels_f32_fn *)c->ref)(640, x, orders[0], mul, add, y, 3));
}

/* False: failed, because two blocks differ. */
static bool same_bytes(check *c, const char *what, const uint8_t *got, const uint8_t *want, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (got[i] != want[i]) {
            check_fail(c, "%s: byte %zu of %zu is %d, not %d", what, i, n, got[i], want[i]);
            return false;
        }
    return true;
}

static const ps_yuv video[] = {{16, 9539, 13075, -3209, -6660, 16525}, {0, 8192, 12901, -1535, -3835, 15201}};

/* R, G, B of one pixel within rounding of the fractions, and the bytes of the C version. */
static bool check_yuv_row(check *c, size_t n, size_t step, const ps_yuv *m, bool extreme)
{
    ps_yuv_rgb_u8_fn *f = (ps_yuv_rgb_u8_fn *)c->neu, *ref = (ps_yuv_rgb_u8_fn *)c->ref;
    bool front = check_below(2);
    size_t half = (n + 1) / 2;
    uint8_t *y = check_bytes(n, front), *u = check_bytes(half * step, front), *v = check_bytes(half, front);
    for (size_t i = 0; i < n; i++) y[i] = (uint8_t)(extreme ? check_below(2) * 255 : check_rand());
    for (size_t i = 0; i < half * step; i++) u[i] = (uint8_t)(extreme ? check_below(2) * 255 : check_rand());
    for (size_t i = 0; i < half; i++) v[i] = (uint8_t)check_rand();
    const uint8_t *red = step == 2 ? u + 1 : v;
    uint8_t *got = check_bytes(3 * n, front), *want = check_bytes(3 * n, front);
    f(n, y, u, red, step, m, got);
    ref(n, y, u, red, step, m, want);
    for (size_t i = 0; i < n; i++) {
        double luma = (y[i] - m->low) * m->luma, du = u[i / 2 * step] - 128, dv = red[i / 2 * step] - 128;
        double rgb[3] = {luma + m->rv * dv, luma + m->gu * du + m->gv * dv, luma + m->bu * du};
        for (size_t k = 0; k < 3; k++)
            if (!check_near(c, "colour", 3 * i + k, got[3 * i + k], fmin(fmax(rgb[k] / 8192, 0), 255), 0.5)) return false;
    }
    return same_bytes(c, "rgb", got, want, 3 * n);
}

void check_yuv_rgb_u8(check *c)
{
    for (const size_t *n = check_sizes; *n != SIZE_MAX; n++)
        for (size_t i = 0; i < 8; i++) {
            if (!check_yuv_row(c, *n, 1 + i % 2, &video[i / 2 % 2], i >= 4)) return;
            check_release();
        }
    if (!check_benched(c)) return;
    enum { W = 1920 };
    const uint8_t *y = check_bytes(W, true), *u = check_bytes(W, true);
    uint8_t *rgb = check_bytes(3 * W, true);
    CHECK_BENCH(c, "1920 pixels, nv12", W * 4.5, "GB/s",
                ((ps_yuv_rgb_u8_fn *)c->neu)(W, y, u, u + 1, 2, &video[0], rgb),
                ((ps_yuv_rgb_u8_fn *)c->ref)(W, y, u, u + 1, 2, &video[0], rgb));
}

enum { MOST_TAPS = 40 };

typedef struct taps {
    int32_t first[300], count[300], start[300], weight[300 * MOST_TAPS];
} taps;

/* n outputs of up to `most` taps in a row of `width` pixels, the last ones at its end. */
static ps_taps random_taps(taps *t, size_t n, size_t width, size_t most)
{
    int32_t at = 0;
    for (size_t i = 0; i < n; i++) {
        int32_t count = 1 + (int32_t)check_below(most < width ? most : width), left = 1 << PS_AREA_BITS;
        t->count[i] = count;
        t->first[i] = (int32_t)(i % 3 == 1 ? width - (size_t)count : check_below(width - (size_t)count + 1));
        t->start[i] = at;
        for (int32_t k = 0; k < count; k++) { /* one may have it all */
            int32_t w = k + 1 == count ? left : (int32_t)check_below((size_t)left + 1);
            t->weight[at++] = w;
            left -= w;
        }
        while (at % 4) t->weight[at++] = 0;
    }
    return (ps_taps){t->first, t->count, t->start, t->weight};
}

static bool check_area_row(check *c, taps *table, size_t n, size_t width, int step, bool front)
{
    ps_taps t = random_taps(table, n, width, MOST_TAPS - 4);
    uint8_t *x = check_bytes(width * (size_t)step, front);
    uint16_t *got = (uint16_t *)(void *)check_bytes(n * 6, front), *want = (uint16_t *)(void *)check_bytes(n * 6, front);
    for (size_t i = 0; i < width * (size_t)step; i++) x[i] = (uint8_t)(check_below(3) ? check_rand() : 255);
    ((ps_area_row_u8_fn *)c->neu)(n, &t, x, width, step, got);
    ((ps_area_row_u8_fn *)c->ref)(n, &t, x, width, step, want);
    for (size_t i = 0; i < 3 * n; i++) {
        double sum = 0;
        size_t o = i / 3, channel = step == 1 ? 0 : i % 3;
        for (int32_t k = 0; k < t.count[o]; k++)
            sum += (double)x[(size_t)(t.first[o] + k) * (size_t)step + channel] * t.weight[t.start[o] + k];
        if (!check_near(c, "sum", i, got[i], sum / (1 << PS_AREA_BITS), 0.5)) return false;
    }
    return same_bytes(c, "row", (const uint8_t *)got, (const uint8_t *)want, n * 6);
}

void check_area_row_u8(check *c)
{
    static taps table;
    static const int steps[] = {1, 3, 4};
    for (const size_t *n = check_sizes; *n != SIZE_MAX && *n <= 300; n++)
        for (int i = 0; i < 6; i++) {
            if (!check_area_row(c, &table, *n, 1 + check_below(i % 2 ? 8 : 90), steps[i % 3], i / 3)) return;
            check_release();
        }
    if (!check_benched(c)) return;
    ps_taps t = random_taps(&table, 300, 1920, 6);
    const uint8_t *x = check_bytes(1920 * 3, true);
    uint16_t *y = (uint16_t *)(void *)check_bytes(300 * 6, true);
    CHECK_BENCH(c, "300 sums of 1 to 6 pixels", 300 * 3.5 * 3, "GMAC/s",
                ((ps_area_row_u8_fn *)c->neu)(300, &t, x, 1920, 3, y),
                ((ps_area_row_u8_fn *)c->ref)(300, &t, x, 1920, 3, y));
}

void check_area_add_u16(check *c)
{
    ps_area_add_u16_fn *f = (ps_area_add_u16_fn *)c->neu, *ref = (ps_area_add_u16_fn *)c->ref;
    for (const size_t *n = check_sizes; *n != SIZE_MAX; n++)
        for (int i = 0; i < 4; i++) {
            bool front = i & 1;
            uint16_t *p = (uint16_t *)(void *)check_bytes(*n * 2, front), *q = (uint16_t *)(void *)check_bytes(*n * 2, front);
            int32_t *got = (int32_t *)(void *)check_bytes(*n * 4, front), *want = (int32_t *)(void *)check_bytes(*n * 4, front);
            int32_t wp = (int32_t)check_below((1 << PS_AREA_BITS) + 1), wq = (1 << PS_AREA_BITS) - wp;
            if (i == 2) wp = 1 << PS_AREA_BITS, wq = 0;
            for (size_t k = 0; k < *n; k++) {
                p[k] = (uint16_t)check_below(256), q[k] = (uint16_t)(i == 3 ? 255 : check_below(256));
                got[k] = want[k] = 1 << (PS_AREA_BITS - 1);
            }
            f(*n, p, q, wp, wq, got);
            ref(*n, p, q, wp, wq, want);
            for (size_t k = 0; k < *n; k++) {
                int64_t sum = (1 << (PS_AREA_BITS - 1)) + (int64_t)p[k] * wp + (int64_t)q[k] * wq;
                if (got[k] != sum) {
                    check_fail(c, "sum %zu of %zu is %d, not %lld", k, *n, got[k], (long long)sum);
                    return;
                }
            }
            if (!same_bytes(c, "sums", (const uint8_t *)got, (const uint8_t *)want, *n * 4)) return;
            check_release();
        }
    if (!check_benched(c)) return;
    const uint16_t *p = (uint16_t *)(void *)check_bytes(1920 * 2, true);
    int32_t *sum = (int32_t *)(void *)check_bytes(1920 * 4, true);
    CHECK_BENCH(c, "1920 values", 1920 * 12.0, "GB/s", f(1920, p, p, 1000, 2000, sum), ref(1920, p, p, 1000, 2000, sum));
}

void check_pixels_u8(check *c)
{
    ps_pixels_u8_fn *f = (ps_pixels_u8_fn *)c->neu, *ref = (ps_pixels_u8_fn *)c->ref;
    static const uint8_t orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 1, 0}};
    for (const size_t *n = check_sizes; *n != SIZE_MAX; n++)
        for (int round = 0; round < 24; round++) {
            size_t ldy = 3 + (round / 2 % 2 ? 1 + check_below(5) : 0), size = *n ? (*n - 1) * ldy + 3 : 0;
            const uint8_t *order = orders[round / 4 % 3], *table[3] = {NULL};
            bool front = round & 1;
            uint8_t *x = check_bytes(*n * 3, front), *y = check_bytes(size, front), *want = check_bytes(size, front);
            for (size_t i = 0; i < *n * 3; i++) x[i] = (uint8_t)check_rand();
            for (size_t j = 0; j < 3 && round >= 12; j++) {
                uint8_t *t = check_bytes(256, front);
                for (size_t i = 0; i < 256; i++) t[i] = (uint8_t)check_rand();
                table[j] = t;
            }
            for (size_t i = 0; i < *n * 3; i++) {
                uint8_t v = x[i / 3 * 3 + order[i % 3]];
                want[i / 3 * ldy + i % 3] = table[0] ? table[i % 3][v] : v;
            }
            f(*n, x, order, table, y, (ptrdiff_t)ldy);
            if (!same_bytes(c, "pixels", y, want, size)) return; /* gaps are filled alike */
            check_release();
        }
    if (!check_benched(c)) return;
    const uint8_t *x = check_bytes(640 * 3, true), *t = check_bytes(256, true), *table[3] = {t, t, t}, *none[3] = {NULL};
    uint8_t *y = check_bytes(640 * 3, true);
    CHECK_BENCH(c, "640 pixels, as they are", 640 * 6.0, "GB/s", f(640, x, orders[0], none, y, 3),
                ref(640, x, orders[0], none, y, 3));
    CHECK_BENCH(c, "640 pixels, blue first", 640 * 6.0, "GB/s", f(640, x, orders[1], none, y, 3),
                ref(640, x, orders[1], none, y, 3));
    CHECK_BENCH(c, "640 pixels, tables", 640 * 6.0, "GB/s", f(640, x, orders[0], table, y, 3),
                ref(640, x, orders[0], table, y, 3));
}
