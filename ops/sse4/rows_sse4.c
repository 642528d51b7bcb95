/* ops/sse4/rows_sse4.c - everything that works on rows of elements, from the templates. */
#include "ops/sse4/isa_sse4.h"
#include "ops/vec/vec_sse4.h"

#include "ops/tmpl/math.inc"
#include "ops/tmpl/act.inc"
#include "ops/tmpl/arith.inc"
#include "ops/tmpl/reduce.inc"
#include "ops/tmpl/pool.inc"
