/* ops/avx512/gemm_half_avx512.c - the tile's last 8 columns or fewer, from the template with vectors of 8, which 32
 * registers hold as well as those of 16: 3x3 16>8 on Zen 4 takes 86 % of the time of an instruction of 16 that is half
 * empty.  Bits are the same. */
#include "ops/avx512/isa_avx512.h"
#include "ops/vec/vec_avx2.h"

enum { GEMM_MR = PS_AVX512_MR, GEMM_NR = PS_AVX512_NR };
#define GEMM_EACH(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#define GEMM_NAME ps_gemm_f32_half_avx512
#define GEMM_ONE_VECTOR
#include "ops/tmpl/gemm.inc"
