/* ops/avx512vnni/winograd_u8_avx512vnni.c - integer Winograd: products by vpdpwssd, and the output side. */
#include "ops/avx512vnni/isa_avx512vnni.h"
#include "ops/requant.h"
#include "ops/vec/words_avx512.h"

#include "ops/tmpl/gemm_s16.inc"
#include "ops/tmpl/winograd_s32.inc"
