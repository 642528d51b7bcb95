/* ops/c/bf16_c.c - conversions from and to bfloat16, from the template. */
#include "ops/c/isa_c.h"

#include "ops/tmpl/bf16.inc"
