/* tests/check_reduce.c - checks sums, largest values, softmax and layer norm. */
#include "tests/check.h"
#include "ops/fold.h"

#include <math.h>
#include <string.h>

/* A sum is the same in every ISA: element i in partial sum i mod 16, folded in pairs. */
void check_sum_f32(check *c)
{
    for (const size_t *n = check_sizes; *n != SIZE_MAX; n++) {
        float *x = check_random(*n, check_below(2), -1, 1), part[PS_PARTS] = {0};
        for (size_t i = 0; i < *n; i++) part[i % PS_PARTS] += x[i];
        float got = ((ps_sum_f32_fn *)c->neu)(*n, x), want = ps_fold_sum(part);
        if (!check_near(c, "sum", *n, got, (double)want, 0.0)) return;
        double exact = 0, terms = 0;
        for (size_t i = 0; i < *n; i++) exact += (double)x[i], terms += fabs((double)x[i]);
        if (!check_near(c, "sum", *n, got, exact, check_sum_tolerance(*n, terms))) return;
        if (*n) {
            x[check_below(*n)] = NAN;
            if (!check_near(c, "sum with NaN", *n, ((ps_sum_f32_fn *)c->neu)(*n, x), (double)NAN, 0.0))
                return;
        }
        check_release();
    }
    if (!check_benched(c)) return;
    const float *x = check_random(4096, true, -1, 1);
    CHECK_BENCH(c, "4096", 4.0 * 4096, "GB/s", ((ps_sum_f32_fn *)c->neu)(4096, x),
                ((ps_sum_f32_fn *)c->ref)(4096, x));
}

void check_top_f32(check *c)
{
    ps_top_f32_fn *f = (ps_top_f32_fn *)c->neu;
    for (const size_t *n = check_sizes; *n != SIZE_MAX; n++) {
        for (int round = 0; round < 4; round++) {
            float *x = check_random(*n, check_below(2), -2, -1);
            double want = -(double)INFINITY;
            for (size_t i = 0; i < *n; i++) want = (double)x[i] > want ? (double)x[i] : want;
            if (!check_near(c, "of n", *n, f(*n, x), want, 0.0)) return;
            if (*n) {
                x[check_below(*n)] = NAN;
                if (!check_near(c, "with NaN, of n", *n, f(*n, x), (double)NAN, 0.0)) return;
                for (size_t i = 0; i < *n; i++) x[i] = -INFINITY;
                if (!check_near(c, "of -inf, n", *n, f(*n, x), -(double)INFINITY, 0.0)) return;
            }
            check_release();
        }
    }
}

static bool verify_softmax(check *c, size_t n, const float *x, const float *y)
{
    double top = -(double)INFINITY, sum = 0;
    for (size_t i = 0; i < n; i++) top = (double)x[i] > top ? (double)x[i] : top;
    for (size_t i = 0; i < n; i++) sum += exp((double)x[i] - top);
    for (size_t i = 0; i < n; i++) {
        double want = exp((double)x[i] - top) / sum;
        /* x - top is rounded, which exp multiplies by its size; the sum adds n/16 + 4 times. */
        double relative = (6 + fmin(fabs((double)x[i] - top), 100) + (double)n / 16) * (double)FLT_EPSILON;
        if (!check_near(c, "softmax", i, y[i], want, relative * want + 2 * (double)FLT_MIN)) return false;
    }
    return true;
}

void check_softmax_f32(check *c)
{
    ps_softmax_f32_fn *f = (ps_softmax_f32_fn *)c->neu;
    for (const size_t *n = check_sizes + 1; *n != SIZE_MAX; n++) {
        bool front = check_below(2);
        float range = check_below(2) ? 3.0f : 200.0f;
        float *x = check_random(*n, front, -range, range), *y = check_floats(*n, front);
        if (*n > 3) x[check_below(*n)] = -INFINITY; /* a masked position is exactly 0 */
        f(*n, x, y);
        if (!verify_softmax(c, *n, x, y)) return;
        for (size_t i = 0; i < *n; i++)
            if (isinf(x[i]) && !check_near(c, "masked", i, y[i], 0.0, 0.0)) return;
        f(*n, x, x);
        if (!check_same(c, "in place", y, x, *n)) return;
        x[check_below(*n)] = NAN;
        f(*n, x, y);
        if (!check_near(c, "with NaN", 0, y[0], (double)NAN, 0.0)) return;
        check_release();
    }
    if (!check_benched(c)) return;
    const float *x = check_random(400, true, -4, 4);
    float *y = check_floats(400, true);
    CHECK_BENCH(c, "400", 400, "elements/ns", ((ps_softmax_f32_fn *)c->neu)(400, x, y),
                ((ps_softmax_f32_fn *)c->ref)(400, x, y));
}

static bool verify_soft_argmax(check *c, size_t n, const float *x, size_t ldx, const float *w, float got, size_t j)
{
    double top = -(double)INFINITY, sum = 0, mean = 0, size = 0, error = 0;
    for (size_t i = 0; i < n; i++) top = fmax(top, (double)x[i * ldx + j]);
    for (size_t i = 0; i < n; i++) {
        double d = (double)x[i * ldx + j] - top, e = exp(d);
        sum += e;
        mean += e * (double)w[i];
        size += e * fabs((double)w[i]);
        error += e * fmin(fabs(d), 100);
    }
    double top_w = 0;
    for (size_t i = 0; i < n; i++) top_w = fmax(top_w, fabs((double)w[i]));
    double wrong = ((6 + (double)n) * size + 2 * error * top_w) * (double)FLT_EPSILON / sum;
    return check_near(c, "column", j, got, mean / sum, wrong + (double)FLT_MIN);
}

