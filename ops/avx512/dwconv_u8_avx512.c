/* ops/avx512/dwconv_u8_avx512.c - depthwise convolution of bytes, from the template. */
#include "ops/avx512/isa_avx512.h"
#include "ops/vec/bytes_avx512.h"
#include "ops/vec/pairs.h"

#include "ops/tmpl/dwconv_u8.inc"
