/* ops/sse4/winograd_u8_sse4.c - integer Winograd, from the templates. */
#include "ops/sse4/isa_sse4.h"
#include "ops/requant.h"
#include "ops/vec/words_sse4.h"

#include "ops/tmpl/gemm_s16.inc"
#include "ops/tmpl/winograd_s32.inc"
#include "ops/tmpl/winograd_u8.inc"
#include "ops/tmpl/winograd_s2_u8.inc"
