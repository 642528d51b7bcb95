/* ops/amx/gemm_amx.c - matrix products of bfloat16 and of bytes in tiles, from the template. */
#include "ops/amx/isa_amx.h"
#include "ops/vec/tile_amx.h"

#include "ops/tmpl/gemm_amx.inc"
