/* nn/threads_auto.c - how many threads are best for a model, here and now: by trying.
 *
 * Numbers run in turns, so that whatever else the machine does hits all of them.  A number's mark is mostly its median and
 * partly its worst time: on shared cores more threads may win in the median and lose a time slice now and then. */
#include "nn/session.h"

#include "runtime/clock.h"

#include <stdio.h>
#include <stdlib.h>

enum { MOST_NUMBERS = 16, LEAST_ROUNDS = 5, MOST_ROUNDS = 15 };
#define ENOUGH_MS 1000.0 /* of measuring, after LEAST_ROUNDS */
#define WORST_SHARE 0.25
#define MARGIN 0.03 /* more threads have to be worth it */

typedef struct trial {
    int threads, n;
    double ms[MOST_ROUNDS];
    double median, worst;
} trial;

/* 1, 2, 3, 4, 6, 8, 12, 16, 24 ... and all. */
static int list_numbers(int cores, trial *t)
{
    int n = 0;
    for (int threads = 1, step = 1; threads < cores && n < MOST_NUMBERS - 1; threads += step) {
        t[n++] = (trial){.threads = threads};
        if (threads >= 4 && (threads & (threads - 1)) == 0) step = threads / 2;
    }
    t[n++] = (trial){.threads = cores};
    return n;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double mark(const trial *t)
{
    return (1 - WORST_SHARE) * t->median + WORST_SHARE * t->worst;
}

static poise_status run_once(poise_model *m, trial *t, bool count)
{
    poise_session *s;
    PS_TRY(ps_model_set_threads(m, t->threads));
    PS_TRY(poise_session_open(m, &s));
    for (int i = 0; i < 2; i++) { /* the first brings the new session's memory in */
        ps_session_fill_noise(s);
        double from = ps_clock_ms();
        poise_session_run(s);
        if (i && count) t->ms[t->n++] = ps_clock_ms() - from;
    }
    poise_session_close(s);
    return POISE_OK;
}

static const trial *best_of(trial *t, int n)
{
    const trial *best = t;
    for (int i = 0; i < n; i++) {
        qsort(t[i].ms, (size_t)t[i].n, sizeof *t[i].ms, ascending);
        t[i].median = t[i].ms[t[i].n / 2];
        t[i].worst = t[i].ms[t[i].n - 1];
        if (mark(&t[i]) < (1 - MARGIN) * mark(best)) best = &t[i];
    }
    return best;
}

poise_status ps_model_choose_threads(poise_model *m)
{
    trial t[MOST_NUMBERS];
    int n = list_numbers(m->threads, t);
    double from = ps_clock_ms();
    for (int r = -1; n > 1 && r < MOST_ROUNDS && (r < LEAST_ROUNDS || ps_clock_ms() - from < ENOUGH_MS); r++)
        for (int i = 0; i < n; i++) PS_TRY(run_once(m, &t[i], r >= 0));
    if (n == 1) {
        snprintf(m->tried, sizeof m->tried, "1 thread: there is one core");
        return POISE_OK;
    }
    const trial *best = best_of(t, n);
    int at = snprintf(m->tried, sizeof m->tried, "%d thread%s; median (worst) ms:", best->threads, best->threads == 1 ? "" : "s");
    for (int i = 0; i < n && at >= 0 && (size_t)at < sizeof m->tried; i++)
        at += snprintf(m->tried + at, sizeof m->tried - (size_t)at, " %d: %.1f (%.1f)", t[i].threads, t[i].median, t[i].worst);
    return ps_model_set_threads(m, best->threads);
}
