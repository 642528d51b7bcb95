/* ops/neonfp16/table_neonfp16.c - the neonfp16 table: products of IEEE halves (ARMv8.2-A FP16); what is missing is inherited. */
#include "ops/neonfp16/isa_neonfp16.h"

const ps_kernels ps_kernels_neonfp16 = {
    .gemm_f16 = ps_gemm_f16_neonfp16,
    PS_TILES_OF(neonfp16),
    .name = "neonfp16",
};
