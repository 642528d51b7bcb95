/* ops/neon/shuffle_neon.c - transposition and pixels, from the template. */
#include "ops/neon/isa_neon.h"
#include "ops/vec/vec_neon.h"

#include "ops/tmpl/shuffle.inc"
