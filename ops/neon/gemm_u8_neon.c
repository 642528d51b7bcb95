/* ops/neon/gemm_u8_neon.c - matrix product of bytes by smull and smlal, from the template. */
#include "ops/neon/isa_neon.h"
#include "ops/unroll.h"
#include "ops/vec/codes_neon.h"

#define U8_DOUBLES
#define U8_NV 4
#define U8_WAIT 24
#ifdef __aarch64__
#define U8_EACH(X) \
    X(1, 1) X(1, 2) X(1, 3) X(1, 4) X(1, 5) X(1, 6) X(1, 7) X(1, 8) X(2, 1) X(2, 2) X(2, 3) X(2, 4) X(3, 1) X(3, 2) X(4, 1) X(4, 2)
#define U8_ROWS {0, 8, 4, 2, 2}
#else
#define U8_EACH(X) X(1, 1) X(1, 2) X(1, 3) X(1, 4) X(2, 1) X(2, 2) X(3, 1) X(3, 2) X(4, 1) X(4, 2)
#define U8_ROWS {0, 4, 2, 2, 2}
#endif
#include "ops/tmpl/requant.inc"
#include "ops/tmpl/gemm_u8.inc"
