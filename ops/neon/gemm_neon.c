/* ops/neon/gemm_neon.c - matrix product, from the template. */
#include "ops/neon/isa_neon.h"
#include "ops/vec/vec_neon.h"

enum { GEMM_MR = PS_NEON_MR, GEMM_NR = PS_NEON_NR };
#ifdef __aarch64__
#define GEMM_EACH(X) X(1) X(2) X(3) X(4) X(5) X(6)
#define GEMM_EACH_NV(X, mr) X(mr, 1) X(mr, 2) X(mr, 3) X(mr, 4)
#else
#define GEMM_PREFETCH 64
#define GEMM_EACH(X) X(1) X(2) X(3) X(4)
#define GEMM_EACH_NV(X, mr) X(mr, 1) X(mr, 2)
#endif
#include "ops/tmpl/gemm_lane.inc"
