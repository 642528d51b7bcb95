/* tests/fuzz/fuzz.h - what fuzz targets share: running whatever a parser accepted, within bounds. */
#ifndef PS_TESTS_FUZZ_H
#define PS_TESTS_FUZZ_H

#include "nn/session.h"

/* One input for the target; always returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Opens a .poise file in memory and, if it is small enough to be quick, runs it on zeros. */
static inline void fuzz_run_model(const void *bytes, size_t size)
{
    enum { ARENA = 8 << 20 };
    poise_model *m;
    poise_session *s;
    poise_options o = {.threads = 1, .max_memory = 2 * ARENA};
    uint64_t macs = 0;
    if (poise_model_open_memory(bytes, size, &o, &m) != POISE_OK) return;
    for (int32_t i = 0; i < m->graph.n_nodes; i++) macs += ps_node_macs(&m->graph, &m->graph.nodes[i]);
    if (m->plan.arena_bytes <= ARENA && macs < 20000000 && m->graph.n_nodes < 300 && poise_session_open(m, &s) == POISE_OK) {
        poise_session_run(s);
        for (int i = 0; i < poise_model_outputs(m); i++) poise_session_output(s, i);
        poise_session_close(s);
    }
    poise_model_close(m);
}

#endif
