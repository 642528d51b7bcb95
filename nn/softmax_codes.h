/* nn/softmax_codes.h - softmax of quantised numbers, in whole numbers. */
#ifndef PS_NN_SOFTMAX_CODES_H
#define PS_NN_SOFTMAX_CODES_H

#include "nn/op.h"

/* Softmax along `axis` of quantised x, to y: quantised or f32.  y may be x where it has x's type.  Exponentials come from
 * a table of 256, in 1/2^24 of the largest, so that sums are whole numbers and the same in any order. */
void ps_softmax_codes(const ps_call *c, int32_t axis);

#endif
