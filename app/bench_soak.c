/* app/bench_soak.c - runs for minutes and hours, with temperatures and clocks beside the times. */
#include "app/bench_soak.h"

#include "app/bench_times.h"
#include "runtime/clock.h"
#include "runtime/memory.h"

#include <stdio.h>
#include <string.h>

enum { SLICE = 60, MOST_TIMES = 1 << 14 };

typedef struct slice {
    ps_soak_slice *out;
    double *ms; /* every `each`-th time: enough for quantiles, however short the network is */
    int n, each;
    double celsius, mhz; /* sums */
    int with_celsius, with_mhz;
} slice;

static void add_time(slice *k, double ms)
{
    if (k->out->runs++ % k->each) return;
    if (k->n == MOST_TIMES) {
        for (k->n = 0; k->n < MOST_TIMES / 2; k->n++) k->ms[k->n] = k->ms[2 * k->n];
        k->each *= 2;
    }
    k->ms[k->n++] = ms;
}

static void read_sensors(slice *k, const char *root, uint64_t cpus, ps_soak *soak)
{
    ps_sensors s;
    ps_sensors_read(root, &s);
    double celsius = ps_sensors_hottest(&s), mhz = ps_sensors_mhz(root, cpus);
    if (s.n_zones) k->celsius += celsius, k->with_celsius++;
    if (mhz > 0) k->mhz += mhz, k->with_mhz++;
    k->out->throttled += ps_sensors_throttled(&s, soak->why);
    k->out->readings++;
}

static void finish(slice *k, double seconds)
{
    ps_times_sort(k->ms, k->n);
    k->out->seconds = seconds;
    k->out->median = ps_times_quantile(k->ms, k->n, 0.5);
    k->out->p99 = ps_times_quantile(k->ms, k->n, 0.99);
    if (k->with_celsius) k->out->celsius = k->celsius / k->with_celsius;
    if (k->with_mhz) k->out->mhz = k->mhz / k->with_mhz;
}

/* ---- output ---- */

static const char *known(double v, const char *fmt, char buf[16])
{
    if (v > 0) snprintf(buf, 16, fmt, v);
    else strcpy(buf, "-");
    return buf;
}

static void print_slice(const ps_soak_slice *k, double until, bool first)
{
    char c[16], mhz[16];
    if (first) printf("\n     until    runs  median ms    p99 ms   degrees C      MHz  throttled\n");
    printf(" %7.0f s %7d %10.3f %9.3f %11s %8s %9.0f%%\n", until, k->runs, k->median, k->p99, known(k->celsius, "%.1f", c),
           known(k->mhz, "%.0f", mhz), 100.0 * k->throttled / k->readings);
    fflush(stdout); /* the next line is a minute away */
}

static void print_ends(const ps_soak *k)
{
    const ps_soak_slice *a = &k->slice[0], *b = &k->slice[k->n - 1];
    printf("\nfirst %.0f s against last: median %.3f -> %.3f ms (%+.1f %%)", a->seconds, a->median, b->median,
           100 * (b->median / a->median - 1));
    if (a->celsius > 0 && b->celsius > 0) printf(", %.1f -> %.1f C", a->celsius, b->celsius);
    if (a->mhz > 0 && b->mhz > 0) printf(", %.0f -> %.0f MHz", a->mhz, b->mhz);
    if (a->celsius <= 0 && a->mhz <= 0) printf("; this system tells neither temperatures nor clocks");
    if (*k->why) printf("; throttled: %s", k->why);
    puts("\n");
}

void ps_soak_csv(const ps_soak *k)
{
    puts("\nslice,seconds,runs,median_ms,p99_ms,celsius,mhz,readings,throttled");
    for (int i = 0; i < k->n; i++) {
        const ps_soak_slice *l = &k->slice[i];
        printf("%d,%.1f,%d,%.4f,%.4f,%.1f,%.0f,%d,%d\n", i, l->seconds, l->runs, l->median, l->p99, l->celsius, l->mhz, l->readings,
               l->throttled);
    }
}

void ps_soak_json(ps_json *j, const ps_soak *k)
{
    ps_json_array(j, "soak");
    for (int i = 0; i < k->n; i++) {
        const ps_soak_slice *l = &k->slice[i];
        ps_json_object(j, NULL);
        ps_json_number(j, "seconds", l->seconds, 5);
        ps_json_int(j, "runs", l->runs);
        ps_json_number(j, "median_ms", l->median, 6);
        ps_json_number(j, "p99_ms", l->p99, 6);
        if (l->celsius > 0) ps_json_number(j, "celsius", l->celsius, 4);
        if (l->mhz > 0) ps_json_number(j, "mhz", l->mhz, 5);
        ps_json_int(j, "readings", l->readings);
        ps_json_int(j, "throttled", l->throttled);
        ps_json_end(j);
    }
    ps_json_end(j);
    if (*k->why) ps_json_text(j, "throttled_by", k->why);
}

/* ---- running ---- */

/* Until `until` on the clock, at least once. */
static void run_slice(poise_session *s, const char *root, uint64_t cpus, double until, slice *k, ps_soak *soak)
{
    double next = 0, from = ps_clock_ms(), now = from;
    do {
        if (now >= next) read_sensors(k, root, cpus, soak), next = now + 1000;
        ps_session_fill_noise(s);
        double start = ps_clock_ms();
        poise_session_run(s);
        now = ps_clock_ms();
        add_time(k, now - start);
    } while (now < until);
    finish(k, (now - from) / 1000);
}

poise_status ps_soak_run(poise_session *s, const char *root, uint64_t cpus, int seconds, bool table, ps_soak *out)
{
    int n = seconds < 2 * SLICE ? 2 : seconds / SLICE;
    *out = (ps_soak){.slice = ps_alloc_array((size_t)n, sizeof *out->slice)};
    double *ms = ps_alloc_array(MOST_TIMES, sizeof *ms), from = ps_clock_ms();
    poise_status status = out->slice && ms ? POISE_OK : ps_fail(POISE_NO_MEMORY, "no memory for the times of a soak");
    for (; !status && out->n < n; out->n++) {
        slice k = {.out = &out->slice[out->n], .ms = ms, .each = 1};
        run_slice(s, root, cpus, from + 1000.0 * seconds * (out->n + 1) / n, &k, out);
        if (table) print_slice(k.out, (ps_clock_ms() - from) / 1000, out->n == 0);
    }
    if (!status && table) print_ends(out);
    ps_free(ms);
    if (status) ps_soak_free(out);
    return status;
}

void ps_soak_free(ps_soak *k)
{
    ps_free(k->slice);
    *k = (ps_soak){0};
}
