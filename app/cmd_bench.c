/* app/cmd_bench.c - poise bench: how fast a model runs on this machine. */
#include "app/bench_tune.h"
#include "app/cli.h"
#include "app/json.h"
#include "app/roofline.h"
#include "nn/model.h"
#include "nn/session.h"
#include "runtime/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { WARM_UP = 3 };

typedef struct result {
    const char *model, *isa, *precision;
    int threads, runs;
    double min, median, p90, p99; /* ms */
    double peak_rss, plan_peak;   /* MB of 2^20 bytes */
    double *nodes;                /* ms, least of all runs; NULL without --layers */
    ps_peaks peaks;               /* with them */
} result;

/* The most memory this process has held so far: rows further down include those above. */
static double peak_rss(void)
{
    struct rusage u;
    return getrusage(RUSAGE_SELF, &u) ? 0 : (double)u.ru_maxrss / 1024;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The smallest value that at least a share q of the sorted values does not exceed. */
static double quantile(const double *sorted, int n, double q)
{
    int i = (int)(q * n + 0.999999) - 1;
    return sorted[i < 0 ? 0 : i >= n ? n - 1 : i];
}

/* Inputs share memory with later values, so every run gets them anew, outside the time measured. */
static void measure(poise_session *s, int runs, double *ms)
{
    for (int i = -WARM_UP; i < runs; i++) {
        ps_session_fill_noise(s);
        double from = ps_clock_ms();
        poise_session_run(s);
        if (i >= 0) ms[i] = ps_clock_ms() - from;
    }
}

static poise_status measure_nodes(poise_session *s, const poise_model *m, int runs, double *least)
{
    size_t n = (size_t)m->graph.n_nodes;
    double *ms = ps_alloc_array(n + 1, sizeof *ms);
    PS_REQUIRE(ms, POISE_NO_MEMORY, "no memory for the times of %zu nodes", n);
    for (int i = 0; i < runs; i++) {
        ps_session_fill_noise(s);
        ps_session_run_timed(s, ms);
        for (size_t k = 0; k < n; k++)
            if (!i || ms[k] < least[k]) least[k] = ms[k];
    }
    ps_free(ms);
    return POISE_OK;
}

static poise_status bench(const ps_args *a, const poise_model *m, double *ms, result *r)
{
    poise_session *s = NULL;
    PS_TRY(poise_session_open(m, &s));
    measure(s, a->runs, ms);
    r->peak_rss = peak_rss();
    poise_status status = POISE_OK;
    if (a->layers) status = measure_nodes(s, m, a->runs, r->nodes);
    if (a->layers && !status) status = ps_peaks_measure(m->kernels.name, m->kernels.name_bf16, m->kernels.name_u8, m->threads, &r->peaks);
    poise_session_close(s);
    if (status) return status;
    qsort(ms, (size_t)a->runs, sizeof *ms, ascending);
    r->min = ms[0];
    r->median = quantile(ms, a->runs, 0.5);
    r->p90 = quantile(ms, a->runs, 0.9);
    r->p99 = quantile(ms, a->runs, 0.99);
    poise_memory p;
    poise_model_memory(m, &p);
    r->plan_peak = (double)p.peak / 1048576;
    r->isa = m->kernels.name;
    r->precision = poise_precision_name(m->precision);
    r->runs = a->runs;
    return POISE_OK;
}

/* ---- output ---------------------------------------------------------------------------------------- */

static const char *const columns[] = {"model",     "precision", "isa",    "threads", "runs",        "min_ms",
                                      "median_ms", "p90_ms",    "p99_ms", "peak_rss_mb", "plan_peak_mb"};
enum { N_COLUMNS = sizeof columns / sizeof *columns };

static void json_row(ps_json *j, const poise_model *m, const result *r)
{
    ps_json_object(j, NULL);
    ps_json_text(j, "model", r->model);
    ps_json_text(j, "precision", poise_precision_name(m->precision));
    ps_json_text(j, "kernels", m->precision_text);
    ps_json_text(j, "isa", r->isa);
    ps_json_int(j, "threads", r->threads);
    ps_json_int(j, "runs", r->runs);
    ps_json_number(j, "min_ms", r->min, 6);
    ps_json_number(j, "median_ms", r->median, 6);
    ps_json_number(j, "p90_ms", r->p90, 6);
    ps_json_number(j, "p99_ms", r->p99, 6);
    ps_json_number(j, "peak_rss_mb", r->peak_rss, 5);
    ps_json_number(j, "plan_peak_mb", r->plan_peak, 5);
    if (r->nodes) ps_roofline_json(j, m, &r->peaks, r->nodes);
    ps_json_end(j);
}

static void table_head(bool csv)
{
    for (int i = 0; i < N_COLUMNS; i++) printf("%s%s", csv ? (i ? "," : "") : (i ? " | " : "| "), columns[i]);
    puts(csv ? "" : " |");
    for (int i = 0; !csv && i < N_COLUMNS; i++) printf("|%s", i < 3 ? "---" : "--:");
    if (!csv) puts("|");
}

static void table_row(const result *r, bool csv)
{
    const char *c = csv ? "," : " | ";
    printf("%s%s%s%s%s%s%s%d%s%d%s%.3f%s%.3f%s%.3f%s%.3f%s%.1f%s%.1f%s\n", csv ? "" : "| ", r->model, c, r->precision, c, r->isa,
           c, r->threads, c, r->runs, c, r->min, c, r->median, c, r->p90, c, r->p99, c, r->peak_rss, c, r->plan_peak,
           csv ? "" : " |");
}

static bool is(const ps_args *a, const char *format)
{
    return a->format && !strcmp(a->format, format);
}

/* One row of the table or the JSON array that `json` writes.  The head comes with the first, so that a model that
 * does not open prints none. */
static poise_status row(const ps_args *a, int threads, bool first, double *ms, ps_json *json)
{
    poise_model *m = NULL;
    result r = {.model = ps_cli_base(a->words.v[0]), .threads = threads};
    PS_TRY(ps_cli_open(a, threads, &m));
    r.threads = m->threads;
    if (a->layers) r.nodes = ps_alloc_array((size_t)m->graph.n_nodes + 1, sizeof *r.nodes);
    poise_status s = a->layers && !r.nodes ? ps_fail(POISE_NO_MEMORY, "no memory for the times of nodes")
                                           : bench(a, m, ms, &r);
    if (!s && is(a, "json")) {
        if (first) ps_json_array(json, NULL);
        json_row(json, m, &r);
    } else if (!s) {
        if (first) table_head(is(a, "csv"));
        table_row(&r, is(a, "csv"));
        if (!is(a, "csv") && m->precision != POISE_EXACT) ps_cli_note(a, "%s\n", m->precision_text);
        if (a->layers) (is(a, "csv") ? ps_roofline_csv : ps_roofline_table)(m, &r.peaks, r.nodes);
    }
    ps_free(r.nodes);
    poise_model_close(m);
    return s;
}

static poise_status sweep(const ps_args *a, double *ms)
{
    ps_json j = ps_json_begin(stdout);
    poise_status s = POISE_OK;
    for (int i = 0; i < a->sweep.n && !s; i++) s = row(a, a->sweep.v[i], i == 0, ms, &j);
    if (j.depth) ps_json_end(&j), putchar('\n');
    return s;
}

int ps_cmd_bench(const ps_args *a)
{
    if (a->tune) return ps_cli_fail(ps_bench_tune(a));
    double *ms = ps_alloc_array((size_t)a->runs, sizeof *ms);
    int code = ps_cli_fail(ms ? sweep(a, ms) : ps_fail(POISE_NO_MEMORY, "no memory for %d times", a->runs));
    ps_free(ms);
    return code;
}
