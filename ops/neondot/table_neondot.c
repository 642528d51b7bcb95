/* ops/neondot/table_neondot.c - the neondot table: dot products of bytes (ARMv8.2-A DotProd); what is missing is inherited. */
#include "ops/neondot/isa_neondot.h"

const ps_kernels ps_kernels_neondot = {
    .gemm_u8 = ps_gemm_u8_neondot,
    PS_TILES_OF(neondot),
    .name = "neondot",
};