void check_soft_argmax_f32(check *c)
{
    ps_soft_argmax_f32_fn *f = (ps_soft_argmax_f32_fn *)c->neu;
    for (const size_t *m = check_sizes; *m != SIZE_MAX; m++) {
        const size_t n = 1 + check_below(40), ld = *m + check_below(3);
        bool front = check_below(2);
        float range = check_below(2) ? 3.0f : 200.0f;
        float *x = check_random(*m ? (n - 1) * ld + *m : 0, front, -range, range), *y = check_floats(*m, front);
        const float *w = check_random(n, front, -2, 20);
        f(*m, n, x, (ptrdiff_t)ld, w, y);
        for (size_t j = 0; j < *m; j++)
            if (!verify_soft_argmax(c, n, x, ld, w, y[j], j)) return;
        if (*m) { /* cut anywhere: the same bits; NaN stays in its column */
            size_t cut = check_below(*m), at = check_below(*m);
            float *part = check_floats(*m, front);
            f(cut, n, x, (ptrdiff_t)ld, w, part);
            f(*m - cut, n, x + cut, (ptrdiff_t)ld, w, part + cut);
            if (!check_same(c, "in two parts", y, part, *m)) return;
            x[check_below(n) * ld + at] = NAN;
            f(*m, n, x, (ptrdiff_t)ld, w, part);
            y[at] = NAN;
            for (size_t j = 0; j < *m; j++)
                if (!check_near(c, "beside NaN", j, part[j], (double)y[j], 0.0)) return;
        }
        check_release();
    }
    if (!check_benched(c)) return;
    const float *x = check_random(16 * 128, true, -4, 4), *w = check_random(16, true, 0, 15);
    float *y = check_floats(128, true);
    CHECK_BENCH(c, "128x16", 16 * 128, "elements/ns", f(128, 16, x, 128, w, y),
                ((ps_soft_argmax_f32_fn *)c->ref)(128, 16, x, 128, w, y));
}

static bool verify_layernorm(check *c, size_t n, const float *x, float eps, const float *scale,
                             const float *bias, const float *y)
{
    double mean = 0, size = 0, variance = 0;
    for (size_t i = 0; i < n; i++) mean += (double)x[i], size += fabs((double)x[i]);
    mean /= (double)n, size /= (double)n;
    for (size_t i = 0; i < n; i++) variance += ((double)x[i] - mean) * ((double)x[i] - mean);
    double deviation = sqrt(variance / (double)n + (double)eps);
    double sum_error = ((double)n / 16 + 6) * (double)FLT_EPSILON;
    for (size_t i = 0; i < n; i++) {
        double v = ((double)x[i] - mean) / deviation, s = scale ? (double)scale[i] : 1,
               b = bias ? (double)bias[i] : 0;
        double want = v * s + b,
               tolerance = (sum_error * (fabs(v) + 2 * size / deviation) + (double)FLT_EPSILON) * fabs(s);
        if (!check_near(c, "layernorm", i, y[i], want,
                        tolerance + (double)FLT_EPSILON * (fabs(v * s) + fabs(want))))
            return false;
    }
    return true;
}

void check_layernorm_f32(check *c)
{
    ps_layernorm_f32_fn *f = (ps_layernorm_f32_fn *)c->neu;
    for (const size_t *n = check_sizes + 1; *n != SIZE_MAX; n++) {
        for (int which = 0; which < 4; which++) {
            bool front = check_below(2);
            float *x = check_random(*n, front, -1, 3), *y = check_floats(*n, front);
            const float *scale = which & 1 ? check_random(*n, front, -2, 2) : NULL;
            const float *bias = which & 2 ? check_random(*n, front, -2, 2) : NULL;
            f(*n, x, 1e-5f, scale, bias, y);
            if (!verify_layernorm(c, *n, x, 1e-5f, scale, bias, y)) return;
            float *over = check_floats(*n, front);
            if (scale) memcpy(over, scale, *n * sizeof *over), f(*n, x, 1e-5f, over, bias, over);
            if (scale && !check_same(c, "over scale", y, over, *n)) return;
            if (bias) memcpy(over, bias, *n * sizeof *over), f(*n, x, 1e-5f, scale, over, over);
            if (bias && !check_same(c, "over bias", y, over, *n)) return;
            f(*n, x, 1e-5f, scale, bias, x);
            if (!check_same(c, "in place", y, x, *n)) return;
            check_release();
        }
    }
    if (!check_benched(c)) return;
    const float *x = check_random(384, true, -4, 4), *scale = check_random(384, true, -4, 4);
    float *y = check_floats(384, true);
    CHECK_BENCH(c, "384", 384, "elements/ns", f(384, x, 1e-5f, scale, scale, y),
                ((ps_layernorm_f32_fn *)c->ref)(384, x, 1e-5f, scale, scale, y));
}
