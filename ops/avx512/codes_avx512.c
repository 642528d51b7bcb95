/* ops/avx512/codes_avx512.c - rows of codes, from the template. */
#include "ops/avx512/isa_avx512.h"
#include "ops/vec/bytes_avx512.h"

#include "ops/tmpl/codes.inc"
