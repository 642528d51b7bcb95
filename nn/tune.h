/* nn/tune.h - finds the fastest way of computing every node of a network by trying all of them. */
#ifndef PS_NN_TUNE_H
#define PS_NN_TUNE_H

#include "nn/tuning.h"

/* Nodes of one signature. */
typedef struct ps_tune_kind {
    uint64_t node;
    int32_t first, count;   /* a node of them, and how many there are */
    int best;               /* number of the fastest choice, 0 = the rule's */
    char rule[PS_CHOICE_TEXT], way[PS_CHOICE_TEXT]; /* that choice, and the fastest */
    double before, after;   /* ms of all of them together, computed by rule and in the fastest way */
} ps_tune_kind;

typedef struct ps_tuned_model {
    poise_model *model;  /* as opened by rule: for names and shapes of nodes */
    ps_tune_kind *kinds; /* those with several ways; n */
    int32_t n;
    int ways;            /* most that any node has */
    ps_tuning tuning;    /* of the kinds that are to be computed in another way than by rule */
    poise_tuned total;
    int dropped;         /* nodes with a way that was faster by itself, while the network with all those was not */
    double dropped_ms;   /* that network's time */
    void *bytes;         /* of the file, if they are to be freed */
    ps_file file;        /* or unmapped */
} ps_tuned_model;

/* Tunes the model in `bytes` (a .poise file, 64-byte aligned), which have to live as long as the result; o->tuning is
 * not used. */
poise_status ps_tune(const void *bytes, size_t size, const poise_options *o, int runs, ps_tuned_model *out);
void ps_tune_free(ps_tuned_model *t);
/* Writes the tuning file: `path`, or NULL for the cache; `written` (size bytes) is told where. */
poise_status ps_tune_save(const ps_tuned_model *t, const char *path, char *written, size_t size);
/* One line about a kind for people: "conv 3x3 s1 p1 silu 1x64x80x80 to 1x64x80x80". */
enum { PS_KIND_TEXT = 160 };
const char *ps_tune_describe(const ps_tuned_model *t, const ps_tune_kind *kind, char buf[PS_KIND_TEXT]);

#endif
