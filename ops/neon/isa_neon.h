/* ops/neon/isa_neon.h - names of the neon kernels. */
#ifndef PS_OPS_NEON_ISA_NEON_H
#define PS_OPS_NEON_ISA_NEON_H

#define PS_ISA neon
#include "ops/slots.h"

/* The tile of ps_gemm_f32_neon: ARMv7 has half the registers. */
#ifdef __aarch64__
enum { PS_NEON_MR = 8, PS_NEON_NR = 8 };
#else
enum { PS_NEON_MR = 4, PS_NEON_NR = 8 };
#endif

#endif
