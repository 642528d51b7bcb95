/* ops/avx512/gemm_avx512.c - matrix product, from the template. */
#include "ops/avx512/isa_avx512.h"
#include "ops/vec/vec_avx512.h"

enum { GEMM_MR = PS_AVX512_MR, GEMM_NR = PS_AVX512_NR };
#define GEMM_EACH(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#define GEMM_HALF ps_gemm_f32_half_avx512
#include "ops/tmpl/gemm.inc"
