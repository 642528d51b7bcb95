/* tests/check_half.c - checks the conversions between floats and bfloat16 or IEEE halves, against arithmetic on the values. */
#include "tests/check.h"

#include <math.h>
#include <string.h>

/* Values on which rounding to the upper `kept` bits is decided: every exponent, ties, neighbours of ties, specials. */
static float hard(int kept)
{
    uint32_t bits = check_rand(), high = 0xFFFFFFFFu << (32 - kept), tie = 1u << (31 - kept);
    switch (check_below(4)) {
    case 0: bits = (bits & high) | tie; break;
    case 1: bits = (bits & high) | (check_below(2) ? tie + 1 : tie - 1); break;
    case 2: bits = (bits & 0x807FFFFFu) | (check_below(2) ? 0x7F800000u : 0); break; /* NaN, inf, denormals */
    default: break;
    }
    if (!check_below(8)) bits &= 0xFF800000u;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static float hard_bf16(void)
{
    return hard(16);
}

/* Of those that are not 0 and not too large as halves, too. */
static float hard_f16(void)
{
    float x = hard(19);
    int e;
    return check_below(4) && isfinite(x) ? ldexpf(frexpf(x, &e), (int)check_below(44) - 26) : x;
}

static double bf16_value(uint16_t h)
{
    int e = h >> 7 & 255, m = h & 127;
    double v = e == 255 ? (m ? (double)NAN : (double)INFINITY) : e ? ldexp(128 + m, e - 134) : ldexp(m, -133);
    return h & 0x8000 ? -v : v;
}

static double f16_value(uint16_t h)
{
    int e = h >> 10 & 31, m = h & 1023;
    double v = e == 31 ? (m ? (double)NAN : (double)INFINITY) : e ? ldexp(1024 + m, e - 25) : ldexp(m, -24);
    return h & 0x8000 ? -v : v;
}

/* The nearest of 8 bits, ties to even; no denormals. */
static double bf16_rounded(double x)
{
    if (isnan(x) || isinf(x) || x == 0) return x;
    if (fabs(x) < 0x1p-126) return copysign(0, x);
    int e = ilogb(x) - 7;
    double v = ldexp(nearbyint(ldexp(x, -e)), e);
    return fabs(v) >= 0x1p128 ? copysign((double)INFINITY, x) : v;
}

/* The nearest of 11 bits or multiple of 2^-24, ties to even; no infinity. */
static double f16_rounded(double x)
{
    if (isnan(x) || x == 0) return x;
    if (fabs(x) > 65504) return copysign(65504, x);
    int e = fabs(x) < 0x1p-14 ? -24 : ilogb(x) - 10;
    return copysign(ldexp(nearbyint(ldexp(x, -e)), e), x);
}

/* Both slots are functions of one type, as the two of the way back are. */
static void from_floats(check *c, float (*any)(void), double (*rounded)(double), double (*value)(uint16_t), uint16_t quiet)
{
    ps_bf16_from_f32_fn *f = (ps_bf16_from_f32_fn *)c->neu;
    for (int round = 0; round < 20; round++)
        for (const size_t *n = check_sizes; *n != SIZE_MAX; n++) {
            bool front = check_below(2);
            float *x = check_floats(*n, front);
            uint16_t *y = (uint16_t *)(void *)check_bytes(*n * 2, front);
            for (size_t i = 0; i < *n; i++) x[i] = any();
            f(*n, x, y);
            for (size_t i = 0; i < *n; i++) {
                double want = rounded((double)x[i]), got = value(y[i]);
                if (isnan(want) ? isnan(got) && y[i] & quiet : got == want && signbit(got) == signbit(want))
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

static void to_floats(check *c, double (*value)(uint16_t))
{
    ps_f32_from_bf16_fn *f = (ps_f32_from_bf16_fn *)c->neu;
    for (const size_t *n = check_sizes; *n != SIZE_MAX; n++) {
        bool front = check_below(2);
        uint16_t *x = (uint16_t *)(void *)check_bytes(*n * 2, front);
        float *y = check_floats(*n, front);
        for (size_t i = 0; i < *n; i++) x[i] = (uint16_t)check_rand();
        f(*n, x, y);
        for (size_t i = 0; i < *n; i++)
            if (!check_near(c, "value", i, y[i], value(x[i]), 0)) return;
        check_release();
    }
    if (!check_benched(c)) return;
    uint16_t *x = (uint16_t *)(void *)check_bytes(32768, true);
    float *y = check_floats(16384, true);
    memset(x, 0x3F, 32768);
    CHECK_BENCH(c, "16384", 16384 * 6.0, "GB/s", f(16384, x, y),
                ((ps_f32_from_bf16_fn *)c->ref)(16384, x, y));
}

void check_bf16_from_f32(check *c)
{
    from_floats(c, hard_bf16, bf16_rounded, bf16_value, 0x40);
}

void check_f32_from_bf16(check *c)
{
    to_floats(c, bf16_value);
}

void check_f16_from_f32(check *c)
{
    from_floats(c, hard_f16, f16_rounded, f16_value, 0x200);
}

void check_f32_from_f16(check *c)
{
    to_floats(c, f16_value);
}
