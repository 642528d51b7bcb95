/* ops/avx2/gemm_u8_avx2.c - matrix product of bytes by pmaddubsw or pmaddwd, from the template. */
#include "ops/avx2/isa_avx2.h"
#include "ops/unroll.h"
#include "ops/vec/codes_avx2.h"

#define U8_DOT vdot_any
#define U8_NARROW
#define U8_NV 2
#define UPTO5(X, nv) X(nv, 1) X(nv, 2) X(nv, 3) X(nv, 4) X(nv, 5)
#define U8_EACH(X) UPTO5(X, 1) X(1, 6) X(1, 7) X(1, 8) X(1, 9) X(1, 10) UPTO5(X, 2)
#define U8_ROWS {0, 10, 5}
#include "ops/tmpl/requant.inc"
#include "ops/tmpl/gemm_u8.inc"
