/* ops/neon/isa_neon.h - names of the neon kernels. */
#ifndef PS_OPS_NEON_ISA_NEON_H
#define PS_OPS_NEON_ISA_NEON_H

#define PS_ISA neon
#include "ops/slots.h"

enum { PS_NEON_MR = PS_F32_MR_neon, PS_NEON_NR = PS_F32_NR_neon }; /* tile of ps_gemm_f32_neon */

#endif
