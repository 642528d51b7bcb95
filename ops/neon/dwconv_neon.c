/* ops/neon/dwconv_neon.c - depthwise convolution, from the template. */
#include "ops/neon/isa_neon.h"
#include "ops/vec/vec_neon.h"

#include "ops/tmpl/dwconv.inc"
