/* ops/avx512bf16/table_avx512bf16.c - the avx512bf16 table; what is missing is inherited. */
#include "ops/avx512bf16/isa_avx512bf16.h"

const ps_kernels ps_kernels_avx512bf16 = {
    .gemm_bf16 = ps_gemm_bf16_avx512bf16,
    .bf16_from_f32 = ps_bf16_from_f32_avx512bf16,
    PS_TILES_OF(avx512bf16),
    .name = "avx512bf16",
};
