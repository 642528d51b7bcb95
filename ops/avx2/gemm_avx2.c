/* ops/avx2/gemm_avx2.c - matrix product, from the template. */
#include "ops/avx2/isa_avx2.h"
#include "ops/vec/vec_avx2.h"

enum { GEMM_MR = PS_AVX2_MR, GEMM_NR = PS_AVX2_NR };
#define GEMM_EACH(X) X(1) X(2) X(3) X(4) X(5) X(6)
#include "ops/tmpl/gemm.inc"
