/* ops/amx/rows_amx.c - the epilogues of the matrix products, with AVX-512. */
#include "ops/amx/isa_amx.h"
#include "ops/unroll.h"
#include "ops/vec/codes_avx512.h"
#include "ops/vec/half_avx512.h"

#include "ops/tmpl/math.inc"
#include "ops/tmpl/finish.inc"
#include "ops/tmpl/finish_half.inc"
#include "ops/tmpl/narrow.inc"
#include "ops/tmpl/requant.inc"
