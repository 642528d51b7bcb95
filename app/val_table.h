/* app/val_table.h - what `poise val` prints: accuracy of one network, or of several side by side. */
#ifndef PS_APP_VAL_TABLE_H
#define PS_APP_VAL_TABLE_H

#include "app/val_map.h"
#include "app/val_pck.h"

typedef struct ps_val_row {
    const char *model;
    const char *precision; /* "exact", "fast", ... */
    char kernels[160];     /* and what it ran on */
    bool boxes, poses, classes; /* what applies */
    ps_precision box, pose;
    ps_pck pck; /* where poses apply */
    double top1, top5;
    int images, people; /* people: shown one by one, 0 where whole pictures were */
    double ms, mb;      /* of inference for a picture or a person; of memory by plan */
    double agreement;   /* 0..1, with the first network; -1 = not compared */
} ps_val_row;

/* One network: a sentence and its numbers; several: one line each. */
void ps_val_print(const ps_val_row *row, int n, const char *dataset);
/* One object; of several an array. */
void ps_val_print_json(const ps_val_row *row, int n);

/* How much two networks agree on pictures: objects above 0.25 that both found, of one class and with IoU or OKS of at
 * least one half, as a share of all of both.  -1 when neither found any. */
double ps_val_agreement(const ps_guess *a, int n_a, const ps_guess *b, int n_b, const ps_similarity *by, int n_keypoints);

#endif
