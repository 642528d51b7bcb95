/* nn/session.c - builds sessions in one block and runs them. */
#include "nn/session.h"

#include "runtime/clock.h"

#include <string.h>

/* The parts of a session in its block, in order; with a base of NULL only measured. */
typedef struct layout {
    poise_session *s;
    poise_tensor *tensors, *outputs;
    const poise_tensor **links;
    ps_call *calls;
    int32_t *live;
    uint8_t *activations, *scratch, *masks;
} layout;

static void lay_out(const poise_model *m, ps_arena *a, layout *l)
{
    const ps_graph *g = &m->graph;
    l->s = ps_arena_push(a, sizeof *l->s);
    l->tensors = ps_arena_push(a, (size_t)g->n_values * sizeof *l->tensors);
    l->outputs = ps_arena_push(a, (size_t)g->n_outputs * sizeof *l->outputs);
    l->links = ps_arena_push(a, ps_model_links(m) * sizeof *l->links);
    l->calls = ps_arena_push(a, (size_t)g->n_nodes * sizeof *l->calls);
    l->live = ps_arena_push(a, (size_t)g->n_nodes * sizeof *l->live);
    l->activations = ps_arena_push(a, m->plan.arena_bytes);
    l->scratch = ps_arena_push(a, m->scratch_bytes);
    l->masks = ps_arena_push(a, m->gate.bytes);
}

size_t poise_session_size(const poise_model *m)
{
    ps_arena a = {0};
    layout l;
    lay_out(m, &a, &l);
    return ps_round_up(a.used, PS_ALIGN);
}

static void point_tensors(const poise_model *m, const layout *l)
{
    for (int32_t v = 0; v < m->graph.n_values; v++) {
        const ps_place *p = &m->plan.places[v];
        l->tensors[v] = p->tensor;
        if (p->block >= 0)
            l->tensors[v].data = l->activations + m->plan.blocks[p->block].offset +
                                 p->offset * (ptrdiff_t)poise_type_size(p->tensor.type);
    }
}

poise_status poise_session_init(const poise_model *m, void *memory, size_t size, poise_session **out)
{
    PS_REQUIRE(m && memory && out, POISE_BAD_ARGUMENT, "poise_session_init: a pointer is NULL");
    PS_REQUIRE((size_t)memory % PS_ALIGN == 0, POISE_BAD_ARGUMENT, "poise_session_init: memory is not aligned to %d", PS_ALIGN);
    PS_REQUIRE(m->packed, POISE_BAD_ARGUMENT, "the model was opened to plan only");
    size_t need = poise_session_size(m);
    PS_REQUIRE(size >= need, POISE_NO_MEMORY, "poise_session_init: a session takes %zu bytes, given %zu", need, size);
    ps_arena a = {.base = memory, .cap = size};
    layout l;
    lay_out(m, &a, &l);
    *l.s = (poise_session){.model = m, .tensors = l.tensors, .calls = l.calls, .live = l.live, .outputs = l.outputs,
                           .masks = l.masks, .marked = -1};
    point_tensors(m, &l);
    ps_model_calls(m, l.tensors, l.links, l.calls);
    for (int32_t i = 0; i < m->graph.n_nodes; i++) {
        l.calls[i].scratch = l.scratch;
        l.calls[i].live = &l.live[i];
        l.live[i] = 0;
    }
    *out = l.s;
    return POISE_OK;
}

poise_status poise_session_open(const poise_model *m, poise_session **out)
{
    PS_REQUIRE(m && out, POISE_BAD_ARGUMENT, "poise_session_open: a pointer is NULL");
    size_t size = poise_session_size(m);
    void *memory = ps_alloc(size);
    PS_REQUIRE(memory, POISE_NO_MEMORY, "no memory for a session of %zu bytes", size);
    poise_status s = poise_session_init(m, memory, size, out);
    if (s == POISE_OK) (*out)->own = memory;
    else ps_free(memory);
    return s;
}

void poise_session_close(poise_session *s)
{
    if (!s) return;
    if (s->user_free) s->user_free(s->user);
    s->user_free = NULL;
    ps_free(s->own);
}

const poise_tensor *poise_session_input(poise_session *s, int i)
{
    const ps_graph *g = &s->model->graph;
    return i < 0 || i >= g->n_inputs ? NULL : &s->tensors[g->inputs[i]];
}

const poise_tensor *poise_session_output(poise_session *s, int i)
{
    const ps_graph *g = &s->model->graph;
    if (i < 0 || i >= g->n_outputs) return NULL;
    const ps_value *v = &g->values[g->outputs[i]];
    s->outputs[i] = s->tensors[g->outputs[i]];
    if (v->live >= 0) s->outputs[i].dim[v->live_axis] = s->live[v->live];
    return &s->outputs[i];
}

static ps_caller begin(const poise_model *m)
{
    return ps_caller_begin(ps_crew_cpus(&m->crew, m->threads));
}

void poise_session_run(poise_session *s)
{
    const poise_model *m = s->model;
    ps_caller caller = begin(m);
    for (int32_t i = 0; i < m->graph.n_nodes; i++)
        if (!m->plan.skip[i]) m->graph.nodes[i].op->run(&s->calls[i]);
    ps_caller_end(caller);
    s->marked = -1;
}

void ps_session_run_gated(poise_session *s, float logit)
{
    const poise_model *m = s->model;
    if (!m->gate.n_nodes) {
        poise_session_run(s);
        return;
    }
    ps_caller caller = begin(m);
    s->marked = 0;
    for (int32_t i = 0; i < m->graph.n_nodes; i++) {
        if (!m->plan.skip[i]) m->graph.nodes[i].op->run(&s->calls[i]);
        s->marked += ps_gate_mark(&m->gate, &m->graph, i, logit, s->tensors, s->masks, s->calls);
    }
    ps_gate_clear(&m->gate, s->calls);
    ps_caller_end(caller);
}

void ps_session_run_watched(poise_session *s, void (*after)(void *ctx, int32_t node), void *ctx)
{
    const poise_model *m = s->model;
    ps_caller caller = begin(m);
    for (int32_t i = 0; i < m->graph.n_nodes; i++) {
        if (!m->plan.skip[i]) m->graph.nodes[i].op->run(&s->calls[i]);
        after(ctx, i);
    }
    ps_caller_end(caller);
    s->marked = -1;
}

void ps_session_run_timed(poise_session *s, double *ms)
{
    const poise_model *m = s->model;
    ps_caller caller = begin(m);
    for (int32_t i = 0; i < m->graph.n_nodes; i++) {
        double t = ps_clock_ms();
        if (!m->plan.skip[i]) m->graph.nodes[i].op->run(&s->calls[i]);
        ms[i] = ps_clock_ms() - t;
    }
    ps_caller_end(caller);
}

static float noise(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (float)(*seed >> 8) / 16777216.0f;
}

void ps_session_fill_noise(poise_session *s)
{
    uint32_t seed = 1;
    for (int i = 0; i < s->model->graph.n_inputs; i++) {
        const poise_tensor *t = poise_session_input(s, i);
        size_t n = poise_tensor_count(t);
        if (t->type != POISE_F32) memset(t->data, 0, n * poise_type_size(t->type));
        else
            for (size_t k = 0; k < n; k++) ((float *)t->data)[k] = noise(&seed);
    }
}
