/* convert/unsigned_codes.h - one type of codes inside a graph. */
#ifndef PS_CONVERT_UNSIGNED_CODES_H
#define PS_CONVERT_UNSIGNED_CODES_H

#include "nn/graph.h"

/* Computed and constant quantised values of i8 become u8 with a zero point 128 higher: the same numbers, for integer
 * operators that know u8 only.  Inputs and outputs of the graph keep their type, with a `quantize` behind or before. */
poise_status ps_unsigned_codes(ps_graph *g);

#endif
