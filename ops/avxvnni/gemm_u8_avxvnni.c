/* ops/avxvnni/gemm_u8_avxvnni.c - matrix product of bytes by vpdpbusd as processors without AVX-512 have it. */
#include "ops/avxvnni/isa_avxvnni.h"

#define U8_DOT _mm256_dpbusd_avx_epi32
#include "ops/tmpl/gemm_u8_ymm.inc"
