/* ops/neon/dwconv_u8_neon.c - depthwise convolution of bytes, from the template. */
#include "ops/neon/isa_neon.h"

#include "ops/tmpl/dwconv_u8_words.inc"
