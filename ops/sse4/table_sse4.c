/* ops/sse4/table_sse4.c - the sse4 table; what is missing is inherited. */
#include "ops/sse4/isa_sse4.h"

const ps_kernels ps_kernels_sse4 = {
    .gemm_f32 = ps_gemm_f32_sse4,
    .dwconv_f32 = ps_dwconv_f32_sse4,
    .epilogue_f32 = ps_epilogue_f32_sse4,
    .act_f32 = ps_act_f32_sse4,
    .add_f32 = ps_add_f32_sse4,
    .sub_f32 = ps_sub_f32_sse4,
    .mul_f32 = ps_mul_f32_sse4,
    .div_f32 = ps_div_f32_sse4,
    .max_f32 = ps_max_f32_sse4,
    .min_f32 = ps_min_f32_sse4,
    .exp_f32 = ps_exp_f32_sse4,
    .affine_f32 = ps_affine_f32_sse4,
    .softmax_f32 = ps_softmax_f32_sse4,
    .layernorm_f32 = ps_layernorm_f32_sse4,
    .sum_f32 = ps_sum_f32_sse4,
    .top_f32 = ps_top_f32_sse4,
    .accumulate_f32 = ps_accumulate_f32_sse4,
    .maxpool_f32 = ps_maxpool_f32_sse4,
    .lerp4_f32 = ps_lerp4_f32_sse4,
    .transpose_f32 = ps_transpose_f32_sse4,
    .pixels_f32 = ps_pixels_f32_sse4,
    .gemm_f32_tile = {PS_SSE4_MR, PS_SSE4_NR},
    .name = "sse4",
};
