/* ops/avx512/isa_avx512.h - names of the avx512 kernels. */
#ifndef PS_OPS_AVX512_ISA_AVX512_H
#define PS_OPS_AVX512_ISA_AVX512_H

#define PS_ISA avx512
#include "ops/slots.h"

enum { PS_AVX512_MR = PS_F32_MR_avx512, PS_AVX512_NR = PS_F32_NR_avx512 }; /* tile of ps_gemm_f32_avx512 */

ps_gemm_f32_fn ps_gemm_f32_half_avx512; /* n <= 8 */

#endif
