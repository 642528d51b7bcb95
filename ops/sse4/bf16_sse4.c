/* ops/sse4/bf16_sse4.c - conversions from and to bfloat16, from the template. */
#include "ops/sse4/isa_sse4.h"

#include "ops/tmpl/bf16.inc"
