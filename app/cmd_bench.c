/* app/cmd_bench.c - poise bench: how fast a model runs on this machine. */
#include "app/account.h"
#include "app/bench_report.h"
#include "app/bench_soak.h"
#include "app/bench_times.h"
#include "app/bench_tune.h"
#include "app/cli.h"
#include "app/json.h"
#include "app/roofline.h"
#include "nn/half.h"
#include "nn/model.h"
#include "nn/session.h"
#include "nn/tuning.h"
#include "runtime/clock.h"
#include "runtime/process.h"
#include "runtime/sysfs.h"

#include <stdio.h>
#include <string.h>

enum { WARM_UP = 3 };

typedef struct result {
    const char *model, *isa, *precision;
    int threads, runs;
    uint64_t cpus;                /* that they are kept on; 0 = anywhere */
    uint64_t network;             /* its signature */
    double min, median, p90, p99; /* ms */
    double peak_rss;              /* MB of 2^20 bytes, so far: rows further down include those above */
    double plan_peak, memory;     /* of the plan; all that the account of poise info has */
    double *nodes;                /* ms, least of all runs; NULL without --layers and --report */
    ps_peaks peaks;               /* with them */
    ps_soak soak;                 /* n = 0 without --soak */
} result;

/* Where results go. */
typedef struct output {
    double *ms;       /* [runs], for times */
    ps_json json;     /* on stdout, with -o json */
    ps_report report; /* f = NULL without --report */
    bool some;        /* a row was written */
} output;

