/* tests/check_winograd_u8.c - checks the transforms of integer Winograd bit by bit, and that they make a convolution. */
#include "tests/check.h"

#include "ops/requant.h"

#include <string.h>

static ps_part random_part(size_t side)
{
    ps_part p = {.y1 = (int)side, .x1 = (int)side};
    if (check_below(3) == 0) return p;
    p.y0 = (int)check_below(side + 1), p.x0 = (int)check_below(side + 1);
    p.y1 = p.y0 + (int)check_below(side + 1 - (size_t)p.y0), p.x1 = p.x0 + (int)check_below(side + 1 - (size_t)p.x0);
    return p;
}

/* Random bytes, in one round of four only the ends of their range. */
static uint8_t *codes(size_t n, bool front)
{
    uint8_t *x = check_bytes(n, front);
    bool ends = check_below(4) == 0;
    for (size_t i = 0; i < n; i++) x[i] = ends ? (check_below(2) ? 255 : 0) : (uint8_t)check_rand();
    return x;
}

static int8_t *signed_codes(size_t n, bool front)
{
    int8_t *x = (int8_t *)codes(n, front);
    for (size_t i = 0; i < n; i++) x[i] = (int8_t)(x[i] ^ -128);
    return x;
}

static bool same_bytes(check *c, const char *what, size_t n, const void *x, const void *y, size_t bytes)
{
    if (memcmp(x, y, bytes)) check_fail(c, "%s: %zu channels: differs from C", what, n);
    return !c->failed;
}

static void try_in(check *c, size_t side, size_t n, bool front)
{
    const ps_part part = random_part(side);
    size_t pixel = n + check_below(9), row = side * pixel + check_below(9), step = n + check_below(20);
    size_t rows = (size_t)(part.y1 - part.y0), cols = (size_t)(part.x1 - part.x0);
    const uint8_t *x = codes(n && rows && cols ? (rows - 1) * row + (cols - 1) * pixel + n : 0, front);
    size_t bytes = n ? ((side * side - 1) * step + n) * sizeof(int16_t) : 0;
    int16_t *v = (int16_t *)(void *)check_bytes(bytes, front), *want = (int16_t *)(void *)check_bytes(bytes, front);
    uint8_t border = (uint8_t)check_rand();
    ((ps_winograd_in_u8_fn *)c->neu)(n, x, (ptrdiff_t)row, (ptrdiff_t)pixel, &part, border, v, (ptrdiff_t)step);
    ((ps_winograd_in_u8_fn *)c->ref)(n, x, (ptrdiff_t)row, (ptrdiff_t)pixel, &part, border, want, (ptrdiff_t)step);
    if (bytes) same_bytes(c, "points", n, v, want, bytes);
}

static void check_in(check *c, size_t side)
{
    for (const size_t *n = check_sizes; *n < 130 && !c->failed; n++)
        for (int round = 0; round < 8 && !c->failed; round++) {
            try_in(c, side, *n, round & 1);
            check_release();
        }
    if (!check_benched(c)) return;
    const ps_part whole = {.y1 = (int)side, .x1 = (int)side};
    size_t all = side * side * 64;
    ptrdiff_t row = (ptrdiff_t)side * 64;
    uint8_t *x = codes(all, true);
    int16_t *v = (int16_t *)(void *)check_bytes(all * sizeof *v, true);
    CHECK_BENCH(c, "64 channels", (double)all, "Gpoints/s",
                ((ps_winograd_in_u8_fn *)c->neu)(64, x, row, 64, &whole, 0, v, 64),
                ((ps_winograd_in_u8_fn *)c->ref)(64, x, row, 64, &whole, 0, v, 64));
    check_release();
}

void check_winograd_in_u8(check *c)
{
    check_in(c, 6);
}

void check_winograd_s2_in_u8(check *c)
{
    check_in(c, 9);
}

static void try_weights(check *c, size_t n, bool front)
{
    size_t tap = 4 * n + check_below(9), step = 4 * n + check_below(20);
    const int8_t *w = signed_codes(n ? 8 * tap + 4 * n : 0, front);
    size_t bytes = n ? (35 * step + 4 * n) * sizeof(int16_t) : 0;
    int16_t *u = (int16_t *)(void *)check_bytes(bytes, front), *want = (int16_t *)(void *)check_bytes(bytes, front);
    ((ps_winograd_weights_s8_fn *)c->neu)(n, w, (ptrdiff_t)tap, u, (ptrdiff_t)step);
    ((ps_winograd_weights_s8_fn *)c->ref)(n, w, (ptrdiff_t)tap, want, (ptrdiff_t)step);
    if (bytes) same_bytes(c, "weights", n, u, want, bytes);
}

