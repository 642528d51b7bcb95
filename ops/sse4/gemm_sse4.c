/* ops/sse4/gemm_sse4.c - matrix product, from the template. */
#include "ops/sse4/isa_sse4.h"
#include "ops/vec/vec_sse4.h"

enum { GEMM_MR = PS_SSE4_MR, GEMM_NR = PS_SSE4_NR };
#define GEMM_EACH(X) X(1) X(2) X(3) X(4)
#include "ops/tmpl/gemm.inc"
