/* ops/neon/bf16_neon.c - conversions from and to bfloat16, from the template. */
#include "ops/neon/isa_neon.h"

#include "ops/tmpl/bf16.inc"
