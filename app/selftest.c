/* app/selftest.c - a quick look at the kernels in use; `make check` is the thorough one. */
#include "app/selftest.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

enum { N = 131, K = 37, TAPS = 3, CHANNELS = 19, K_U8 = 36 }; /* odd sizes, so that tails run too */

/* Everything the tests touch; too large for the stack. */
static struct {
    float x[TAPS][PS_MAX_MR * K], w[TAPS * K * PS_MAX_NR];
    _Alignas(64) float packed[TAPS * K * PS_MAX_NR];
    _Alignas(64) int8_t packed_u8[TAPS * K_U8 * 2 * PS_MAX_NR];
    float a[N * CHANNELS], b[N], scales[2 * PS_MAX_NR];
    float want[PS_MAX_MR * PS_MAX_NR + N * CHANNELS], got[PS_MAX_MR * PS_MAX_NR + N * CHANNELS];
} m;

static void fill(float *x, size_t n, uint32_t *seed)
{
    for (size_t i = 0; i < n; i++) {
        *seed = *seed * 1664525u + 1013904223u;
        x[i] = (float)(int32_t)(*seed >> 8) / 8388608.0f - 1.0f;
    }
}

/* Largest difference relative to the largest wanted value. */
static double difference(size_t n)
{
    double top = 1e-30, worst = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)m.want[i] - (double)m.got[i]);
        if (!(d <= worst)) worst = isfinite(d) ? d : 1e30;
        if (fabs((double)m.want[i]) > top) top = fabs((double)m.want[i]);
    }
    return worst / top;
}

/* One tile of a product, 5 x 11 at most, through the packing of table k. */
static void gemm(const ps_kernels *k, size_t rows, size_t columns, float *out)
{
    const float *taps[TAPS] = {m.x[0], m.x[1], m.x[2]};
    size_t nr = (size_t)k->gemm_f32_tile.nr;
    memset(m.packed, 0, sizeof m.packed);
    for (size_t p = 0; p < (size_t)TAPS * K; p++)
        for (size_t j = 0; j < columns; j++) m.packed[p * nr + j] = m.w[p * PS_MAX_NR + j];
    ps_epilogue e = {.bias = m.b, .act = PS_ACT_SILU};
    k->gemm_f32(rows, columns, K, TAPS, taps, K, m.packed, out, PS_MAX_NR, &e);
}

static double try_gemm(const ps_kernels *k, const ps_kernels *c)
{
    /* Sizes that fit both tiles. */
    int mr = k->gemm_f32_tile.mr < c->gemm_f32_tile.mr ? k->gemm_f32_tile.mr : c->gemm_f32_tile.mr;
    int nr = k->gemm_f32_tile.nr < c->gemm_f32_tile.nr ? k->gemm_f32_tile.nr : c->gemm_f32_tile.nr;
    double worst = 0;
    for (int rows = 1; rows <= mr; rows++) {
        memset(m.want, 0, sizeof m.want);
        memset(m.got, 0, sizeof m.got);
        gemm(c, (size_t)rows, (size_t)nr, m.want);
        gemm(k, (size_t)rows, (size_t)nr, m.got);
        double d = difference(PS_MAX_MR * PS_MAX_NR);
        if (!(d <= worst)) worst = d;
    }
    return worst;
}

/* A product of bytes with as many columns as two panels of PS_MAX_NR have but one, through the packing of table k. */
static void gemm_u8(const ps_kernels *k, size_t rows, ps_act act, float *out)
{
    enum { COLUMNS = 2 * PS_MAX_NR - 1 };
    size_t nr = (size_t)k->gemm_u8_tile.nr, panel = TAPS * K_U8 * nr;
    const uint8_t *bytes = (const uint8_t *)(const void *)m.w, *taps[TAPS];
    uint8_t codes[PS_MAX_MR * COLUMNS];
    memset(m.packed_u8, 0, sizeof m.packed_u8);
    for (size_t t = 0; t < TAPS; t++) taps[t] = bytes + 4 * t * PS_MAX_MR * K_U8;
    for (size_t p = 0; p < (size_t)TAPS * K_U8; p++)
        for (size_t j = 0; j < COLUMNS; j++)
            m.packed_u8[j / nr * panel + (p / 4 * nr + j % nr) * 4 + p % 4] = (int8_t)bytes[p * COLUMNS + j];
    ps_requant q = {.scale = m.scales, .act = act, .a = 0.1f, .b = 0.5f, .inv = 60, .zero = 17};
    k->gemm_u8(rows, COLUMNS, K_U8, TAPS, taps, K_U8, m.packed_u8, (ptrdiff_t)panel, codes, COLUMNS, &q);
    for (size_t i = 0; i < rows * COLUMNS; i++) out[i] = codes[i];
}

