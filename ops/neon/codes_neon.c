/* ops/neon/codes_neon.c - rows of codes, from the template. */
#include "ops/neon/isa_neon.h"
#include "ops/vec/bytes_neon.h"

#include "ops/tmpl/codes.inc"
