/* ops/neonfp16/rows_neonfp16.c - the epilogues of the matrix product of halves. */
#include "ops/neonfp16/isa_neonfp16.h"
#include "ops/vec/half_neonfp16.h"

#include "ops/tmpl/math.inc"
#include "ops/tmpl/finish.inc"
#include "ops/tmpl/finish_half.inc"
