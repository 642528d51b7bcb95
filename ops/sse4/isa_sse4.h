/* ops/sse4/isa_sse4.h - names of the sse4 kernels. */
#ifndef PS_OPS_SSE4_ISA_SSE4_H
#define PS_OPS_SSE4_ISA_SSE4_H

#define PS_ISA sse4
#include "ops/slots.h"

enum { PS_SSE4_MR = PS_F32_MR_sse4, PS_SSE4_NR = PS_F32_NR_sse4 }; /* tile of ps_gemm_f32_sse4 */

#endif
