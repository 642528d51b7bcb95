/* ops/avx512vnni/gemm_u8_avx512vnni.c - matrix product of bytes by vpdpbusd, from the template. */
#include "ops/avx512vnni/isa_avx512vnni.h"
#include "ops/unroll.h"
#include "ops/vec/codes_avx512.h"

#define U8_DOT _mm512_dpbusd_epi32
#define U8_NV 4
#define UPTO6(X, nv) X(nv, 1) X(nv, 2) X(nv, 3) X(nv, 4) X(nv, 5) X(nv, 6)
#define UPTO8(X, nv) UPTO6(X, nv) X(nv, 7) X(nv, 8)
#define UPTO12(X, nv) UPTO8(X, nv) X(nv, 9) X(nv, 10) X(nv, 11) X(nv, 12)
#define U8_EACH(X) UPTO12(X, 1) UPTO12(X, 2) UPTO8(X, 3) UPTO6(X, 4)
#define U8_ROWS {0, 12, 10, 8, 5}
#define U8_MIXED(X) X(4, 5) X(4, 4) X(2, 10) X(2, 9) X(2, 8) X(1, 12) X(1, 11) X(1, 10)
#include "ops/tmpl/requant.inc"
#include "ops/tmpl/gemm_u8.inc"
