/* ops/avx512/table_avx512.c - the avx512 table; what is missing is inherited. */
#include "ops/avx512/isa_avx512.h"

const ps_kernels ps_kernels_avx512 = {
    .gemm_f32 = ps_gemm_f32_avx512,
    .dwconv_f32 = ps_dwconv_f32_avx512,
    .epilogue_f32 = ps_epilogue_f32_avx512,
    .act_f32 = ps_act_f32_avx512,
    .add_f32 = ps_add_f32_avx512,
    .sub_f32 = ps_sub_f32_avx512,
    .mul_f32 = ps_mul_f32_avx512,
    .div_f32 = ps_div_f32_avx512,
    .max_f32 = ps_max_f32_avx512,
    .min_f32 = ps_min_f32_avx512,
    .exp_f32 = ps_exp_f32_avx512,
    .affine_f32 = ps_affine_f32_avx512,
    .softmax_f32 = ps_softmax_f32_avx512,
    .layernorm_f32 = ps_layernorm_f32_avx512,
    .sum_f32 = ps_sum_f32_avx512,
    .top_f32 = ps_top_f32_avx512,
    .accumulate_f32 = ps_accumulate_f32_avx512,
    .maxpool_f32 = ps_maxpool_f32_avx512,
    .lerp4_f32 = ps_lerp4_f32_avx512,
    .winograd_in_f32 = ps_winograd_in_f32_avx512,
    .winograd_out_f32 = ps_winograd_out_f32_avx512,
    .gemm_f32_tile = {PS_AVX512_MR, PS_AVX512_NR},
    .name = "avx512",
};
