/* app/val_map.h - average precision as COCO defines it, over boxes or keypoints. */
#ifndef PS_APP_VAL_MAP_H
#define PS_APP_VAL_MAP_H

#include "runtime/status.h"

#include <stdbool.h>

typedef struct ps_guess ps_guess;

/* What is really there. */
typedef struct ps_truth {
    int32_t image, class_id;
    float x1, y1, x2, y2;
    float area;             /* of the object itself, for OKS */
    bool crowd;             /* a region of many: any number of guesses may lie in it, and none counts */
    bool ignore;            /* must not be found, and is no mistake when it is */
    int32_t n_keypoints;    /* 0, or entries of keypoint */
    const poise_keypoint *keypoint; /* conf > 0 = labelled */
    const ps_guess *found;  /* what took it at the lowest threshold when guesses were last compared; NULL = nothing did */
} ps_truth;

/* What a network says. */
struct ps_guess {
    int32_t image, class_id;
    float score;
    float x1, y1, x2, y2;
    const poise_keypoint *keypoint; /* as many as the truth has; NULL for boxes */
};

typedef struct ps_precision {
    double ap;        /* mean over thresholds .50 .55 ... .95 and classes with truth; -1 when there is none */
    double ap50, ap75;
    double recall;    /* mean over the same of the highest recall */
    int classes;      /* that have truth */
} ps_precision;

/* How a guess and a truth are compared: IoU of boxes, or object keypoint similarity (OKS). */
typedef struct ps_similarity {
    bool keypoints;
    const double *sigma;
    int n_sigmas;
} ps_similarity;

/* 101-point interpolated average precision over the best `max_det` guesses of each image and class.
 * Sorts the truths, and tells each what found it. */
poise_status ps_precision_of(ps_truth *t, int n_truth, const ps_guess *g, int n_guess,
                             int max_det, const ps_similarity *by, ps_precision *out);

/* How much a guess and a truth agree, 0..1. */
double ps_truth_iou(const ps_guess *g, const ps_truth *t);
double ps_truth_oks(const ps_guess *g, const ps_truth *t, const ps_similarity *by);

#endif
