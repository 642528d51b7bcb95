/* ops/sse4/winograd_sse4.c - Winograd transforms, from the template. */
#include "ops/sse4/isa_sse4.h"
#include "ops/vec/vec_sse4.h"

#include "ops/tmpl/winograd.inc"
#include "ops/tmpl/winograd_s2.inc"
