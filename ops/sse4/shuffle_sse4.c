/* ops/sse4/shuffle_sse4.c - transposition and pixels, from the template. */
#include "ops/sse4/isa_sse4.h"
#include "ops/vec/vec_sse4.h"

#include "ops/tmpl/shuffle.inc"
