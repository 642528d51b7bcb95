/* ops/avx2/isa_avx2.h - names of the avx2 kernels. */
#ifndef PS_OPS_AVX2_ISA_AVX2_H
#define PS_OPS_AVX2_ISA_AVX2_H

#define PS_ISA avx2
#include "ops/slots.h"

enum { PS_AVX2_MR = PS_F32_MR_avx2, PS_AVX2_NR = PS_F32_NR_avx2 }; /* tile of ps_gemm_f32_avx2 */

#endif
