/* ops/avx2/dwconv_avx2.c - depthwise convolution, from the template. */
#include "ops/avx2/isa_avx2.h"
#include "ops/vec/vec_avx2.h"

#include "ops/tmpl/dwconv.inc"
