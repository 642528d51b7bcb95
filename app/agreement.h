/* app/agreement.h - how much two networks agree about the same pictures. */
#ifndef PS_APP_AGREEMENT_H
#define PS_APP_AGREEMENT_H

#include "app/calib.h"
#include "models/detector.h"

typedef struct ps_agreement {
    int pictures;
    int found, matched;  /* objects of both that pass the threshold, and those that the other sees too, of the same class */
    double iou;          /* mean overlap of the matched ones */
    double keypoints;    /* mean distance of keypoints that the first is sure of, in shares of the object's size; -1: none */
    int same_top;        /* classifiers: pictures with the same best class */
    double score;        /* 0..1: matched objects, equal best classes, or keypoints that stayed within a tenth */
} ps_agreement;

/* Shows both, which are the same network, up to `most` pictures. */
poise_status ps_agreement_measure(ps_detector *a, ps_detector *b, const ps_calib *c, int most,
                                  void (*progress)(void *ctx, int done, int total), void *ctx, ps_agreement *out);

#endif
