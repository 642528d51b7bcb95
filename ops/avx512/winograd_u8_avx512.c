/* ops/avx512/winograd_u8_avx512.c - integer Winograd, from the templates. */
#include "ops/avx512/isa_avx512.h"
#include "ops/requant.h"
#include "ops/vec/words_avx512.h"

#include "ops/tmpl/gemm_s16.inc"
#include "ops/tmpl/winograd_s32.inc"
#include "ops/tmpl/winograd_u8.inc"
#include "ops/tmpl/winograd_s2_u8.inc"
