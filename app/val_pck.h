/* app/val_pck.h - PCK, the share of keypoints that lie where they should, of 17 joints in COCO's order. */
#ifndef PS_APP_VAL_PCK_H
#define PS_APP_VAL_PCK_H

#include "app/val_map.h"

/* A joint is right when it lies within 0.2 torsos of the labelled one.  A torso is the distance from the left shoulder to the
 * right hip; where one of them has no label, from the right shoulder to the left hip; who has neither is not judged, nor is a
 * crowd or who is to be ignored. */
typedef struct ps_pck {
    double share;       /* of all labelled joints of those who are judged, with those of people who were not found as wrong */
    double found_share; /* of the joints of those who were found; both -1 where there is none */
    int people, found;  /* judged, and those of them whom a guess took */
} ps_pck;

/* After ps_precision_of over boxes, which says who was found: at an IoU of one half. */
ps_pck ps_pck_of(const ps_truth *t, int n_truth);

#endif
