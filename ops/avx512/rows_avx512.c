/* ops/avx512/rows_avx512.c - everything that works on rows of elements, from the templates. */
#include "ops/avx512/isa_avx512.h"
#include "ops/vec/vec_avx512.h"

#include "ops/tmpl/math.inc"
#include "ops/tmpl/act.inc"
#include "ops/tmpl/arith.inc"
#include "ops/tmpl/reduce.inc"
#include "ops/tmpl/pool.inc"