void check_winograd_weights_s8(check *c)
{
    for (size_t n = 0; n <= 96 && !c->failed; n += 16)
        for (int front = 0; front < 2 && !c->failed; front++) {
            try_weights(c, n, front);
            check_release();
        }
    if (!check_benched(c)) return;
    int8_t *w = signed_codes(9 * 128 * 16, true);
    int16_t *u = (int16_t *)(void *)check_bytes(36 * (128 + 32) * sizeof *u, true);
    CHECK_BENCH(c, "32 columns", 36 * 128.0, "Gpoints/s", ((ps_winograd_weights_s8_fn *)c->neu)(32, w, 128 * 16, u, 160),
                ((ps_winograd_weights_s8_fn *)c->ref)(32, w, 128 * 16, u, 160));
    check_release();
}

void check_winograd_s2_weights_s8(check *c)
{
    check_winograd_weights_s8(c);
}

static int16_t *words(size_t n, bool front, int most)
{
    int16_t *x = (int16_t *)(void *)check_bytes(n * sizeof *x, front);
    bool ends = check_below(4) == 0;
    for (size_t i = 0; i < n; i++) {
        int any = (int)check_below((size_t)(2 * most + 1)) - most;
        x[i] = (int16_t)(ends ? (any < 0 ? -most : most) : any);
    }
    return x;
}

static void try_product(check *c, size_t m, size_t n, size_t k, bool add, bool front)
{
    size_t lda = k + check_below(9), ldc = n + check_below(20), bytes = m && n ? ((m - 1) * ldc + n) * sizeof(int32_t) : 0;
    const int16_t *a = words(m && k ? (m - 1) * lda + k : 0, front, 20400), *b = words(n * k, front, 6272);
    int32_t *y = (int32_t *)(void *)check_bytes(bytes, front), *want = (int32_t *)(void *)check_bytes(bytes, front);
    ((ps_gemm_s16_fn *)c->neu)(m, n, k, a, (ptrdiff_t)lda, b, y, (ptrdiff_t)ldc, add);
    ((ps_gemm_s16_fn *)c->ref)(m, n, k, a, (ptrdiff_t)lda, b, want, (ptrdiff_t)ldc, add);
    if (bytes && memcmp(y, want, bytes)) check_fail(c, "%zu x %zu x %zu, add %d: differs from C", m, n, k, add);
}

void check_gemm_s16(check *c)
{
    for (size_t m = 0; m < 27 && !c->failed; m++)
        for (size_t n = 0; n <= 80 && !c->failed; n += 16)
            for (size_t k = 0; k < 70 && !c->failed; k += k < 8 ? 2 : 22) {
                try_product(c, m, n, k, check_below(2), check_below(2));
                check_release();
            }
    if (!check_benched(c)) return;
    const int16_t *a = words(96 * 80, true, 20400), *b = words(64 * 64, true, 6272);
    int32_t *y = (int32_t *)(void *)check_bytes(96 * 64 * sizeof *y, true);
    CHECK_BENCH(c, "96 x 64 x 64", 2.0 * 96 * 64 * 64, "GOP/s", ((ps_gemm_s16_fn *)c->neu)(96, 64, 64, a, 80, b, y, 64, false),
                ((ps_gemm_s16_fn *)c->ref)(96, 64, 64, a, 80, b, y, 64, false));
    check_release();
}

static void try_out(check *c, size_t points, size_t n, size_t rows, size_t cols, bool front)
{
    size_t room = (n + 15) / 16 * 16, step = room + check_below(20), pixel = n + check_below(9), row = 4 * pixel + check_below(9);
    size_t size = n ? (rows - 1) * row + (cols - 1) * pixel + n : 0, bytes = size * (check_below(3) ? 1 : sizeof(float));
    int32_t *m = (int32_t *)(void *)check_bytes(n ? ((points - 1) * step + room) * sizeof *m : 0, front);
    for (size_t i = 0; n && i < (points - 1) * step + room; i++) m[i] = (int32_t)check_rand() >> check_below(16);
    const float *scale = check_random(n, front, 1e-7f, 1e-5f), *bias = check_random(n, front, -3, 3);
    const uint8_t *r = codes(size, front), *table = codes(256, front);
    ps_requant q = {.scale = scale, .bias = check_below(2) ? bias : NULL, .residual = check_below(2) ? r : NULL,
                    .ldr = (ptrdiff_t)pixel, .res_scale = 0.01f, .res_zero = 9, .act = (ps_act)check_below(PS_ACT_COUNT),
                    .a = -0.5f, .b = 0.75f, .act_last = check_below(2), .to_f32 = bytes != size, .inv = 30, .zero = 17,
                    .table = check_below(2) ? table : NULL};
    uint8_t *y = check_bytes(bytes, front), *want = check_bytes(bytes, front);
    ((ps_winograd_out_s32_fn *)c->neu)(n, m, (ptrdiff_t)step, rows, cols, y, (ptrdiff_t)row, (ptrdiff_t)pixel, (ptrdiff_t)row, &q);
    ((ps_winograd_out_s32_fn *)c->ref)(n, m, (ptrdiff_t)step, rows, cols, want, (ptrdiff_t)row, (ptrdiff_t)pixel, (ptrdiff_t)row, &q);
    if (bytes) same_bytes(c, "outputs", n, y, want, bytes);
}

