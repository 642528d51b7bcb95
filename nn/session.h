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
    void *own;             /* the block, when the session opened it itself */

    /* What a layer above keeps with a session; user_free is called by poise_session_close. */
    void *user;
    void (*user_free)(void *user);
};

/* As poise_session_run, and stores each node's time (n_nodes entries). */
void ps_session_run_timed(poise_session *s, double *ms);

#endif