static bool is(const ps_args *a, const char *format)
{
    return a->format && !strcmp(a->format, format);
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

/* The peaks of the cores that the model runs on. */
static poise_status measure_peaks(const poise_model *m, uint64_t cpus, ps_peaks *p)
{
    uint64_t was = ps_cpus_pin(cpus);
    const char *half = ps_half_type(&m->kernels) == POISE_F16 ? m->kernels.name_f16 : m->kernels.name_bf16;
    poise_status s = ps_peaks_measure(m->kernels.name, half, m->kernels.name_u8, m->threads, p);
    ps_cpus_pin(was);
    return s;
}

static poise_status bench(const ps_args *a, const poise_model *m, double *ms, result *r)
{
    poise_session *s = NULL;
    PS_TRY(poise_session_open(m, &s));
    r->network = ps_network_signature(m, s->calls);
    r->cpus = ps_crew_cpus(&m->crew, m->threads);
    measure(s, a->runs, ms);
    r->peak_rss = (double)ps_process_most() / 1048576;
    poise_status status = POISE_OK;
    if (r->nodes) status = measure_nodes(s, m, a->runs, r->nodes);
    if (r->nodes && !status) status = measure_peaks(m, r->cpus, &r->peaks);
    if (a->soak && !status) status = ps_soak_run(s, "", r->cpus ? r->cpus : UINT64_MAX, a->soak, !a->format || is(a, "md"), &r->soak);
    poise_session_close(s);
    if (status) return status;
    ps_times_sort(ms, a->runs);
    r->min = ms[0];
    r->median = ps_times_quantile(ms, a->runs, 0.5);
    r->p90 = ps_times_quantile(ms, a->runs, 0.9);
    r->p99 = ps_times_quantile(ms, a->runs, 0.99);
    ps_account all;
    ps_account_of(a, m, &all);
    r->plan_peak = (double)all.plan.peak / 1048576;
    r->memory = (double)all.total / 1048576;
    r->isa = m->kernels.name;
    r->precision = poise_precision_name(m->precision);
    r->runs = a->runs;
    return POISE_OK;
}

/* ---- output ---------------------------------------------------------------------------------------- */

static const char *const columns[] = {"model",     "precision", "isa",    "threads", "runs",        "min_ms",
                                      "median_ms", "p90_ms",    "p99_ms", "peak_rss_mb", "plan_peak_mb",
                                      "memory_mb"};
enum { N_COLUMNS = sizeof columns / sizeof *columns };

static void json_times(ps_json *j, const poise_model *m, const result *r)
{
    char cpus[PS_CPU_LIST_TEXT];
    ps_json_text(j, "precision", r->precision);
    ps_json_text(j, "kernels", m->precision_text);
    ps_json_text(j, "isa", r->isa);
    ps_json_int(j, "threads", r->threads);
    if (r->cpus) ps_json_text(j, "cpus", ps_cpu_list_text(r->cpus, cpus));
    ps_json_int(j, "runs", r->runs);
    ps_json_number(j, "min_ms", r->min, 6);
    ps_json_number(j, "median_ms", r->median, 6);
    ps_json_number(j, "p90_ms", r->p90, 6);
    ps_json_number(j, "p99_ms", r->p99, 6);
    ps_json_number(j, "peak_rss_mb", r->peak_rss, 5);
    ps_json_number(j, "plan_peak_mb", r->plan_peak, 5);
    ps_json_number(j, "memory_mb", r->memory, 5);
    if (r->soak.n) ps_soak_json(j, &r->soak);
}

static void json_row(ps_json *j, const poise_model *m, const result *r)
{
    ps_json_object(j, NULL);
    ps_json_text(j, "model", r->model);
    json_times(j, m, r);
    if (r->nodes) ps_roofline_json(j, m, &r->peaks, r->nodes, true);
    ps_json_end(j);
}

/* The network by its size and shapes: we may know it, others need not. */
static void report_row(ps_json *j, const poise_model *m, const result *r)
{
    char text[PS_SHAPE_TEXT];
    uint64_t macs = 0;
    ps_json_object(j, NULL);
    snprintf(text, sizeof text, "%016llx", (unsigned long long)r->network);
    ps_json_text(j, "signature", text);
    ps_json_array(j, "inputs");
    for (int32_t i = 0; i < m->graph.n_inputs; i++) {
        const ps_value *v = &m->graph.values[m->graph.inputs[i]];
        ps_json_text(j, NULL, ps_shape_text(v->rank, v->dim, text));
    }
    ps_json_end(j);
    for (int32_t i = 0; i < m->graph.n_nodes; i++) macs += ps_node_macs(&m->graph, &m->graph.nodes[i]);
    ps_json_int(j, "nodes", m->graph.n_nodes);
    ps_json_number(j, "mmacs", (double)macs / 1e6, 6);
    json_times(j, m, r);
    ps_roofline_json(j, m, &r->peaks, r->nodes, false);
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
    printf("%s%s%s%s%s%s%s%d%s%d%s%.3f%s%.3f%s%.3f%s%.3f%s%.1f%s%.1f%s%.1f%s\n", csv ? "" : "| ", r->model, c, r->precision, c, r->isa,
           c, r->threads, c, r->runs, c, r->min, c, r->median, c, r->p90, c, r->p99, c, r->peak_rss, c, r->plan_peak,
           c, r->memory, csv ? "" : " |");
}

static void table(const ps_args *a, const poise_model *m, const result *r, bool first)
{
    bool csv = is(a, "csv");
    if (first) table_head(csv);
    table_row(r, csv);
    if (csv && r->soak.n) ps_soak_csv(&r->soak);
    if (!csv && m->precision != POISE_EXACT) ps_cli_note(a, "%s\n", m->precision_text);
    if (a->layers) (csv ? ps_roofline_csv : ps_roofline_table)(m, &r->peaks, r->nodes);
}

/* One row of the table or the JSON array.  The head comes with the first, so that a model that does not open prints
 * none. */
static poise_status row(const ps_args *a, int threads, output *o)
{
    poise_model *m = NULL;
    result r = {.model = ps_cli_base(a->words.v[0]), .threads = threads};
    PS_TRY(ps_cli_open(a, threads, &m));
    bool layers = a->layers || o->report.f;
    r.threads = m->threads;
    if (layers) r.nodes = ps_alloc_array((size_t)m->graph.n_nodes + 1, sizeof *r.nodes);
    poise_status s = layers && !r.nodes ? ps_fail(POISE_NO_MEMORY, "no memory for the times of nodes") : bench(a, m, o->ms, &r);
    if (!s && is(a, "json")) {
        if (!o->some) ps_json_array(&o->json, NULL);
        json_row(&o->json, m, &r);
    } else if (!s) {
        table(a, m, &r, !o->some);
    }
    if (!s && o->report.f) report_row(&o->report.json, m, &r);
    o->some = o->some || !s;
    ps_soak_free(&r.soak);
    ps_free(r.nodes);
    poise_model_close(m);
    return s;
}

static poise_status sweep(const ps_args *a, output *o)
{
    poise_status s = a->report ? ps_report_begin(&o->report, a) : POISE_OK;
    for (int k = 0; k < a->words.n; k++) {
        ps_args one = *a;
        one.words = (ps_texts){1, &a->words.v[k]};
        for (int i = 0; i < a->sweep.n && !s; i++) s = row(&one, a->sweep.v[i], o);
    }
    if (o->json.depth) ps_json_end(&o->json), putchar('\n');
    if (!s && a->report) s = ps_report_end(&o->report);
    if (!s && a->report)
        fprintf(a->format && !is(a, "md") ? stderr : stdout,
                "%s: this machine (cores, clocks, caches, memory, temperatures, kernels), and of each network its size, times and\n"
                "layers; no names of hosts, users, files or layers. docs/PORTING-A-BOARD.md describes it.\n",
                a->report);
    ps_report_drop(&o->report);
    return s;
}

static poise_status tune(const ps_args *a)
{
    PS_REQUIRE(!a->report && !a->soak, POISE_BAD_ARGUMENT, "--tune goes before --soak and --report, in a run of its own");
    PS_REQUIRE(!a->tuning || a->words.n == 1, POISE_BAD_ARGUMENT, "--tune of %d networks writes as many files: leave --tuning out",
               a->words.n);
    for (int k = 0; k < a->words.n; k++) {
        ps_args one = *a;
        one.words = (ps_texts){1, &a->words.v[k]};
        PS_TRY(ps_bench_tune(&one));
    }
    return POISE_OK;
}

int ps_cmd_bench(const ps_args *a)
{
    if (a->tune) return ps_cli_fail(tune(a));
    output o = {.ms = ps_alloc_array((size_t)a->runs, sizeof *o.ms), .json = ps_json_begin(stdout)};
    int code = ps_cli_fail(o.ms ? sweep(a, &o) : ps_fail(POISE_NO_MEMORY, "no memory for %d times", a->runs));
    ps_free(o.ms);
    return code;
}
