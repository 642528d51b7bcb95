/* tests/check_codes.c - checks the kernels on rows of codes: the same bytes as their definition, which is computed here in
 * another way. */
#include "tests/check.h"

#include <math.h>
#include <string.h>

static const int32_t zeros[] = {0, 255, 128, 1, 254, 77};
enum { ZEROS = sizeof zeros / sizeof *zeros };

static bool same_codes(check *c, const char *what, size_t n, const uint8_t *got, const uint8_t *want)
{
    for (size_t i = 0; i < n; i++)
        if (got[i] != want[i]) {
            check_fail(c, "%s: code %zu of %zu is %d, not %d", what, i, n, got[i], want[i]);
            return false;
        }
    return true;
}

/* Random codes, or only the extreme ones. */
static uint8_t *random_codes(size_t n, bool front)
{
    uint8_t *x = check_bytes(n, front);
    bool extreme = !check_below(4);
    for (size_t i = 0; i < n; i++) x[i] = (uint8_t)(extreme ? check_below(2) * 255 : check_rand());
    return x;
}

/* The code of t as the C library rounds. */
static uint8_t code_of(float t, int32_t zero)
{
    double q = isnan(t) ? -1 : nearbyint((double)t) + zero;
    return (uint8_t)(q < 0 ? 0 : q > 255 ? 255 : q);
}

/* Of every kind: within and far beyond the range, exact halves and their neighbours, what is no number. */
static float hard_number(float scale)
{
    static const float special[] = {NAN,    -NAN,     INFINITY, -INFINITY, 0.0f,   -0.0f,    FLT_MAX,
                                    -FLT_MAX, 1e-42f, -1e-42f,  3e9f,      -3e9f,  8388609.f};
    float half = scale * ((float)check_below(600) - 300.0f) * 0.5f;
    switch (check_below(8)) {
    case 0: return special[check_below(sizeof special / sizeof *special)];
    case 1: return half;
    case 2: return nextafterf(half, INFINITY);
    case 3: return nextafterf(half, -INFINITY);
    case 4: return check_uniform(-1e6f, 1e6f) * scale;
    default: return check_uniform(-300, 300) * scale;
    }
}

void check_quantize_u8(check *c)
{
    ps_quantize_u8_fn *f = (ps_quantize_u8_fn *)c->neu;
    static const float scales[] = {1.0f, 0.5f, 0.0235f, 1e-30f, 1.0f / 3, 1e30f, 1e-40f, 3.4e38f, 0.1f};
    for (const size_t *n = check_sizes; *n != SIZE_MAX; n++)
        for (size_t round = 0; round < 54; round++) {
            bool front = round & 1;
            float scale = scales[round % 9], *x = check_floats(*n, front);
            int32_t zero = zeros[round / 9];
            uint8_t *got = check_bytes(*n, front), *want = check_bytes(*n, front);
            for (size_t i = 0; i < *n; i++) {
                x[i] = hard_number(scale);
                want[i] = code_of(x[i] / scale, zero);
            }
            f(*n, x, scale, zero, got);
            if (!same_codes(c, "codes", *n, got, want)) return;
            check_release();
        }
    if (!check_benched(c)) return;
    enum { N = 4096 };
    const float *x = check_random(N, true, -2, 2);
    uint8_t *y = check_bytes(N, true);
    CHECK_BENCH(c, "4096", 5.0 * N, "GB/s", f(N, x, 0.0157f, 128, y),
                ((ps_quantize_u8_fn *)c->ref)(N, x, 0.0157f, 128, y));
}

void check_dequantize_u8(check *c)
{
    ps_dequantize_u8_fn *f = (ps_dequantize_u8_fn *)c->neu;
    for (const size_t *n = check_sizes; *n != SIZE_MAX; n++)
        for (size_t round = 0; round < 2 * ZEROS; round++) {
            bool front = round & 1;
            int32_t zero = zeros[round / 2];
            float scale = check_uniform(1e-3f, 1), *y = check_floats(*n, front), *want = check_floats(*n, front);
            const uint8_t *x = random_codes(*n, front);
            for (size_t i = 0; i < *n; i++) want[i] = (float)((double)scale * (x[i] - zero));
            f(*n, x, scale, zero, y);
            for (size_t i = 0; i < *n; i++)
                if (!check_near(c, "number", i, y[i], (double)want[i], 0)) return;
            check_release();
        }
    if (!check_benched(c)) return;
    enum { N = 4096 };
    const uint8_t *x = random_codes(N, true);
    float *y = check_floats(N, true);
    CHECK_BENCH(c, "4096", 5.0 * N, "GB/s", f(N, x, 0.0157f, 128, y),
                ((ps_dequantize_u8_fn *)c->ref)(N, x, 0.0157f, 128, y));
}

