/* tests/check_arith.c - checks arithmetic on rows. */
#include "tests/check.h"

#include <math.h>
#include <string.h>

typedef double oracle_fn(double a, double b);

static double add(double a, double b)
{
    return a + b;
}
static double sub(double a, double b)
{
    return a - b;
}
static double mul(double a, double b)
{
    return a * b;
}
static double divide(double a, double b)
{
    return a / b;
}
static double larger(double a, double b)
{
    return isnan(a) || isnan(b) ? (double)NAN : a > b ? a : b;
}
static double smaller(double a, double b)
{
    return isnan(a) || isnan(b) ? (double)NAN : a < b ? a : b;
}

static void sprinkle(float *x, size_t n)
{
    static const float special[] = {0.0f, -0.0f, 1e-42f, -1e30f, INFINITY, -INFINITY, NAN};
    for (size_t i = 0; i < n; i++)
        if (!check_below(16)) x[i] = special[check_below(sizeof special / sizeof *special)];
}

/* The six slots have one type. */
static void binary(check *c, oracle_fn *oracle)
{
    ps_add_f32_fn *f = (ps_add_f32_fn *)c->neu;
    for (const size_t *n = check_sizes; *n != SIZE_MAX; n++) {
        for (int s = 0; s < 4; s++) {
            int s0 = s & 1, s1 = s >> 1;
            bool front = check_below(2);
            float *x0 = check_random(s0 ? *n : 1, front, -2, 2),
                  *x1 = check_random(s1 ? *n : 1, front, -2, 2);
            float *y = check_floats(*n, front);
            sprinkle(x0, s0 ? *n : 1);
            sprinkle(x1, s1 ? *n : 1);
            f(*n, x0, s0, x1, s1, y);
            for (size_t i = 0; i < *n; i++) {
                double want = oracle((double)x0[s0 ? i : 0], (double)x1[s1 ? i : 0]);
                if (!check_near(c, "element", i, y[i], want, 0.5 * (double)FLT_EPSILON * fabs(want) + 1e-45))
                    return;
            }
            float *in_place = s0 ? x0 : x1;
            if (s) f(*n, x0, s0, x1, s1, in_place);
            if (s && !check_same(c, "in place", y, in_place, *n)) return;
            check_release();
        }
    }
    if (!check_benched(c)) return;
    enum { N = 4096 };
    const float *x0 = check_random(N, true, -2, 2), *x1 = check_random(N, true, -2, 2);
    float *y = check_floats(N, true);
    CHECK_BENCH(c, "4096 x 4096", 12.0 * N, "GB/s", f(N, x0, 1, x1, 1, y),
                ((ps_add_f32_fn *)c->ref)(N, x0, 1, x1, 1, y));
    CHECK_BENCH(c, "4096 x 1", 8.0 * N, "GB/s", f(N, x0, 1, x1, 0, y),
                ((ps_add_f32_fn *)c->ref)(N, x0, 1, x1, 0, y));
}

void check_add_f32(check *c)
{
    binary(c, add);
}
void check_sub_f32(check *c)
{
    binary(c, sub);
}
void check_mul_f32(check *c)
{
    binary(c, mul);
}
void check_div_f32(check *c)
{
    binary(c, divide);
}
void check_max_f32(check *c)
{
    binary(c, larger);
}
void check_min_f32(check *c)
{
    binary(c, smaller);
}

void check_affine_f32(check *c)
{
    ps_affine_f32_fn *f = (ps_affine_f32_fn *)c->neu;
    for (const size_t *n = check_sizes; *n != SIZE_MAX; n++) {
        bool front = check_below(2);
        float *x = check_random(*n, front, -2, 2), *y = check_floats(*n, front);
        const float *mul_ = check_random(*n, front, -2, 2), *add_ = check_random(*n, front, -2, 2);
        sprinkle(x, *n);
        f(*n, x, mul_, add_, y);
        for (size_t i = 0; i < *n; i++) {
            double product = (double)x[i] * (double)mul_[i], want = product + (double)add_[i];
            double tolerance = (double)FLT_EPSILON * (fabs(product) + fabs(want));
            if (!check_near(c, "element", i, y[i], want, tolerance)) return;
        }
        f(*n, x, mul_, add_, x);
        if (!check_same(c, "in place", y, x, *n)) return;
        check_release();
    }
}

void check_accumulate_f32(check *c)
{
    ps_accumulate_f32_fn *f = (ps_accumulate_f32_fn *)c->neu;
    for (const size_t *n = check_sizes; *n != SIZE_MAX; n++) {
        bool front = check_below(2);
        float *x = check_random(*n, front, -2, 2), *y = check_random(*n, front, -2, 2);
        float *old = check_floats(*n, false);
        sprinkle(x, *n);
        if (*n) memcpy(old, y, *n * sizeof *y);
        f(*n, x, y);
        for (size_t i = 0; i < *n; i++) {
            double want = (double)old[i] + (double)x[i];
            if (!check_near(c, "element", i, y[i], want, (double)FLT_EPSILON * fabs(want))) return;
        }
        check_release();
    }
}
