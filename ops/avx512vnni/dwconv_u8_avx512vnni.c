/* ops/avx512vnni/dwconv_u8_avx512vnni.c - depthwise convolution of bytes by vpdpbusd, from the template. */
#include "ops/avx512vnni/isa_avx512vnni.h"
#include "ops/vec/bytes_avx512.h"
#include "ops/vec/fours.h"

VINLINE vi ddot(vi sum, vi x, vi w)
{
    return _mm512_dpbusd_epi32(sum, x, w);
}

#define DW_HALF ps_dwconv_u8_half_avx512vnni
#include "ops/tmpl/dwconv_u8.inc"
