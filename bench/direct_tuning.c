/* bench/direct_tuning.c - writes a tuning file in which no convolution is computed by Winograd's algorithm, for this machine.
 *
 *   direct_tuning MODEL.poise FILE
 *
 * `poise bench --tuning=FILE` then multiplies as often as the network asks for, which makes ratios between instruction sets
 * ratios of their kernels. */
#include "nn/session.h"
#include "nn/tuning.h"
#include "runtime/file.h"

#include <stdio.h>
#include <string.h>

static bool is(const ps_choice *c, const char *way)
{
    return c->name && !strcmp(c->name, way) && !c->weaker;
}

/* The number of a node's choice of that name, or -1. */
static int number_of(const poise_model *m, int32_t node, const ps_call *call, const char *way, ps_choice *c)
{
    for (int i = 0; ps_choice_at(m, &m->graph.nodes[node], call, i, c); i++)
        if (is(c, way)) return i;
    return -1;
}

/* Kinds of nodes that the rule gives to Winograd, each once. */
static poise_status collect(const poise_model *m, const ps_call *calls, ps_tuning *t)
{
    t->nodes = ps_alloc_array((size_t)m->graph.n_nodes + 1, sizeof *t->nodes);
    PS_REQUIRE(t->nodes, POISE_NO_MEMORY, "no memory for %d nodes", m->graph.n_nodes);
    for (int32_t i = 0; i < m->graph.n_nodes; i++) {
        ps_choice c;
        if (m->plan.skip[i] || !is(&m->choices[i], "winograd4") || number_of(m, i, &calls[i], "direct", &c) < 0) continue;
        uint64_t signature = ps_node_signature(&m->graph.nodes[i], &calls[i]);
        bool known = false;
        for (int32_t k = 0; k < t->n; k++) known |= t->nodes[k].node == signature;
        if (known) continue;
        ps_tuned *node = &t->nodes[t->n++];
        node->node = signature;
        ps_choice_text(m, &c, node->way);
    }
    ps_tuning_sort(t);
    return POISE_OK;
}

static poise_status write_tuning(const ps_tuning *t, const char *path)
{
    void *bytes;
    size_t size;
    const char **what = ps_alloc_array((size_t)t->n + 1, sizeof *what);
    PS_REQUIRE(what, POISE_NO_MEMORY, "no memory for %d remarks", t->n);
    for (int32_t i = 0; i < t->n; i++) what[i] = "instead of winograd4";
    poise_status s = ps_tuning_write(t, what, &bytes, &size);
    ps_free(what);
    if (s != POISE_OK) return s;
    s = ps_file_write(path, bytes, size);
    ps_free(bytes);
    return s;
}

static poise_status run(const char *model, const char *file)
{
    poise_options o = {.threads = 1, .tuning = "none"};
    poise_model *m = NULL;
    poise_session *s = NULL;
    PS_TRY(poise_model_open(model, &o, &m));
    poise_status status = poise_session_open(m, &s);
    if (status == POISE_OK) {
        ps_tuning t = ps_tuning_here(m, s->calls);
        status = collect(m, s->calls, &t);
        if (status == POISE_OK) status = write_tuning(&t, file);
        ps_tuning_free(&t);
        poise_session_close(s);
    }
    poise_model_close(m);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: direct_tuning MODEL.poise FILE\n");
        return 2;
    }
    if (run(argv[1], argv[2]) == POISE_OK) return 0;
    fprintf(stderr, "direct_tuning: %s\n", poise_error_text());
    return 1;
}
