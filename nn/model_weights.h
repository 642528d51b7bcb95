/* nn/model_weights.h - weights of a model that is being opened: what has to be packed, what the file has ready, what memory
 * that takes, and packing. */
#ifndef PS_NN_MODEL_WEIGHTS_H
#define PS_NN_MODEL_WEIGHTS_H

#include "nn/model.h"

typedef struct ps_packing {
    size_t bytes;
    int32_t node;
} ps_packing;

/* A constant that moved. */
typedef struct ps_weights_move {
    const uint8_t *from;
    size_t bytes;
    uint8_t *to;
} ps_weights_move;

/* Working state of open: calls over tensors without memory. */
typedef struct ps_opening {
    poise_model *m;
    poise_tensor *tensors;
    const poise_tensor **links;
    ps_call *calls;
    size_t *at;         /* per node: offset of its packed weights, SIZE_MAX = none */
    const void **ready; /* per node: its packed weights in the file, or NULL */
    bool *kept;         /* per value: a constant that somebody reads in place */
    int32_t *packer;    /* per value: the last node that packs it */
    ps_packing *order;  /* nodes with packed weights, in the order of packing */
    int32_t n_order;
    ps_weights_move *moves; /* room for every value */
} ps_opening;

/* Finds out what is packed and what stays as it is, and counts the bytes of both; refuses a file that has its weights only as
 * they are of no use here. */
poise_status ps_weights_measure(ps_opening *w);
poise_status ps_weights_pack(ps_opening *w);
/* When all is done, or has failed: the model's bytes go, of a mapped file or of its own, but for what is used of them. */
void ps_weights_release(const poise_model *m, const uint8_t *bytes, size_t size);

/* Of the account (ps_alloc_size): the block of weights; what is used where it is, in a file's pages or in memory of the caller;
 * the most that packing takes beside the tables. */
size_t ps_weights_taken(const poise_model *m);
size_t ps_weights_in_place(const poise_model *m);
size_t ps_weights_while_packing(const ps_opening *w);

#endif