/* The same codes, or it is wrong. */
static double try_gemm_u8(const ps_kernels *k, const ps_kernels *c)
{
    double worst = 0;
    for (size_t i = 0; i < sizeof m.scales / sizeof *m.scales; i++) m.scales[i] = 1e-5f;
    for (int act = 0; act < PS_ACT_COUNT; act++)
        for (size_t rows = 1; rows <= PS_MAX_MR; rows++) {
            gemm_u8(c, rows, (ps_act)act, m.want);
            gemm_u8(k, rows, (ps_act)act, m.got);
            double d = difference(rows * (2 * PS_MAX_NR - 1));
            if (!(d <= worst)) worst = d;
        }
    return worst;
}

static double try_dwconv(const ps_kernels *k, const ps_kernels *c)
{
    const float *rows[3] = {m.a, m.a + 40 * CHANNELS, m.a + 80 * CHANNELS};
    ps_epilogue e = {.bias = m.b, .act = PS_ACT_RELU};
    enum { WIDTH = 30 };
    c->dwconv_f32(WIDTH, CHANNELS, 3, 3, rows, CHANNELS, CHANNELS, m.w, m.want, CHANNELS, &e);
    k->dwconv_f32(WIDTH, CHANNELS, 3, 3, rows, CHANNELS, CHANNELS, m.w, m.got, CHANNELS, &e);
    return difference((size_t)WIDTH * CHANNELS);
}

static double try_act(const ps_kernels *k, const ps_kernels *c)
{
    double worst = 0;
    for (int act = 0; act < PS_ACT_COUNT; act++) {
        c->act_f32(N, (ps_act)act, 0.1f, 0.5f, m.a, m.want);
        k->act_f32(N, (ps_act)act, 0.1f, 0.5f, m.a, m.got);
        double d = difference(N);
        if (!(d <= worst)) worst = d;
    }
    return worst;
}

static double try_softmax(const ps_kernels *k, const ps_kernels *c)
{
    c->softmax_f32(N, m.a, m.want);
    k->softmax_f32(N, m.a, m.got);
    return difference(N);
}

static double try_layernorm(const ps_kernels *k, const ps_kernels *c)
{
    c->layernorm_f32(N, m.a, 1e-5f, m.b, m.w, m.want);
    k->layernorm_f32(N, m.a, 1e-5f, m.b, m.w, m.got);
    return difference(N);
}

static double try_add(const ps_kernels *k, const ps_kernels *c)
{
    c->add_f32(N, m.a, 1, m.b, 1, m.want);
    k->add_f32(N, m.a, 1, m.b, 1, m.got);
    return difference(N);
}

bool ps_selftest(const ps_kernels *k, FILE *f)
{
    static const struct {
        const char *name;
        double (*try)(const ps_kernels *k, const ps_kernels *c);
    } tests[] = {{"gemm_f32", try_gemm},       {"gemm_u8", try_gemm_u8},         {"dwconv_f32", try_dwconv}, {"act_f32", try_act},
                 {"softmax_f32", try_softmax}, {"layernorm_f32", try_layernorm}, {"add_f32", try_add}};
    ps_kernels c;
    ps_kernels_select(&c, 0);
    uint32_t seed = 12345;
    for (int i = 0; i < TAPS; i++) fill(m.x[i], PS_MAX_MR * K, &seed);
    fill(m.w, TAPS * K * PS_MAX_NR, &seed);
    fill(m.a, N * CHANNELS, &seed);
    fill(m.b, N, &seed);
    bool right = true;
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        double d = tests[i].try(k, &c);
        bool ok = d <= 2e-5; /* (k+4) eps sum|terms| for 111 terms, against the largest of the results */
        if (f) fprintf(f, "  %-18s differs from c by %.1e%s\n", tests[i].name, d, ok ? "" : "  WRONG");
        right = right && ok;
    }
    return right;
}
