/* ops/amx/gemm_amx.c - matrix product of bfloat16 in tiles, from the template. */
#include "ops/amx/isa_amx.h"
#include "ops/vec/tile_amx.h"

#include "ops/tmpl/gemm_amx.inc"
