/* ops/avx2/winograd_avx2.c - Winograd transforms, from the template. */
#include "ops/avx2/isa_avx2.h"
#include "ops/vec/vec_avx2.h"

#include "ops/tmpl/winograd.inc"
#include "ops/tmpl/winograd_s2.inc"
