/* ops/neon/winograd_neon.c - Winograd transforms, from the template. */
#include "ops/neon/isa_neon.h"
#include "ops/vec/vec_neon.h"

#include "ops/tmpl/winograd.inc"
#include "ops/tmpl/winograd_s2.inc"
