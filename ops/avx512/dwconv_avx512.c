/* ops/avx512/dwconv_avx512.c - depthwise convolution, from the template. */
#include "ops/avx512/isa_avx512.h"
#include "ops/vec/vec_avx512.h"

#include "ops/tmpl/dwconv.inc"
