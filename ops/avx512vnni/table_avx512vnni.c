/* ops/avx512vnni/table_avx512vnni.c - the avx512vnni table; what is missing is inherited. */
#include "ops/avx512vnni/isa_avx512vnni.h"

const ps_kernels ps_kernels_avx512vnni = {
    .gemm_u8 = ps_gemm_u8_avx512vnni,
    .dwconv_u8 = ps_dwconv_u8_avx512vnni,
    .gemm_s16 = ps_gemm_s16_avx512vnni,
    .winograd_out_s32 = ps_winograd_out_s32_avx512vnni,
    PS_TILES_OF(avx512vnni),
    .name = "avx512vnni",
};
