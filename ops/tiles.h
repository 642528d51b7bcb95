/* ops/tiles.h - what of every table of kernels decides how weights are packed, for all architectures: the only place of these
 * numbers, so that a file can be packed for a processor that is not this one (ops/targets.h).
 *
 *     X(isa, rows and columns of a tile of gemm_f32, of gemm_bf16 and its kr, of gemm_f16, of gemm_u8, fast)
 *
 * Weakest first, as ISAS_<arch> in the Makefile; 0, 0 where a table does not have the slot.  ops/kernels.h says what tiles and
 * PS_FAST_* mean. */
#ifndef PS_OPS_TILES_H
#define PS_OPS_TILES_H

#include "ops/kernels.h"

#define PS_TILES_c(X) X(c, 4, 8, 4, 8, 2, 4, 8, 4, 8, 0)

#define PS_TILES_x86_64(X)                                   \
    PS_TILES_c(X)                                            \
    X(sse4, 4, 8, 0, 0, 0, 0, 0, 10, 8, 0)                   \
    X(avx2, 6, 16, 0, 0, 0, 0, 0, 10, 16, 0)                 \
    X(avxvnni, 0, 0, 0, 0, 0, 0, 0, 12, 16, 0)               \
    X(avx512, 14, 32, 0, 0, 0, 0, 0, 12, 64, 0)              \
    X(avx512vbmi, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)              \
    X(avx512vnni, 0, 0, 0, 0, 0, 0, 0, 12, 64, PS_FAST_DOT)  \
    X(avx512bf16, 0, 0, 14, 32, 2, 0, 0, 0, 0, PS_FAST_BF16) \
    X(amx, 0, 0, 32, 32, 2, 0, 0, 32, 32, PS_FAST_BF16 | PS_FAST_BF16X3 | PS_FAST_TILES)

#define PS_TILES_aarch64(X)                                             \
    PS_TILES_c(X)                                                       \
    X(neon, 6, 16, 0, 0, 0, 0, 0, 2, 16, 0)                             \
    X(neon_inorder, 8, 8, 0, 0, 0, 0, 0, 0, 0, 0)                       \
    X(neonfp16, 0, 0, 0, 0, 0, 8, 16, 0, 0, PS_FAST_F16)                \
    X(neondot, 0, 0, 0, 0, 0, 0, 0, 6, 16, PS_FAST_DOT | PS_FAST_TILES) \
    X(neonbf16, 0, 0, 8, 8, 4, 0, 0, 0, 0, PS_FAST_BF16)                \
    X(neoni8mm, 0, 0, 0, 0, 0, 0, 0, 6, 16, PS_FAST_EIGHTS)

/* With half the registers. */
#define PS_TILES_arm(X) \
    PS_TILES_c(X)       \
    X(neon, 4, 8, 0, 0, 0, 0, 0, 2, 16, 0)

#if defined(__x86_64__)
#define PS_TILES(X) PS_TILES_x86_64(X)
#elif defined(__aarch64__)
#define PS_TILES(X) PS_TILES_aarch64(X)
#elif defined(__arm__)
#define PS_TILES(X) PS_TILES_arm(X)
#else
#define PS_TILES(X) PS_TILES_c(X)
#endif

/* PS_F32_MR_<isa> and so on, of the tables that are compiled here. */
#define PS_TILES_ENUM(isa, fm, fn, hm, hn, hk, gm, gn, um, un, quick)                         \
    PS_F32_MR_##isa = fm, PS_F32_NR_##isa = fn, PS_BF16_MR_##isa = hm, PS_BF16_NR_##isa = hn, \
    PS_BF16_KR_##isa = hk, PS_F16_MR_##isa = gm, PS_F16_NR_##isa = gn, PS_U8_MR_##isa = um,   \
    PS_U8_NR_##isa = un, PS_FAST_OF_##isa = quick,
enum { PS_TILES(PS_TILES_ENUM) };
#undef PS_TILES_ENUM

/* The same in the table of an ISA. */
#define PS_TILES_OF(isa)                                                       \
    .gemm_f32_tile = {PS_F32_MR_##isa, PS_F32_NR_##isa, 0}, \
    .gemm_bf16_tile = {PS_BF16_MR_##isa, PS_BF16_NR_##isa, PS_BF16_KR_##isa},  \
    .gemm_f16_tile = {PS_F16_MR_##isa, PS_F16_NR_##isa, PS_F16_NR_##isa != 0}, \
    .gemm_u8_tile = {PS_U8_MR_##isa, PS_U8_NR_##isa, 0}, .fast = PS_FAST_OF_##isa

#endif
