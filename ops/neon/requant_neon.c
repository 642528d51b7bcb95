/* ops/neon/requant_neon.c - what becomes of sums of integers, from the template. */
#include "ops/neon/isa_neon.h"
#include "ops/unroll.h"
#include "ops/vec/codes_neon.h"

#include "ops/tmpl/requant.inc"
