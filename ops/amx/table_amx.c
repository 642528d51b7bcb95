/* ops/amx/table_amx.c - the amx table; what is missing is inherited. */
#include "ops/amx/isa_amx.h"

const ps_kernels ps_kernels_amx = {
    .gemm_bf16 = ps_gemm_bf16_amx,
    .gemm_u8 = ps_gemm_u8_amx,
    .bf16_from_f32 = ps_bf16_from_f32_amx,
    .gemm_bf16_tile = {32, 32},
    .gemm_u8_tile = {32, 32},
    .fast = PS_FAST_BF16 | PS_FAST_BF16X3,
    .name = "amx",
};
