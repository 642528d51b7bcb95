/* ops/amx/table_amx.c - the amx table; what is missing is inherited. */
#include "ops/amx/isa_amx.h"

const ps_kernels ps_kernels_amx = {
    .gemm_bf16 = ps_gemm_bf16_amx,
    .gemm_u8 = ps_gemm_u8_amx,
    .bf16_from_f32 = ps_bf16_from_f32_amx,
    PS_TILES_OF(amx),
    .name = "amx",
};
