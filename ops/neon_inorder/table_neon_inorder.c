/* ops/neon_inorder/table_neon_inorder.c - the neon_inorder table: NEON for cores that issue instructions in the order of the
 * program (Cortex-A35, A53, A55, A510); what is missing is inherited. */
#include "ops/neon_inorder/isa_neon_inorder.h"

const ps_kernels ps_kernels_neon_inorder = {
    .gemm_f32 = ps_gemm_f32_neon_inorder,
    PS_TILES_OF(neon_inorder),
    .name = "neon_inorder",
};
