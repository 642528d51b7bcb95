/* ops/neon/winograd_u8_neon.c - integer Winograd, from the templates. */
#include "ops/neon/isa_neon.h"
#include "ops/requant.h"
#include "ops/vec/words_neon.h"

#ifdef __aarch64__
enum { S16_ROWS = 4 };
#else
enum { S16_ROWS = 4 };
#endif
#include "ops/tmpl/gemm_s16_lanes.inc"
#include "ops/tmpl/winograd_s32.inc"
#include "ops/tmpl/winograd_u8.inc"
#include "ops/tmpl/winograd_s2_u8.inc"
