/* ops/avx2/dwconv_u8_avx2.c - depthwise convolution of bytes, from the template. */
#include "ops/avx2/isa_avx2.h"
#include "ops/vec/bytes_avx2.h"
#include "ops/vec/pairs.h"

#include "ops/tmpl/dwconv_u8.inc"
