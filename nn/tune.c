/* nn/tune.c - finds the fastest way of computing every node of a network by trying all of them.
 *
 * The model is opened as the rules say, and again for every number of a choice: in lane k each node takes its choice k, in a
 * session's real memory and with real neighbours.  The two run in turns, each twice in a row so that its own weights are
 * back in the caches, and every node's least times count: whatever slows the machine down meanwhile slows both down.
 * The rule's choice keeps its place unless another wins by MARGIN.  In the end the tuned network has to beat the untuned
 * one as a whole, because a way that is faster by itself may leave the caches worse off. */
#include "nn/tune.h"

#include "nn/session.h"
#include "runtime/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARGIN 0.03 /* least times of 30 runs repeat within 1 to 2 % on a quiet machine */
enum { MOST_WAYS = 32, IN_A_ROW = 2, DEFAULT_RUNS = 30 };

typedef struct lane {
    poise_model *m;
    poise_session *s;
} lane;

typedef struct job {
    const void *bytes;
    size_t size;
    poise_options o;
    int rounds, ways;
    lane lanes[2];           /* by rule; in another way */
    double *ms, *least[2];   /* per node; of each lane */
    ps_tuned_model *out;
} job;

static void close_lane(lane *l)
{
    poise_session_close(l->s);
    poise_model_close(l->m);
    *l = (lane){0};
}

static poise_status open_lane(const job *j, const ps_tuning *t, lane *l)
{
    PS_TRY(ps_model_open_tuned(j->bytes, j->size, &j->o, t, &l->m));
    return poise_session_open(l->m, &l->s);
}

static int count_ways(const poise_model *m, const ps_call *calls)
{
    int most = 1;
    ps_choice c;
    for (int32_t i = 0; i < m->graph.n_nodes; i++)
        for (int k = most; k < MOST_WAYS && !m->plan.skip[i] && ps_choice_at(m, &m->graph.nodes[i], &calls[i], k, &c); k++)
            most = k + 1;
    return most;
}

/* ---- kinds ---- */

static int by_signature(const void *a, const void *b)
{
    const ps_tune_kind *x = a, *y = b;
    if (x->node != y->node) return x->node > y->node ? 1 : -1;
    return (x->first > y->first) - (x->first < y->first);
}

/* Nodes that have a choice, those of one signature together. */
static poise_status find_kinds(job *j)
{
    ps_tuned_model *out = j->out;
    const poise_model *m = j->lanes[0].m;
    const ps_call *calls = j->lanes[0].s->calls;
    ps_choice c;
    out->kinds = ps_alloc_array((size_t)m->graph.n_nodes + 1, sizeof *out->kinds);
    PS_REQUIRE(out->kinds, POISE_NO_MEMORY, "no memory to tune %d nodes", m->graph.n_nodes);
    int32_t n = 0;
    for (int32_t i = 0; i < m->graph.n_nodes; i++) {
        const ps_node *node = &m->graph.nodes[i];
        if (m->plan.skip[i]) continue;
        out->total.nodes++;
        if (!ps_choice_at(m, node, &calls[i], 1, &c)) continue;
        ps_tune_kind *k = &out->kinds[n++];
        *k = (ps_tune_kind){.node = ps_node_signature(node, &calls[i]), .first = i, .count = 1};
        ps_choice_text(m, &m->choices[i], k->rule);
        memcpy(k->way, k->rule, sizeof k->way);
    }
    qsort(out->kinds, (size_t)n, sizeof *out->kinds, by_signature);
    for (int32_t i = 0; i < n; i++)
        if (out->n && out->kinds[out->n - 1].node == out->kinds[i].node) out->kinds[out->n - 1].count++;
        else out->kinds[out->n++] = out->kinds[i];
    return POISE_OK;
}

/* The tuning of lane k (k > 0), or with k = 0 that of what was found to be best. */
static poise_status make_tuning(const job *j, int k, ps_tuning *t)
{
    const ps_tuned_model *out = j->out;
    const poise_model *m = j->lanes[0].m;
    const ps_call *calls = j->lanes[0].s->calls;
    *t = ps_tuning_here(m, calls);
    t->nodes = ps_alloc_array((size_t)out->n + 1, sizeof *t->nodes);
    PS_REQUIRE(t->nodes, POISE_NO_MEMORY, "no memory for a tuning of %d kinds of nodes", out->n);
    for (int32_t i = 0; i < out->n; i++) {
        const ps_tune_kind *kind = &out->kinds[i];
        ps_choice c;
        int want = k ? k : kind->best;
        if (!want || !ps_choice_at(m, &m->graph.nodes[kind->first], &calls[kind->first], want, &c)) continue;
        ps_tuned *node = &t->nodes[t->n++];
        node->node = kind->node;
        ps_choice_text(m, &c, node->way);
    }
    ps_tuning_sort(t);
    return POISE_OK;
}

