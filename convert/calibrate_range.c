/* convert/calibrate_range.c - chooses the range of numbers that 256 codes stand for. */
#include "convert/quantizer.h"

#include <math.h>

/* Numbers below lo and above hi are cut off; between them the error of rounding is even over a step: step^2 / 12. */
typedef struct sums {
    double n[PS_BINS + 1], x[PS_BINS + 1], xx[PS_BINS + 1]; /* of the bins before i */
    double width, lo;
} sums;

static void add_up(const ps_seen *s, sums *u)
{
    u->lo = (double)s->lo;
    u->width = ((double)s->hi - (double)s->lo) / PS_BINS;
    u->n[0] = u->x[0] = u->xx[0] = 0;
    for (int i = 0; i < PS_BINS; i++) {
        double n = s->bins ? (double)s->bins[i] : 0, x = u->lo + (i + 0.5) * u->width;
        u->n[i + 1] = u->n[i] + n;
        u->x[i + 1] = u->x[i] + n * x;
        u->xx[i + 1] = u->xx[i] + n * x * x;
    }
}

static int bin_of(const sums *u, double x)
{
    double i = u->width > 0 ? (x - u->lo) / u->width : 0;
    return i <= 0 ? 0 : i >= PS_BINS ? PS_BINS : (int)(i + 0.5);
}

/* Sum of squared errors when the range is lo..hi. */
static double error(const sums *u, double lo, double hi)
{
    int from = bin_of(u, lo), to = bin_of(u, hi);
    double step = (hi - lo) / 255, in = u->n[to] - u->n[from];
    double below = u->xx[from] - 2 * lo * u->x[from] + lo * lo * u->n[from];
    double n = u->n[PS_BINS] - u->n[to], x = u->x[PS_BINS] - u->x[to], xx = u->xx[PS_BINS] - u->xx[to];
    return in * step * step / 12 + below + xx - 2 * hi * x + hi * hi * n;
}

/* Tries cuts of both ends.  Ends that hold little are cut last: a range of -0.3..9 gains nothing from -0.2. */
static void search(sums *u, int n, float *lo, float *hi)
{
    enum { STEPS = 80, LEAST = 8 }; /* down to a tenth */
    double best = HUGE_VAL, best_lo = (double)*lo, best_hi = (double)*hi;
    int last_lo = *lo < 0 ? LEAST : STEPS, last_hi = *hi > 0 ? LEAST : STEPS;
    for (int i = STEPS; i >= last_lo; i--)
        for (int j = STEPS; j >= last_hi; j--) {
            double sum = 0, l = (double)*lo * i / STEPS, h = (double)*hi * j / STEPS;
            for (int k = 0; k < n; k++) sum += error(&u[k], l, h);
            if (sum < best) best = sum, best_lo = l, best_hi = h;
        }
    *lo = (float)best_lo;
    *hi = (float)best_hi;
}

/* The range of all but one number of 10000, at both ends together. */
static void percentile(const ps_seen *s, const sums *u, float *lo, float *hi)
{
    double cut = (u->n[PS_BINS] + (double)s->zeros) * 0.5e-4;
    int from = 0, to = PS_BINS;
    while (from < PS_BINS && u->n[from + 1] <= cut) from++;
    while (to > 0 && u->n[PS_BINS] - u->n[to - 1] <= cut) to--;
    *lo = fminf(0, (float)(u->lo + from * u->width));
    *hi = fmaxf(0, (float)(u->lo + to * u->width));
}

poise_status ps_range_choose(int ranges, const ps_seen *const *seen, int n, float *lo, float *hi)
{
    *lo = *hi = 0;
    for (int i = 0; i < n; i++) {
        *lo = fminf(*lo, seen[i]->lo);
        *hi = fmaxf(*hi, seen[i]->hi);
    }
    if (ranges == POISE_RANGES_MINMAX || *hi <= *lo) return POISE_OK;
    sums *u = ps_alloc_array((size_t)n, sizeof *u);
    PS_REQUIRE(u, POISE_NO_MEMORY, "no memory for %d histograms", n);
    float low = 0, high = 0;
    for (int i = 0; i < n; i++) {
        float l, h;
        add_up(seen[i], &u[i]);
        percentile(seen[i], &u[i], &l, &h);
        low = fminf(low, l);
        high = fmaxf(high, h);
    }
    if (ranges == POISE_RANGES_MSE) search(u, n, lo, hi);
    else *lo = low, *hi = high;
    ps_free(u);
    return POISE_OK;
}

void ps_range_code(float lo, float hi, ps_code *out)
{
    float width = hi - lo;
    if (!(width > 1e-30f)) width = 1; /* nothing but zeros was seen */
    out->scale = width / 255;
    out->zero = (int32_t)rintf(fminf(fmaxf(-lo / out->scale, 0), 255));
}
