/* app/bench_tune.c - poise bench --tune: what every node is best computed by on this machine. */
#include "app/bench_tune.h"

#include "app/cli.h"
#include "convert/tune_file.h"

#include <stdlib.h>

static int by_gain(const void *a, const void *b)
{
    const ps_tune_kind *const *x = a, *const *y = b;
    double gx = (*x)->before - (*x)->after, gy = (*y)->before - (*y)->after;
    return (gx < gy) - (gx > gy);
}

static double percent(double before, double after)
{
    return before > 0 ? 100 * (before - after) / before : 0;
}

/* The kinds of nodes that changed, largest gain first. */
static poise_status print_kinds(const ps_tuned_model *t)
{
    const ps_tune_kind **changed = ps_alloc_array((size_t)t->n + 1, sizeof *changed);
    PS_REQUIRE(changed, POISE_NO_MEMORY, "no memory for a table of %d kinds of nodes", t->n);
    size_t n = 0;
    for (int32_t i = 0; i < t->n; i++)
        if (t->kinds[i].best) changed[n++] = &t->kinds[i];
    qsort(changed, n, sizeof *changed, by_gain);
    if (n) printf(" nodes  by rule                fastest                 ms before  ms after  less\n");
    for (size_t i = 0; i < n; i++) {
        char what[PS_KIND_TEXT];
        const ps_tune_kind *k = changed[i];
        printf(" %5d  %-21s  %-21s  %10.4f %9.4f %4.0f%%  %s\n", k->count, k->rule, k->way, k->before, k->after,
               percent(k->before, k->after), ps_tune_describe(t, k, what));
    }
    ps_free(changed);
    return POISE_OK;
}

static poise_status tune(const ps_args *a, int threads)
{
    PS_REQUIRE(threads > 0, POISE_BAD_ARGUMENT, "--tune needs a number of threads, not auto");
    ps_tuned_model t;
    char written[PS_PATH_TEXT], before[PS_BYTES_TEXT], after[PS_BYTES_TEXT];
    poise_convert_options co = ps_cli_convert_options(a);
    poise_options o;
    PS_TRY(ps_cli_options(a, threads, &o));
    PS_TRY(ps_tune_file(a->words.v[0], &co, &o, a->runs, &t));
    poise_status s = ps_cli_check_size(a, t.model);
    if (s == POISE_OK) s = print_kinds(&t);
    if (s == POISE_OK) s = ps_tune_save(&t, a->tuning, written, sizeof written);
    if (s == POISE_OK && t.dropped)
        printf("%d nodes have a way that is faster by itself, but the network with them is not (%.3f -> %.3f ms): by rule\n",
               t.dropped, t.total.before_ms, t.dropped_ms);
    if (s == POISE_OK)
        printf("%s, %d thread%s, %s: %d of %d nodes changed, %.3f -> %.3f ms (%.1f %% less), peak %s -> %s\n%s\n",
               ps_cli_base(a->words.v[0]), threads, threads == 1 ? "" : "s", t.model->kernels.name, t.total.changed,
               t.total.nodes, t.total.before_ms, t.total.after_ms, percent(t.total.before_ms, t.total.after_ms),
               ps_cli_bytes(t.total.before_bytes, before), ps_cli_bytes(t.total.after_bytes, after), written);
    ps_tune_free(&t);
    return s;
}

poise_status ps_bench_tune(const ps_args *a)
{
    PS_REQUIRE(!a->tuning || a->sweep.n == 1, POISE_BAD_ARGUMENT,
               "--tune with %d numbers of threads writes as many files: leave --tuning out", a->sweep.n);
    PS_REQUIRE(!a->format, POISE_BAD_ARGUMENT, "--tune prints a table; the file to write is that of --tuning");
    for (int i = 0; i < a->sweep.n; i++) PS_TRY(tune(a, a->sweep.v[i]));
    return POISE_OK;
}