void check_lut_u8(check *c)
{
    ps_lut_u8_fn *f = (ps_lut_u8_fn *)c->neu;
    for (const size_t *n = check_sizes; *n != SIZE_MAX; n++)
        for (size_t round = 0; round < 8; round++) {
            bool front = round & 1;
            uint8_t *x = random_codes(*n, front), *got = check_bytes(*n, front), *want = check_bytes(*n, front);
            uint8_t *table = random_codes(256, round & 2);
            for (size_t i = 0; i < *n; i++) {
                if (round > 5) x[i] = (uint8_t)(i + round);
                want[i] = table[x[i]];
            }
            f(*n, x, table, got);
            if (!same_codes(c, "codes", *n, got, want)) return;
            f(*n, x, table, x);
            if (!same_codes(c, "in place", *n, x, want)) return;
            check_release();
        }
    if (!check_benched(c)) return;
    enum { N = 8192 };
    const uint8_t *x = random_codes(N, true), *table = random_codes(256, true);
    uint8_t *y = check_bytes(N, true);
    CHECK_BENCH(c, "8192", 2.0 * N, "GB/s", f(N, x, table, y), ((ps_lut_u8_fn *)c->ref)(N, x, table, y));
}

/* A mix of any kind: also one where sums are exact halves, and one where nothing fits. */
static ps_mix any_mix(void)
{
    static const float factors[] = {1.0f, 0.5f, -0.5f, 0.25f, 1e6f, -1e-6f};
    bool plain = check_below(2);
    ps_mix m = {
        .mul0 = plain ? factors[check_below(6)] : check_uniform(-2, 2),
        .mul1 = plain ? factors[check_below(6)] : check_uniform(-2, 2),
        .zero0 = zeros[check_below(ZEROS)],
        .zero1 = zeros[check_below(ZEROS)],
        .zero = zeros[check_below(ZEROS)],
        .low = check_below(2) ? 0 : (int32_t)check_below(256),
        .high = 255,
    };
    if (check_below(2)) m.high = m.low + (int32_t)check_below((size_t)(256 - m.low));
    return m;
}

typedef float mix_fn(const ps_mix *m, uint8_t x0, uint8_t x1);

static float mix_sum(const ps_mix *m, uint8_t x0, uint8_t x1)
{
    float a = (float)(x0 - m->zero0) * m->mul0, b = (float)(x1 - m->zero1) * m->mul1;
    return a + b;
}

static float mix_product(const ps_mix *m, uint8_t x0, uint8_t x1)
{
    return (float)((x0 - m->zero0) * (x1 - m->zero1)) * m->mul0;
}

/* The two slots have one type. */
static void mixed(check *c, mix_fn *oracle)
{
    ps_add_u8_fn *f = (ps_add_u8_fn *)c->neu;
    for (const size_t *n = check_sizes; *n != SIZE_MAX; n++)
        for (size_t round = 0; round < 32; round++) {
            bool front = round & 1;
            int s0 = round / 2 % 2, s1 = round / 4 % 2;
            ps_mix m = any_mix();
            uint8_t *x0 = random_codes(s0 ? *n : 1, front), *x1 = random_codes(s1 ? *n : 1, front);
            uint8_t *got = check_bytes(*n, front), *want = check_bytes(*n, front);
            for (size_t i = 0; i < *n; i++) {
                int32_t q = code_of(oracle(&m, x0[s0 ? i : 0], x1[s1 ? i : 0]), m.zero);
                want[i] = (uint8_t)(q < m.low ? m.low : q > m.high ? m.high : q);
            }
            f(*n, x0, s0, x1, s1, &m, got);
            if (!same_codes(c, "codes", *n, got, want)) return;
            uint8_t *in_place = s0 ? x0 : x1;
            if (s0 || s1) f(*n, x0, s0, x1, s1, &m, in_place);
            if ((s0 || s1) && !same_codes(c, "in place", *n, in_place, want)) return;
            check_release();
        }
    if (!check_benched(c)) return;
    enum { N = 8192 };
    const ps_mix m = {0.7f, 0.4f, 100, 120, 110, 0, 255};
    const uint8_t *x0 = random_codes(N, true), *x1 = random_codes(N, true);
    uint8_t *y = check_bytes(N, true);
    CHECK_BENCH(c, "8192 x 8192", 3.0 * N, "GB/s", f(N, x0, 1, x1, 1, &m, y),
                ((ps_add_u8_fn *)c->ref)(N, x0, 1, x1, 1, &m, y));
    CHECK_BENCH(c, "8192 x 1", 2.0 * N, "GB/s", f(N, x0, 1, x1, 0, &m, y),
                ((ps_add_u8_fn *)c->ref)(N, x0, 1, x1, 0, &m, y));
}

void check_add_u8(check *c)
{
    mixed(c, mix_sum);
}

void check_mul_u8(check *c)
{
    mixed(c, mix_product);
}

