/* tests/check_bf16.c - checks the conversions between floats and bfloat16, against arithmetic on the values. */
#include "tests/check.h"

#include <math.h>
#include <string.h>

/* Values on which rounding is decided: every exponent, ties, neighbours of ties, specials. */
static float hard(void)
{
    uint32_t bits = check_rand();
    switch (check_below(4)) {
    case 0: bits = (bits & 0xFFFF0000u) | 0x8000u; break; /* a tie */
    case 1: bits = (bits & 0xFFFF0000u) | (check_below(2) ? 0x8001u : 0x7FFFu); break;
    case 2: bits = (bits & 0x807FFFFFu) | (check_below(2) ? 0x7F800000u : 0); break; /* NaN, inf, denormals */
    default: break;
    }
    if (!check_below(8)) bits &= 0xFF800000u;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static double value_of(uint16_t h)
{
    int e = h >> 7 & 255, m = h & 127;
    double v = e == 255 ? (m ? (double)NAN : (double)INFINITY) : e ? ldexp(128 + m, e - 134) : ldexp(m, -133);
    return h & 0x8000 ? -v : v;
}

/* The nearest of 8 bits, ties to even. */
static double rounded(double x)
{
    if (isnan(x) || isinf(x) || x == 0) return x;
    if (fabs(x) < 0x1p-126) return copysign(0, x);
    int e = ilogb(x) - 7;
    double v = ldexp(nearbyint(ldexp(x, -e)), e);
    return fabs(v) >= 0x1p128 ? copysign((double)INFINITY, x) : v;
}

void check_bf16_from_f32(check *c)
{
    ps_bf16_from_f32_fn *f = (ps_bf16_from_f32_fn *)c->neu;
    for (int round = 0; round < 20; round++)
        for (const size_t *n = check_sizes; *n != SIZE_MAX; n++) {
            bool front = check_below(2);
            float *x = check_floats(*n, front);
            uint16_t *y = (uint16_t *)(void *)check_bytes(*n * 2, front);
            for (size_t i = 0; i < *n; i++) x[i] = hard();
            f(*n, x, y);
            for (size_t i = 0; i < *n; i++) {
                double want = rounded((double)x[i]), got = value_of(y[i]);
                if (isnan(want) ? isnan(got) && y[i] & 0x40 : got == want && signbit(got) == signbit(want))
                    continue;
                check_fail(c, "n %zu [%zu]: %.9g becomes %.9g, should be %.9g", *n, i, (double)x[i], got,
                           want);
                return;
            }
            check_release();
        }
    if (!check_benched(c)) return;
    const float *x = check_random(16384, true, -1, 1);
    uint16_t *y = (uint16_t *)(void *)check_bytes(32768, true);
    CHECK_BENCH(c, "16384", 16384 * 6.0, "GB/s", f(16384, x, y),
                ((ps_bf16_from_f32_fn *)c->ref)(16384, x, y));
}

void check_f32_from_bf16(check *c)
{
    ps_f32_from_bf16_fn *f = (ps_f32_from_bf16_fn *)c->neu;
    for (const size_t *n = check_sizes; *n != SIZE_MAX; n++) {
        bool front = check_below(2);
        uint16_t *x = (uint16_t *)(void *)check_bytes(*n * 2, front);
        float *y = check_floats(*n, front);
        for (size_t i = 0; i < *n; i++) x[i] = (uint16_t)check_rand();
        f(*n, x, y);
        for (size_t i = 0; i < *n; i++)
            if (!check_near(c, "value", i, y[i], value_of(x[i]), 0)) return;
        check_release();
    }
    if (!check_benched(c)) return;
    uint16_t *x = (uint16_t *)(void *)check_bytes(32768, true);
    float *y = check_floats(16384, true);
    memset(x, 0x3F, 32768);
    CHECK_BENCH(c, "16384", 16384 * 6.0, "GB/s", f(16384, x, y),
                ((ps_f32_from_bf16_fn *)c->ref)(16384, x, y));
}
