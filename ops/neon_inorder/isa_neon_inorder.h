/* ops/neon_inorder/isa_neon_inorder.h - names of the neon_inorder kernels. */
#ifndef PS_OPS_NEON_INORDER_ISA_NEON_INORDER_H
#define PS_OPS_NEON_INORDER_ISA_NEON_INORDER_H

#define PS_ISA neon_inorder
#define ps_finish_neon_inorder ps_finish_neon /* nothing in epilogues is scheduled by hand */
#include "ops/slots.h"

enum { PS_NEON_INORDER_MR = PS_F32_MR_neon_inorder, PS_NEON_INORDER_NR = PS_F32_NR_neon_inorder }; /* tile of gemm_f32 */

#endif
