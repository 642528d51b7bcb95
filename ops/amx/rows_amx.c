/* ops/amx/rows_amx.c - the epilogues of the matrix product, with AVX-512. */
#include "ops/amx/isa_amx.h"
#include "ops/vec/half_avx512.h"

#include "ops/tmpl/math.inc"
#include "ops/tmpl/finish.inc"
#include "ops/tmpl/finish_half.inc"
#include "ops/tmpl/narrow.inc"
