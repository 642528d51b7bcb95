/* ops/avx2/rows_avx2.c - everything that works on rows of elements, from the templates. */
#include "ops/avx2/isa_avx2.h"
#include "ops/vec/vec_avx2.h"

#include "ops/tmpl/math.inc"
#include "ops/tmpl/act.inc"
#include "ops/tmpl/arith.inc"
#include "ops/tmpl/reduce.inc"
#include "ops/tmpl/pool.inc"