/* ---- measuring ---- */

static void measure_nodes(job *j)
{
    int32_t n = j->lanes[0].m->graph.n_nodes;
    for (int r = -1; r < j->rounds; r++) /* the first round only warms up */
        for (int k = 0; k < 2 * IN_A_ROW; k++) {
            int l = k / IN_A_ROW;
            ps_session_fill_noise(j->lanes[l].s);
            ps_session_run_timed(j->lanes[l].s, j->ms);
            for (int32_t i = 0; i < n; i++)
                if (r < 0 || j->ms[i] < j->least[l][i]) j->least[l][i] = j->ms[i];
        }
}

/* Times of all nodes of the kind in a lane. */
static double kind_ms(const job *j, const ps_tune_kind *kind, int l)
{
    const poise_model *m = j->lanes[0].m;
    const ps_call *calls = j->lanes[0].s->calls;
    double ms = 0;
    for (int32_t i = kind->first; i < m->graph.n_nodes; i++)
        if (!m->plan.skip[i] && m->graph.nodes[i].op == m->graph.nodes[kind->first].op &&
            ps_node_signature(&m->graph.nodes[i], &calls[i]) == kind->node)
            ms += j->least[l][i];
    return ms;
}

/* Compares choice k, which is in the second lane, with the rule's; what was best so far was measured against the
 * rule's at another time, so that ratios are compared. */
static void decide(const job *j, ps_tune_kind *kind, int k)
{
    const poise_model *m = j->lanes[0].m;
    ps_choice c;
    if (!ps_choice_at(m, &m->graph.nodes[kind->first], &j->lanes[0].s->calls[kind->first], k, &c)) return;
    double before = kind_ms(j, kind, 0), after = kind_ms(j, kind, 1);
    if (k == 1) kind->before = kind->after = before;
    double best = kind->best ? kind->after / kind->before : 1 - MARGIN;
    if (after >= best * before) return;
    kind->before = before;
    kind->after = after;
    kind->best = k;
    ps_choice_text(m, &c, kind->way);
}

static poise_status try_choice(job *j, int k)
{
    ps_tuning t;
    poise_status s = make_tuning(j, k, &t);
    if (s == POISE_OK) s = open_lane(j, &t, &j->lanes[1]);
    ps_tuning_free(&t);
    if (s == POISE_OK) {
        measure_nodes(j);
        for (int32_t i = 0; i < j->out->n; i++) decide(j, &j->out->kinds[i], k);
    }
    close_lane(&j->lanes[1]);
    return s;
}

static double run_ms(poise_session *s)
{
    ps_session_fill_noise(s);
    double from = ps_clock_ms();
    poise_session_run(s);
    return ps_clock_ms() - from;
}

/* Whole runs by rule and tuned in turns. */
static void measure_total(const job *j, const lane *tuned)
{
    poise_tuned *t = &j->out->total;
    for (int r = -1; r < j->rounds; r++)
        for (int k = 0; k < 2 * IN_A_ROW; k++) {
            double ms = run_ms(k < IN_A_ROW ? j->lanes[0].s : tuned->s), *least = k < IN_A_ROW ? &t->before_ms : &t->after_ms;
            if ((r < 0 && k % IN_A_ROW == 0) || ms < *least) *least = ms;
        }
}

static void forget_choices(ps_tuned_model *out)
{
    for (int32_t i = 0; i < out->n; i++) {
        ps_tune_kind *k = &out->kinds[i];
        if (k->best) out->dropped += k->count;
        k->best = 0;
        k->after = k->before;
        memcpy(k->way, k->rule, sizeof k->way);
    }
    out->tuning.n = 0;
    out->dropped_ms = out->total.after_ms;
    out->total.after_ms = out->total.before_ms;
    out->total.after_bytes = out->total.before_bytes;
}

static size_t peak_of(const poise_model *m)
{
    poise_memory need;
    poise_model_memory(m, &need);
    return need.peak;
}

static poise_status confirm(job *j)
{
    ps_tuned_model *out = j->out;
    lane tuned = {0};
    PS_TRY(make_tuning(j, 0, &out->tuning));
    poise_status s = open_lane(j, &out->tuning, &tuned);
    if (s == POISE_OK) {
        measure_total(j, &tuned);
        out->total.before_bytes = peak_of(j->lanes[0].m);
        out->total.after_bytes = peak_of(tuned.m);
    }
    close_lane(&tuned);
    if (s != POISE_OK) return s;
    if (!out->tuning.n || out->total.after_ms >= out->total.before_ms) forget_choices(out);
    for (int32_t i = 0; i < out->n; i++)
        if (out->kinds[i].best) out->total.changed += out->kinds[i].count;
    return POISE_OK;
}

