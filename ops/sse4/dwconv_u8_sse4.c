/* ops/sse4/dwconv_u8_sse4.c - depthwise convolution of bytes, from the template. */
#include "ops/sse4/isa_sse4.h"
#include "ops/vec/bytes_sse4.h"
#include "ops/vec/pairs.h"

#include "ops/tmpl/dwconv_u8.inc"
