/* ops/avx2/shuffle_avx2.c - transposition and pixels, from the template. */
#include "ops/avx2/isa_avx2.h"
#include "ops/vec/vec_avx2.h"

#include "ops/tmpl/shuffle.inc"