static poise_status tune(job *j)
{
    PS_TRY(open_lane(j, NULL, &j->lanes[0]));
    const poise_model *m = j->lanes[0].m;
    j->ways = j->out->ways = count_ways(m, j->lanes[0].s->calls);
    PS_TRY(find_kinds(j));
    size_t n = (size_t)m->graph.n_nodes + 1;
    j->ms = ps_alloc_array(n, sizeof *j->ms);
    for (int l = 0; l < 2; l++) j->least[l] = ps_alloc_array(n, sizeof *j->least[l]);
    PS_REQUIRE(j->ms && j->least[0] && j->least[1], POISE_NO_MEMORY, "no memory for the times of %zu nodes", n);
    for (int k = 1; k < j->ways; k++) PS_TRY(try_choice(j, k));
    return confirm(j);
}

poise_status ps_tune(const void *bytes, size_t size, const poise_options *o, int runs, ps_tuned_model *out)
{
    *out = (ps_tuned_model){0};
    job j = {.bytes = bytes, .size = size, .out = out};
    if (o) j.o = *o;
    j.o.tuning = "none";
    j.rounds = ((runs > 0 ? runs : DEFAULT_RUNS) + IN_A_ROW - 1) / IN_A_ROW;
    poise_status s = tune(&j);
    out->model = j.lanes[0].m;
    j.lanes[0].m = NULL;
    close_lane(&j.lanes[0]);
    ps_free(j.ms);
    for (int l = 0; l < 2; l++) ps_free(j.least[l]);
    if (s != POISE_OK) ps_tune_free(out);
    return s;
}

void ps_tune_free(ps_tuned_model *t)
{
    poise_model_close(t->model);
    ps_free(t->kinds);
    ps_tuning_free(&t->tuning);
    ps_free(t->bytes);
    ps_file_unmap(&t->file);
    *t = (ps_tuned_model){0};
}

/* ---- telling ---- */

const char *ps_tune_describe(const ps_tuned_model *t, const ps_tune_kind *kind, char buf[PS_KIND_TEXT])
{
    const ps_graph *g = &t->model->graph;
    const ps_node *n = &g->nodes[kind->first];
    const ps_value *x = n->in[0] < 0 ? NULL : &g->values[n->in[0]], *y = n->out[0] < 0 ? NULL : &g->values[n->out[0]];
    char what[64] = "", in[PS_SHAPE_TEXT] = "", out[PS_SHAPE_TEXT] = "";
    if (n->op->describe) n->op->describe(n->params, what, sizeof what);
    if (x) ps_shape_text(x->rank, x->dim, in);
    if (y) ps_shape_text(y->rank, y->dim, out);
    snprintf(buf, PS_KIND_TEXT, "%s %s %s to %s", n->op->name, what, in, out);
    return buf;
}

static poise_status save_text(const ps_tuned_model *t, const char *path)
{
    enum { REMARK = PS_KIND_TEXT + 48 };
    char *remarks = ps_alloc_array((size_t)t->tuning.n + 1, REMARK), kind[PS_KIND_TEXT];
    const char **what = ps_alloc_array((size_t)t->tuning.n + 1, sizeof *what);
    void *bytes = NULL;
    size_t size = 0;
    poise_status s = remarks && what ? POISE_OK : ps_fail(POISE_NO_MEMORY, "no memory for a tuning file");
    for (int32_t i = 0, k = 0; s == POISE_OK && k < t->tuning.n; i++) { /* both are in the order of signatures */
        if (!t->kinds[i].best) continue;
        what[k] = remarks + (size_t)k * REMARK;
        snprintf(remarks + (size_t)k++ * REMARK, REMARK, "%s x%d: %.4f -> %.4f ms", ps_tune_describe(t, &t->kinds[i], kind),
                 t->kinds[i].count, t->kinds[i].before, t->kinds[i].after);
    }
    if (s == POISE_OK) s = ps_tuning_write(&t->tuning, what, &bytes, &size);
    if (s == POISE_OK) s = ps_file_write(path, bytes, size);
    ps_free(bytes);
    ps_free(what);
    ps_free(remarks);
    return s;
}

poise_status ps_tune_save(const ps_tuned_model *t, const char *path, char *written, size_t size)
{
    if (path) {
        int n = snprintf(written, size, "%s", path);
        PS_REQUIRE(n >= 0 && (size_t)n < size, POISE_IO, "%s: the path is too long", path);
    } else {
        PS_TRY(ps_tuning_cache_path(&t->tuning, true, written, size));
    }
    return save_text(t, written);
}
