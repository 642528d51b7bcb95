/* ops/avx2/winograd_u8_avx2.c - integer Winograd, from the templates. */
#include "ops/avx2/isa_avx2.h"
#include "ops/requant.h"
#include "ops/vec/words_avx2.h"

#include "ops/tmpl/gemm_s16.inc"
#include "ops/tmpl/winograd_s32.inc"
#include "ops/tmpl/winograd_u8.inc"
#include "ops/tmpl/winograd_s2_u8.inc"
