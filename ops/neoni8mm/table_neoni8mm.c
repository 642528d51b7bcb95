/* ops/neoni8mm/table_neoni8mm.c - the neoni8mm table: matrix products of bytes (ARMv8.6-A I8MM); what is missing is inherited. */
#include "ops/neoni8mm/isa_neoni8mm.h"

const ps_kernels ps_kernels_neoni8mm = {
    .gemm_u8 = ps_gemm_u8_neoni8mm,
    PS_TILES_OF(neoni8mm),
    .name = "neoni8mm",
};
