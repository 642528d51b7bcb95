/* convert/optimize.c - the order of the rewriting passes, constant folding, and the tidy graph at the end. */
#include "convert/lower_int8.h"
#include "convert/optimize.h"
#include "convert/rewrite.h"

#include <stdio.h>
#include <string.h>

typedef poise_status ps_pass(ps_rewrite *w, ps_node *n);

static poise_status sweep(ps_rewrite *w, ps_pass *pass)
{
    for (int32_t i = 0; i < w->g->n_nodes; i++) {
        if (w->g->nodes[i].op) PS_TRY(pass(w, &w->g->nodes[i]));
        ps_rw_forget(w);
    }
    return POISE_OK;
}

/* Nodes whose outputs nobody reads, last first, so that one sweep is enough. */
static void remove_dead(ps_rewrite *w)
{
    for (int32_t i = w->g->n_nodes; i-- > 0;) {
        ps_node *n = &w->g->nodes[i];
        bool read = false;
        for (int32_t k = 0; k < n->n_out; k++) read = read || (n->out[k] >= 0 && w->uses[n->out[k]]);
        if (n->op && !read) ps_rw_kill(w, n);
    }
}

/* A node of constants becomes a constant, unless that would make the file much larger (Expand, Tile). */
static poise_status fold(ps_rewrite *w, ps_node *n)
{
    const ps_value *values = w->g->values;
    size_t from = 0, to = 0;
    for (int32_t k = 0; k < n->n_in; k++) {
        int32_t v = ps_rw_in(w, n, k);
        if (v >= 0 && !values[v].data) return POISE_OK;
        if (v >= 0) from += ps_value_bytes(&values[v]);
        n->in[k] = v;
    }
    for (int32_t k = 0; k < n->n_out; k++) {
        int32_t v = n->out[k];
        if (v < 0) continue;
        if (w->is_output[v] || values[v].live >= 0) return POISE_OK;
        to += ps_value_bytes(&values[v]);
    }
    int32_t node = (int32_t)(n - w->g->nodes);
    size_t most = from * (w->late ? 4 : 2) + ((size_t)1 << 16); /* codes become floats */
    if (!w->late && ps_graph_folds_late(w->g, node)) return POISE_OK;
    if (to > most || !ps_graph_is_quick(w->g, node) || !ps_rw_spend(w, to)) return POISE_OK;
    PS_TRY(ps_graph_fold(w->g, node));
    ps_rw_kill(w, n);
    ps_rw_did(w, PS_DID_CONSTANT);
    return POISE_OK;
}

static poise_status rewrite(ps_rewrite *w)
{
    enum { ROUNDS = 12 }; /* real networks settle after 3 or 4 */
    remove_dead(w);
    PS_TRY(sweep(w, ps_fuse_gather));
    PS_TRY(sweep(w, ps_fuse_shape));
    PS_TRY(ps_fuse_same(w));
    for (int round = 0; round < ROUNDS; round++) {
        w->changed = false;
        PS_TRY(sweep(w, fold));
        /* Chains are recognised before their constants can be drawn into neighbours. */
        PS_TRY(sweep(w, ps_fuse_activation));
        PS_TRY(sweep(w, ps_fuse_norm));
        PS_TRY(sweep(w, ps_fuse_shape));
        PS_TRY(sweep(w, ps_fuse_linear));
        PS_TRY(sweep(w, ps_fuse_epilogue));
        PS_TRY(sweep(w, ps_fuse_pad));
        PS_TRY(sweep(w, ps_fuse_soft_argmax));
        PS_TRY(sweep(w, ps_fuse_lookup));
        if (!w->changed) break;
    }
    PS_TRY(sweep(w, ps_fuse_upsample)); /* its convolutions take nothing more */
    PS_TRY(ps_fuse_same(w));
    remove_dead(w);
    return POISE_OK;
}

static poise_status report(const ps_rewrite *w)
{
    static const char *const name[PS_DID_COUNT] = {
        [PS_ACT_RELU] = "relu", [PS_ACT_CLIP] = "clip", [PS_ACT_LEAKY] = "leaky", [PS_ACT_SIGMOID] = "sigmoid",
        [PS_ACT_SILU] = "silu", [PS_ACT_HARDSIGMOID] = "hardsigmoid", [PS_ACT_HARDSWISH] = "hardswish",
        [PS_ACT_GELU] = "gelu", [PS_ACT_GELU_TANH] = "gelu_tanh", [PS_ACT_TANH] = "tanh", [PS_ACT_ELU] = "elu",
        [PS_ACT_MISH] = "mish", [PS_ACT_SOFTPLUS] = "softplus", [PS_DID_BATCH_NORM] = "batch_norm",
        [PS_DID_SCALE] = "scale", [PS_DID_BIAS] = "bias", [PS_DID_RESIDUAL] = "residual",
        [PS_DID_LAYER_NORM] = "layer_norm", [PS_DID_GROUP_NORM] = "group_norm", [PS_DID_PAD] = "pad",
        [PS_DID_TRANSPOSE] = "transpose", [PS_DID_RESHAPE] = "reshape", [PS_DID_CONCAT] = "concat", [PS_DID_SLICE] = "slice",
        [PS_DID_LOOKUP] = "lookup", [PS_DID_NO_OP] = "no_op", [PS_DID_SOFT_ARGMAX] = "soft_argmax", [PS_DID_UPSAMPLE] = "upsample", [PS_DID_SAME] = "same", [PS_DID_CONSTANT] = "constant",
    };
    char text[PS_DID_COUNT * 28] = "";
    size_t at = 0;
    for (int i = 0; i < PS_DID_COUNT; i++) {
        if (!w->did[i] || !name[i]) continue;
        int n = snprintf(text + at, sizeof text - at, "%s%s %d", at ? ", " : "", name[i], w->did[i]);
        at += (size_t)n;
    }
    return at ? ps_graph_set_meta(w->g, "optimizer", text) : POISE_OK;
}

/* One time through all passes; `did` is carried from one to the next. */
static poise_status all_passes(ps_graph *g, bool late, int32_t *did)
{
    ps_rewrite w;
    poise_status s = ps_rewrite_init(&w, g);
    w.late = late;
    memcpy(w.did, did, sizeof w.did);
    if (s == POISE_OK) s = rewrite(&w);
    if (s == POISE_OK) s = report(&w);
    if (s == POISE_OK) s = ps_rewrite_compact(&w);
    memcpy(did, w.did, sizeof w.did);
    ps_rewrite_free(&w);
    return s;
}

/* Floats around roundings are tidied first, so that integer operators see a convolution with its activation; what then
 * stays, a second time. */
poise_status ps_optimize(ps_graph *g)
{
    int32_t did[PS_DID_COUNT] = {0};
    bool rounds = false;
    for (int32_t i = 0; i < g->n_nodes; i++) rounds = rounds || g->nodes[i].op == &ps_op_quantize;
    PS_TRY(all_passes(g, !rounds, did));
    if (!rounds) return POISE_OK;
    PS_TRY(ps_lower_int8(g));
    PS_TRY(all_passes(g, true, did));
    return ps_note_int8(g);
}
