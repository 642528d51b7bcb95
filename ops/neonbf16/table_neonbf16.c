/* ops/neonbf16/table_neonbf16.c - the neonbf16 table: products of bfloat16 (ARMv8.6-A BF16); what is missing is inherited. */
#include "ops/neonbf16/isa_neonbf16.h"

const ps_kernels ps_kernels_neonbf16 = {
    .gemm_bf16 = ps_gemm_bf16_neonbf16,
    .bf16_from_f32 = ps_bf16_from_f32_neonbf16,
    PS_TILES_OF(neonbf16),
    .name = "neonbf16",
};
