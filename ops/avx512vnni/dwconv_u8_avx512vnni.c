/* ops/avx512vnni/dwconv_u8_avx512vnni.c - depthwise convolution of bytes by vpdpbusd, from the template. */
#include "ops/avx512vnni/isa_avx512vnni.h"
#include "ops/vec/fours_avx512.h"

#include "ops/tmpl/dwconv_u8.inc"