void check_maxpool_u8(check *c)
{
    ps_maxpool_u8_fn *f = (ps_maxpool_u8_fn *)c->neu;
    for (const size_t *n = check_sizes; *n != SIZE_MAX; n++)
        for (size_t count = 1; count <= 25; count += 1 + check_below(8)) {
            bool front = check_below(2);
            uint8_t *x[25], *got = check_bytes(*n, front), *want = check_bytes(*n, front);
            memset(want, 0, *n);
            for (size_t t = 0; t < count; t++) {
                x[t] = random_codes(*n, front);
                for (size_t j = 0; j < *n; j++)
                    if (x[t][j] > want[j]) want[j] = x[t][j];
            }
            f(*n, count, (const uint8_t *const *)x, got);
            if (!same_codes(c, "codes", *n, got, want)) return;
            size_t on = check_below(count);
            f(*n, count, (const uint8_t *const *)x, x[on]);
            if (!same_codes(c, "in place", *n, x[on], want)) return;
            check_release();
        }
    if (!check_benched(c)) return;
    const uint8_t *x[9];
    for (int t = 0; t < 9; t++) x[t] = random_codes(256, true);
    uint8_t *y = check_bytes(256, true);
    CHECK_BENCH(c, "3x3, 256 channels", 10.0 * 256, "GB/s", f(256, 9, x, y),
                ((ps_maxpool_u8_fn *)c->ref)(256, 9, x, y));
}

static int32_t *check_ints(size_t n, bool front)
{
    return (int32_t *)(void *)check_bytes(n * sizeof(int32_t), front);
}

void check_accumulate_u8(check *c)
{
    ps_accumulate_u8_fn *f = (ps_accumulate_u8_fn *)c->neu;
    static const size_t heights[] = {0, 1, 2, 3, 7, 49, 300};
    for (const size_t *n = check_sizes; *n != SIZE_MAX; n++)
        for (size_t round = 0; round < 14; round++) {
            bool front = round & 1;
            size_t rows = heights[round / 2], ldx = *n + check_below(9);
            const uint8_t *x = random_codes(rows ? (rows - 1) * ldx + *n : 0, front);
            int32_t *got = check_ints(*n, front), *want = check_ints(*n, front);
            for (size_t j = 0; j < *n; j++) {
                got[j] = want[j] = (int32_t)check_below(1u << 30);
                for (size_t t = 0; t < rows; t++) want[j] += x[t * ldx + j];
            }
            f(*n, rows, x, (ptrdiff_t)ldx, got);
            if (!same_codes(c, "bytes of sums", *n * 4, (const uint8_t *)got, (const uint8_t *)want)) return;
            check_release();
        }
    if (!check_benched(c)) return;
    enum { N = 320, ROWS = 49 };
    const uint8_t *x = random_codes(N * ROWS, true);
    int32_t *sum = check_ints(N, true);
    memset(sum, 0, N * sizeof *sum);
    CHECK_BENCH(c, "49 rows of 320", 1.0 * N * ROWS, "GB/s", f(N, ROWS, x, N, sum),
                ((ps_accumulate_u8_fn *)c->ref)(N, ROWS, x, N, sum));
}

void check_average_u8(check *c)
{
    ps_average_u8_fn *f = (ps_average_u8_fn *)c->neu;
    for (const size_t *n = check_sizes; *n != SIZE_MAX; n++)
        for (size_t round = 0; round < 24; round++) {
            bool front = round & 1;
            int32_t count = (int32_t)(round < 12 ? 1 + check_below(100) : 1 + check_below(1u << 22));
            int32_t zero = zeros[round % ZEROS], add = -count * zeros[check_below(ZEROS)];
            float mul = (round % 3 ? check_uniform(0.1f, 3) : 1.0f) / (float)count;
            int32_t *sum = check_ints(*n, front);
            uint8_t *got = check_bytes(*n, front), *want = check_bytes(*n, front);
            for (size_t j = 0; j < *n; j++) {
                sum[j] = (int32_t)check_below((size_t)count * 255 + 1);
                want[j] = code_of((float)(sum[j] + add) * mul, zero);
            }
            f(*n, sum, add, mul, zero, got);
            if (!same_codes(c, "codes", *n, got, want)) return;
            check_release();
        }
    if (!check_benched(c)) return;
    enum { N = 1280 };
    int32_t *sum = check_ints(N, true);
    uint8_t *y = check_bytes(N, true);
    for (size_t j = 0; j < N; j++) sum[j] = (int32_t)check_below(49 * 255);
    CHECK_BENCH(c, "1280 sums", 5.0 * N, "GB/s", f(N, sum, -49 * 10, 0.02f, 7, y),
                ((ps_average_u8_fn *)c->ref)(N, sum, -49 * 10, 0.02f, 7, y));
}
