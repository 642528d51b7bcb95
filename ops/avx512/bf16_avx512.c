/* ops/avx512/bf16_avx512.c - conversions from and to bfloat16, from the template. */
#include "ops/avx512/isa_avx512.h"

#include "ops/tmpl/bf16.inc"
