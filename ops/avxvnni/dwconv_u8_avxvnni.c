/* ops/avxvnni/dwconv_u8_avxvnni.c - depthwise convolution of bytes by vpdpbusd, from the template. */
#include "ops/avxvnni/isa_avxvnni.h"
#include "ops/vec/bytes_avx2.h"
#include "ops/vec/fours.h"

VINLINE vi ddot(vi sum, vi x, vi w)
{
    return _mm256_dpbusd_avx_epi32(sum, x, w);
}

#include "ops/tmpl/dwconv_u8.inc"
