/* ops/c/table_c.c - the C reference table: every slot, on any machine. */
#include "ops/c/isa_c.h"

const ps_kernels ps_kernels_c = {
#define PS_SLOT(slot, ret, args) .slot = ps_##slot##_c,
#include "ops/kernels.def"
#undef PS_SLOT
    .gemm_f32_tile = {PS_C_MR, PS_C_NR},
    .gemm_bf16_tile = {PS_C_MR, PS_C_NR},
    .gemm_u8_tile = {PS_C_MR, PS_C_NR},
    .name = "c",
    .name_bf16 = "c",
    .name_u8 = "c",
};
