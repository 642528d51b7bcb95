/* ops/avx512/winograd_avx512.c - Winograd transforms, from the template. */
#include "ops/avx512/isa_avx512.h"
#include "ops/vec/vec_avx512.h"

#include "ops/tmpl/winograd.inc"
#include "ops/tmpl/winograd_s2.inc"
