/* ops/avx2/codes_avx2.c - rows of codes, from the template. */
#include "ops/avx2/isa_avx2.h"
#include "ops/vec/bytes_avx2.h"

#include "ops/tmpl/codes.inc"
