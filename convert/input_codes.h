/* convert/input_codes.h - pictures go into quantised networks as bytes. */
#ifndef PS_CONVERT_INPUT_CODES_H
#define PS_CONVERT_INPUT_CODES_H

#include "nn/graph.h"

/* An f32 input that holds a picture, [1,3 or 1,h,w] or [1,h,w,3 or 1], and that nodes read only to quantise it in one way,
 * becomes a quantised u8 input.  Records that the network counts in real numbers (metadata poise.input = "f32"), so that
 * pixels are still normalised. */
poise_status ps_input_codes(ps_graph *g);

#endif
