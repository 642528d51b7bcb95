/* ops/avx2/bf16_avx2.c - conversions from and to bfloat16, from the template. */
#include "ops/avx2/isa_avx2.h"

#include "ops/tmpl/bf16.inc"
