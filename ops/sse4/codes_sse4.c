/* ops/sse4/codes_sse4.c - rows of codes, from the template. */
#include "ops/sse4/isa_sse4.h"
#include "ops/vec/bytes_sse4.h"

#include "ops/tmpl/codes.inc"