/* Sums of a window over c channels through all four steps, against sums made directly: operands at the ends of their range. */
static void make_convolution(check *c, size_t stride)
{
    enum { C = 56, N = 16 }; /* 9*56*255*128 is a little less than 2^25 / 2 */
    size_t side = stride == 1 ? 6 : 9, points = side * side;
    const ps_part whole = {.y1 = (int)side, .x1 = (int)side};
    const uint8_t *x = codes(points * C, true);
    const int8_t *w = signed_codes(9 * C * N, true);
    int16_t *v = (int16_t *)(void *)check_bytes(points * C * 2, true), *u = (int16_t *)(void *)check_bytes(36 * C * N * 2, true);
    int32_t *m = (int32_t *)(void *)check_bytes(points * N * 4, true);
    float *y = check_floats(16 * N, true), *one = check_random(N, true, 1, 1);
    ps_kernels k;
    ps_kernels_select(&k, 0);
    (stride == 1 ? k.winograd_in_u8 : k.winograd_s2_in_u8)(C, x, (ptrdiff_t)side * C, C, &whole, 0, v, C);
    ps_winograd_weights_s8_fn *weights = stride == 1 ? k.winograd_weights_s8 : k.winograd_s2_weights_s8;
    for (ptrdiff_t q = 0; q < C / 4; q++) weights(N, w + q * 4 * N, C * N, u + q * 4 * N, C * N);
    for (size_t p = 0; p < points; p++) {
        size_t py = p / side < 5 ? p / side : 5, px = p % side < 5 ? p % side : 5;
        k.gemm_s16(1, N, C, v + p * C, C, u + (py * 6 + px) * C * N, m + p * N, N, false);
    }
    ps_requant q = {.scale = one, .to_f32 = true};
    ((ps_winograd_out_s32_fn *)c->neu)(N, m, N, 4, 4, y, 4 * N, N, 0, &q);
    for (size_t i = 0; i < 16 * N; i++) {
        int32_t sum = 0;
        for (size_t t = 0; t < 9 * C; t++) {
            size_t ch = t % C, iy = i / N / 4 * stride + t / C / 3, ix = i / N % 4 * stride + t / C % 3;
            sum += x[(iy * side + ix) * C + ch] * w[(t / C * (C / 4) + ch / 4) * 4 * N + i % N * 4 + ch % 4];
        }
        if (y[i] != (float)sum) check_fail(c, "output %zu is %.0f, the sum is %d", i, (double)y[i], sum);
    }
}

static void check_out(check *c, size_t stride)
{
    size_t points = stride == 1 ? 36 : 81;
    for (int round = 0; round < 8 && !c->failed; round++) {
        make_convolution(c, stride);
        check_release();
    }
    for (const size_t *n = check_sizes; *n < 300 && !c->failed; n++)
        for (int round = 0; round < 8 && !c->failed; round++) {
            try_out(c, points, *n, 1 + check_below(4), 1 + check_below(4), round & 1);
            check_release();
        }
    if (!check_benched(c)) return;
    int32_t *m = (int32_t *)(void *)check_bytes(points * 64 * 4, true);
    for (size_t i = 0; i < points * 64; i++) m[i] = (int32_t)check_rand() >> 12;
    uint8_t *y = check_bytes(16 * 64, true);
    ps_requant q = {.scale = check_random(64, true, 1e-5f, 1e-4f), .act = PS_ACT_SILU, .inv = 30};
    CHECK_BENCH(c, "64 channels, silu", (double)points * 64, "Gpoints/s",
                ((ps_winograd_out_s32_fn *)c->neu)(64, m, 64, 4, 4, y, 256, 64, 256, &q),
                ((ps_winograd_out_s32_fn *)c->ref)(64, m, 64, 4, 4, y, 256, 64, 256, &q));
    check_release();
}

void check_winograd_out_s32(check *c)
{
    check_out(c, 1);
}

void check_winograd_s2_out_s32(check *c)
{
    check_out(c, 2);
}
