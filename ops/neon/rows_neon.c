/* ops/neon/rows_neon.c - everything that works on rows of elements, from the templates. */
#include "ops/neon/isa_neon.h"
#include "ops/vec/vec_neon.h"

#include "ops/tmpl/math.inc"
#include "ops/tmpl/act.inc"
#include "ops/tmpl/arith.inc"
#include "ops/tmpl/reduce.inc"
#include "ops/tmpl/pool.inc"
