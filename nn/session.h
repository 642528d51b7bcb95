/* nn/session.h - one block of memory in which a model runs. */
#ifndef PS_NN_SESSION_H
#define PS_NN_SESSION_H

#include "nn/model.h"

struct poise_session {
    const poise_model *model;
    poise_tensor *tensors; /* per value */
    ps_call *calls;        /* per node */
    int32_t *live;         /* per node: true size of its data-dependent dimension */
    poise_tensor *outputs; /* as given to the caller */
    uint8_t *masks;        /* of the model's gate */
    int64_t marked;        /* cells that passed it in the last gated run, -1 after a run of everything */
    void *own;             /* the block, when the session opened it itself */

    /* What a layer above keeps with a session; user_free is called by poise_session_close. */
    void *user;
    void (*user_free)(void *user);
};

/* As poise_session_run, but boxes and keypoints (whatever model->gate holds) are computed only for cells of output 0
 * with a score whose logit is above `logit`: those are the same to the bit, others are undefined.  Everything is computed
 * where the model has no gate. */
void ps_session_run_gated(poise_session *s, float logit);
/* Inputs to time a network with: floats in [0, 1) as pixels have; integers 0, which any network takes for an index.
 * Inputs are dense in some order of their dimensions, and noise is noise in any order. */
void ps_session_fill_noise(poise_session *s);

/* As poise_session_run, and calls after(ctx, i) when node i has run, while its outputs are where the plan put them (they
 * may be read and changed in place).  Nodes that are views are not run, but told. */
void ps_session_run_watched(poise_session *s, void (*after)(void *ctx, int32_t node), void *ctx);

/* As poise_session_run, and stores each node's time (n_nodes entries). */
void ps_session_run_timed(poise_session *s, double *ms);

#endif
