/* tests/tile_emulated.h - the tile operations of ops/vec/tile_amx.h in plain C, as the processor does them (Intel SDM
 * volume 2: LDTILECFG, TILELOADD, TILESTORED, TILEZERO, TDPBF16PS, TDPBUSD): order of sums, rounding, denormals, what faults.
 * A fault ends the program with a line. */
#ifndef PS_TESTS_TILE_EMULATED_H
#define PS_TESTS_TILE_EMULATED_H

#include "ops/bf16.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TILES = 8, TILE_ROWS = 16, TILE_BYTES = 64 };

/* Per thread, as registers are. */
static _Thread_local struct {
    bool configured;
    uint16_t bytes[TILES];
    uint8_t rows[TILES];
    uint8_t data[TILES][TILE_ROWS][TILE_BYTES];
} tiles;

static void tile_need(bool ok, const char *what)
{
    if (ok) return;
    fprintf(stderr, "amx_emulated: fault: %s\n", what);
    abort();
}

/* A tile is in use when it was given a shape. */
static void tile_need_shape(int t)
{
    tile_need(tiles.configured, "no configuration is loaded");
    tile_need(t >= 0 && t < TILES && tiles.rows[t] && tiles.bytes[t], "a tile without a shape");
}

static void tile_configure(const void *config)
{
    const uint8_t *c = config;
    tiles.configured = false;
    memset(&tiles.data, 0, sizeof tiles.data);
    if (!c[0]) return; /* palette 0: the initial state */
    tile_need(c[0] == 1, "LDTILECFG: a palette other than 1");
    tile_need(c[1] == 0, "LDTILECFG: a start row");
    for (int i = 2; i < 16; i++) tile_need(!c[i], "LDTILECFG: a reserved byte is set");
    for (int i = 0; i < 16; i++) {
        uint16_t bytes;
        memcpy(&bytes, c + 16 + 2 * i, sizeof bytes);
        uint8_t rows = c[48 + i];
        tile_need(i < TILES || (!bytes && !rows), "LDTILECFG: a shape for a tile that does not exist");
        tile_need(bytes <= TILE_BYTES && rows <= TILE_ROWS, "LDTILECFG: a tile is too large");
        tile_need(!bytes == !rows, "LDTILECFG: rows without bytes, or bytes without rows");
        if (i >= TILES) continue;
        tiles.bytes[i] = bytes;
        tiles.rows[i] = rows;
    }
    tiles.configured = true;
}

static void tile_release(void)
{
    memset(&tiles, 0, sizeof tiles);
}

static void tile_zero(int t)
{
    tile_need_shape(t);
    memset(tiles.data[t], 0, sizeof tiles.data[t]);
}

static void tile_load(int t, const void *from, ptrdiff_t step)
{
    tile_zero(t); /* what is beyond the shape becomes zero */
    for (int i = 0; i < tiles.rows[t]; i++)
        memcpy(tiles.data[t][i], (const uint8_t *)from + i * step, tiles.bytes[t]);
}

static void tile_store(int t, void *to, ptrdiff_t step)
{
    tile_need_shape(t);
    for (int i = 0; i < tiles.rows[t]; i++)
        memcpy((uint8_t *)to + i * step, tiles.data[t][i], tiles.bytes[t]);
}

static float tile_flush(float x)
{
    return fabsf(x) < FLT_MIN ? copysignf(0.0f, x) : x;
}

static float tile_factor(int t, int row, int i)
{
    uint16_t h;
    memcpy(&h, &tiles.data[t][row][2 * i], sizeof h);
    return tile_flush(ps_bf16_widen(h));
}

/* Fused multiply and add, to the nearest, denormals taken and given as zero. */
static float tile_fma(float a, float b, float c)
{
    return tile_flush(fmaf(a, b, c));
}

static void tile_need_product(int sum, int a, int b)
{
    tile_need_shape(sum);
    tile_need_shape(a);
    tile_need_shape(b);
    tile_need(sum != a && sum != b && a != b, "a product with a tile twice");
    tile_need(tiles.bytes[sum] % 4 == 0 && tiles.bytes[a] % 4 == 0 && tiles.bytes[b] % 4 == 0,
              "a product of rows that are not whole groups or sums");
    tile_need(tiles.rows[sum] == tiles.rows[a] && tiles.bytes[sum] == tiles.bytes[b] &&
                  tiles.bytes[a] / 4 == tiles.rows[b],
              "a product of shapes that do not fit");
}

static void tile_dot_u8(int sum, int a, int b)
{
    tile_need_product(sum, a, b);
    for (int m = 0; m < tiles.rows[sum]; m++)
        for (int n = 0; n < tiles.bytes[sum] / 4; n++) {
            uint32_t now;
            memcpy(&now, &tiles.data[sum][m][4 * n], sizeof now);
            for (int k = 0; k < tiles.bytes[a]; k++)
                now += (uint32_t)(tiles.data[a][m][k] * (int8_t)tiles.data[b][k / 4][4 * n + k % 4]);
            memcpy(&tiles.data[sum][m][4 * n], &now, sizeof now);
        }
}

static void tile_dot(int sum, int a, int b)
{
    tile_need_product(sum, a, b);
    for (int m = 0; m < tiles.rows[sum]; m++)
        for (int n = 0; n < tiles.bytes[sum] / 4; n++) {
            float even = 0, odd = 0, old; /* two chains, of the first and of the second of each pair */
            for (int k = 0; k < tiles.bytes[a] / 4; k++) {
                even = tile_fma(tile_factor(a, m, 2 * k), tile_factor(b, k, 2 * n), even);
                odd = tile_fma(tile_factor(a, m, 2 * k + 1), tile_factor(b, k, 2 * n + 1), odd);
            }
            memcpy(&old, &tiles.data[sum][m][4 * n], sizeof old);
            float now = tile_flush(tile_flush(old) + tile_flush(even + odd));
            memcpy(&tiles.data[sum][m][4 * n], &now, sizeof now);
        }
}

#define TILE_CONFIGURE(config) tile_configure(config)
#define TILE_RELEASE() tile_release()
#define TILE_ZERO(tile) tile_zero(tile)
#define TILE_LOAD(tile, from, step) tile_load(tile, from, (ptrdiff_t)(step))
#define TILE_STORE(tile, to, step) tile_store(tile, to, (ptrdiff_t)(step))
#define TILE_DOT(sum, a, b) tile_dot(sum, a, b)
#define TILE_DOT_U8(sum, a, b) tile_dot_u8(sum, a, b)

#endif
