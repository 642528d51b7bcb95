/* ops/vec/tile_amx.h - the tile operations of AMX that ops/tmpl/gemm_amx.inc is written in.  Tiles are named by literal
 * numbers; steps are in bytes.
 *
 * Intrinsics do not tell the compiler which memory they read: barriers keep stores in front of them. */
#ifndef PS_OPS_VEC_TILE_AMX_H
#define PS_OPS_VEC_TILE_AMX_H

#include <immintrin.h>

#define TILE_BARRIER() __asm__ volatile("" : : : "memory")

#define TILE_CONFIGURE(config)    \
    do {                          \
        TILE_BARRIER();           \
        _tile_loadconfig(config); \
        TILE_BARRIER();           \
    } while (0)
#define TILE_RELEASE() _tile_release()
#define TILE_ZERO(tile) _tile_zero(tile)
#define TILE_LOAD(tile, from, step) _tile_loadd(tile, from, (long)(step))
#define TILE_STORE(tile, to, step)            \
    do {                                      \
        _tile_stored(tile, to, (long)(step)); \
        TILE_BARRIER();                       \
    } while (0)
/* sum[m][n] += the products of a's pairs [m][k] with b's pairs [k][n] */
#define TILE_DOT(sum, a, b) _tile_dpbf16ps(sum, a, b)
/* The same of integers: a's fours [m][k], 0..255, with b's [k][n], -128..127. */
#define TILE_DOT_U8(sum, a, b) _tile_dpbusd(sum, a, b)

#endif
