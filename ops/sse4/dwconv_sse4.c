/* ops/sse4/dwconv_sse4.c - depthwise convolution, from the template. */
#include "ops/sse4/isa_sse4.h"
#include "ops/vec/vec_sse4.h"

#include "ops/tmpl/dwconv.inc"
