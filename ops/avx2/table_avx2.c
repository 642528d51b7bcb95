/* ops/avx2/table_avx2.c - the avx2 table; what is missing is inherited. */
#include "ops/avx2/isa_avx2.h"

const ps_kernels ps_kernels_avx2 = {
    .gemm_f32 = ps_gemm_f32_avx2,
    .dwconv_f32 = ps_dwconv_f32_avx2,
    .epilogue_f32 = ps_epilogue_f32_avx2,
    .act_f32 = ps_act_f32_avx2,
    .add_f32 = ps_add_f32_avx2,
    .sub_f32 = ps_sub_f32_avx2,
    .mul_f32 = ps_mul_f32_avx2,
    .div_f32 = ps_div_f32_avx2,
    .max_f32 = ps_max_f32_avx2,
    .min_f32 = ps_min_f32_avx2,
    .exp_f32 = ps_exp_f32_avx2,
    .affine_f32 = ps_affine_f32_avx2,
    .softmax_f32 = ps_softmax_f32_avx2,
    .layernorm_f32 = ps_layernorm_f32_avx2,
    .sum_f32 = ps_sum_f32_avx2,
    .top_f32 = ps_top_f32_avx2,
    .accumulate_f32 = ps_accumulate_f32_avx2,
    .maxpool_f32 = ps_maxpool_f32_avx2,
    .lerp4_f32 = ps_lerp4_f32_avx2,
    .transpose_f32 = ps_transpose_f32_avx2,
    .pixels_f32 = ps_pixels_f32_avx2,
    .gemm_f32_tile = {PS_AVX2_MR, PS_AVX2_NR},
    .name = "avx2",
};
