/* ops/avx512bf16/rows_avx512bf16.c - what works on rows of bfloat16, and the epilogues of the matrix product. */
#include "ops/avx512bf16/isa_avx512bf16.h"
#include "ops/vec/half_avx512.h"

#include "ops/tmpl/math.inc"
#include "ops/tmpl/finish.inc"
#include "ops/tmpl/finish_half.inc"
#include "ops/tmpl/narrow.inc"
