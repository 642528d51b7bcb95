/* convert/quantize_weights.c - weights into 8 bits, one scale for each output, and what that shifts on average. */
#include "convert/quantizer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 127, PAIR = 128 }; /* 255 * 128 = 32640 fits 16 bits, 255 * 129 does not */

/* Takes from a pair of one sign what is too much for it, from both alike. */
static void obey(int8_t *a, int8_t *b)
{
    int sum = *a + *b;
    if ((*a > 0) != (*b > 0) || (sum <= PAIR && sum >= -PAIR)) return;
    int over = sum > 0 ? sum - PAIR : sum + PAIR, half = over / 2;
    int8_t *large = abs(*a) > abs(*b) ? a : b, *small = large == a ? b : a;
    *small = (int8_t)(*small - half);
    *large = (int8_t)(*large - (over - half));
}

static void obey_all(int32_t taps, int32_t c, int8_t *codes)
{
    for (int32_t t = 0; t < taps; t++)
        for (int32_t i = 0; i + 1 < c; i += 2) obey(&codes[t * c + i], &codes[t * c + i + 1]);
}

static void round_row(const float *w, size_t n, float scale, int8_t *codes)
{
    float by = 1 / scale;
    for (size_t i = 0; i < n; i++) codes[i] = (int8_t)rintf(fminf(fmaxf(w[i] * by, -MOST), MOST));
}

static double row_error(const float *w, size_t n, float scale, const int8_t *codes)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        float e = w[i] - scale * (float)codes[i];
        sum += (double)(e * e);
    }
    return sum;
}

/* The largest weight, and the largest sum of a pair of one sign. */
static float largest(const float *w, int32_t taps, int32_t c, float *pair)
{
    float most = 0;
    *pair = 0;
    for (int32_t t = 0; t < taps; t++)
        for (int32_t i = 0; i < c; i++) {
            float a = w[t * c + i], b = i % 2 == 0 && i + 1 < c ? w[t * c + i + 1] : 0;
            most = fmaxf(most, fabsf(a));
            if (a * b > 0) *pair = fmaxf(*pair, fabsf(a + b));
        }
    return most;
}

float ps_quantize_row(const float *w, int32_t taps, int32_t c, bool pairs, bool clip, int8_t *codes)
{
    enum { STEPS = 24 };
    size_t n = (size_t)taps * (size_t)c;
    float pair, most = largest(w, taps, c, &pair), plain = most / MOST;
    memset(codes, 0, n);
    if (!(plain > 1e-30f)) return 1; /* nothing but zeros */
    float high = pairs ? fmaxf(plain, pair / PAIR) : plain, low = clip ? 0.6f * plain : high, best = high;
    double least = HUGE_VAL;
    for (int i = 0; clip && i <= STEPS; i++) {
        float scale = high + (low - high) * (float)i / STEPS;
        round_row(w, n, scale, codes);
        if (pairs) obey_all(taps, c, codes);
        double e = row_error(w, n, scale, codes);
        if (e < least) least = e, best = scale;
    }
    round_row(w, n, best, codes);
    if (pairs) obey_all(taps, c, codes);
    return best;
}

/* ---- all products ---- */

static void quantize_output(const ps_quantizer *q, ps_product *p, const float *w, int32_t j, float *row, int8_t *codes)
{
    bool pairs = !q->o->full_weights && !p->depthwise;
    size_t n = (size_t)p->taps * (size_t)p->c;
    for (int32_t t = 0; t < p->taps; t++)
        for (int32_t i = 0; i < p->c; i++) row[t * p->c + i] = w[j * p->so + i * p->sc + t * p->st];
    p->scale[j] = ps_quantize_row(row, p->taps / p->row, p->c * p->row, pairs, !q->o->no_clip, codes);
    p->weight_noise += row_error(row, n, p->scale[j], codes);
    int32_t first = p->group > 1 ? j / (p->o / p->group) * p->c : 0;
    double shift = 0;
    for (int32_t t = 0; t < p->taps; t++)
        for (int32_t i = 0; i < p->c; i++) {
            size_t at = (size_t)t * (size_t)p->c + (size_t)i;
            double e = (double)row[at] - (double)p->scale[j] * codes[at];
            p->weight_power += (double)row[at] * (double)row[at];
            if (p->mean) shift += e * p->mean[(ptrdiff_t)t * p->c * p->group + first + i];
            p->codes[j * p->so + i * p->sc + t * p->st] = codes[at];
        }
    p->shift[j] = q->o->no_bias ? 0 : (float)shift;
}

static poise_status quantize_product(ps_quantizer *q, ps_product *p)
{
    size_t n = (size_t)p->taps * (size_t)p->c;
    p->codes = ps_heap_push(&q->heap, n * (size_t)p->o);
    p->scale = ps_heap_push(&q->heap, (size_t)p->o * sizeof *p->scale);
    p->shift = ps_heap_push(&q->heap, (size_t)p->o * sizeof *p->shift);
    float *row = ps_alloc_array(n, sizeof *row);
    int8_t *codes = ps_alloc(n);
    bool ok = p->codes && p->scale && p->shift && row && codes;
    const float *w = ps_quantizer_constant(q, p->w, false);
    for (int32_t j = 0; ok && j < p->o; j++) quantize_output(q, p, w, j, row, codes);
    ps_free(row);
    ps_free(codes);
    return ok ? POISE_OK : ps_fail(POISE_NO_MEMORY, "no memory for weights of %zu bytes", n * (size_t)p->o);
}

poise_status ps_quantize_weights(ps_quantizer *q)
{
    for (int32_t i = 0; i < q->n_products; i++)
        if (!q->products[i].asked) PS_TRY(quantize_product(q, &q->products[i]));
    return POISE_OK;
}
