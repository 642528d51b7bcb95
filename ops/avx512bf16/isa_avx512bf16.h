/* ops/avx512bf16/isa_avx512bf16.h - names of the avx512bf16 kernels. */
#ifndef PS_OPS_AVX512BF16_ISA_AVX512BF16_H
#define PS_OPS_AVX512BF16_ISA_AVX512BF16_H

#define PS_ISA avx512bf16
#include "ops/slots.h"

enum { PS_AVX512BF16_MR = PS_BF16_MR_avx512bf16, PS_AVX512BF16_NR = PS_BF16_NR_avx512bf16 }; /* tile of ps_gemm_bf16_avx512bf16 */

#endif
