/* nn/tuning.h - tuning files: which way of computing each node was measured to be the fastest, and on which processor. */
#ifndef PS_NN_TUNING_H
#define PS_NN_TUNING_H

#include "nn/model.h"

enum { PS_TUNING_WORD = 64 };

/* One kind of node (nodes with equal signatures are computed alike) and its way: "winograd4", "direct@avx2". */
typedef struct ps_tuned {
    uint64_t node;
    char way[PS_CHOICE_TEXT];
} ps_tuned;

typedef struct ps_tuning {
    char version[PS_TUNING_WORD], cpu[PS_TUNING_WORD], isa[PS_TUNING_WORD], precision[PS_TUNING_WORD];
    int threads; /* it was measured with; not a condition */
    uint64_t network;
    ps_tuned *nodes; /* sorted; from ps_alloc */
    int32_t n;
} ps_tuning;

/* What a node is to the clock: a hash of its operator, parameters, and the types, shapes and strides of its tensors. */
uint64_t ps_node_signature(const ps_node *n, const ps_call *c);
/* Of all nodes in order: networks that differ in their weights alone share it. */
uint64_t ps_network_signature(const poise_model *m, const ps_call *calls);

/* A tuning without nodes for this model on this machine. */
ps_tuning ps_tuning_here(const poise_model *m, const ps_call *calls);
/* Brings nodes that were set into order. */
void ps_tuning_sort(ps_tuning *t);
void ps_tuning_free(ps_tuning *t);

/* The text of a tuning file; believes nothing.  Release with ps_tuning_free. */
poise_status ps_tuning_parse(const void *bytes, size_t size, ps_tuning *out);
/* The file's text, from ps_alloc; `what` [t->n]: a remark for people on each node. */
poise_status ps_tuning_write(const ps_tuning *t, const char *const *what, void **bytes, size_t *size);

/* Sets m->choices, which hold what the rules say.  Fails, changing nothing, when the tuning is of another machine or
 * network, or names a way that a node does not have. */
poise_status ps_tuning_apply(const ps_tuning *t, poise_model *m, const ps_call *calls);

/* As poise_model_open_memory, with this tuning (NULL: as `o` says). */
poise_status ps_model_open_tuned(const void *bytes, size_t size, const poise_options *o, const ps_tuning *t,
                                 poise_model **out);

/* nn/tuning_find.c: the tuning file named in `wanted` (poise_options.tuning) is applied, or the first that fits of those
 * that belong to a model at `path` (NULL: not from a file).  m->tuning tells which. */
poise_status ps_tuning_choose(poise_model *m, const ps_call *calls, const char *wanted, const char *path);
/* Where the tuning of a model is kept when nobody says where, with its directory made if `make`. */
poise_status ps_tuning_cache_path(const ps_tuning *t, bool make, char *buf, size_t size);

#endif
