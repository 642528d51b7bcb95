/* models/nms.h - greedy non-maximum suppression. */
#ifndef PS_MODELS_NMS_H
#define PS_MODELS_NMS_H

#include "models/decode.h"

/* Intersection over union of two boxes; areas without the +1 of pixel counting.  0 when either is empty. */
float ps_iou(const ps_candidate *a, const ps_candidate *b);

/* Keeps, among n candidates sorted best first, each that overlaps no kept one of its class (of any class when
 * agnostic) by more than `iou`; stops at `most`.  They move to the front; gives their number.  The result
 * depends only on the order: equal scores are decided by it. */
int32_t ps_nms(ps_candidate *c, int32_t n, float iou, bool agnostic, int32_t most);

#endif
