/* ops/avx512/lut_avx512.c - a table of 256 bytes as sixteen of 16, chosen from by the upper bits of each code. */
#include "ops/avx512/isa_avx512.h"
#include "ops/unroll.h"
#include "ops/vec/bytes_avx512.h"

VINLINE vb lut_broadcast(const uint8_t *t)
{
    return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)t));
}

typedef struct lut_tables {
    vb part[16];
} lut_tables;

VINLINE vb lut_block(const lut_tables *t, vb x)
{
    const vb low = _mm512_and_si512(x, bset(15));
    const __mmask64 bit4 = _mm512_test_epi8_mask(x, bset(16)), bit5 = _mm512_test_epi8_mask(x, bset(32));
    const __mmask64 bit6 = _mm512_test_epi8_mask(x, bset(64)), bit7 = _mm512_movepi8_mask(x);
    vb y[8];
    PS_UNROLL for (int i = 0; i < 8; i++)
        y[i] = _mm512_mask_shuffle_epi8(_mm512_shuffle_epi8(t->part[2 * i], low), bit4, t->part[2 * i + 1], low);
    PS_UNROLL for (int i = 0; i < 4; i++) y[i] = _mm512_mask_blend_epi8(bit5, y[2 * i], y[2 * i + 1]);
    PS_UNROLL for (int i = 0; i < 2; i++) y[i] = _mm512_mask_blend_epi8(bit6, y[2 * i], y[2 * i + 1]);
    return _mm512_mask_blend_epi8(bit7, y[0], y[1]);
}

void ps_lut_u8_avx512(size_t n, const uint8_t *x, const uint8_t *table, uint8_t *y)
{
    lut_tables t;
    size_t i = 0;
    PS_UNROLL for (int p = 0; p < 16; p++) t.part[p] = lut_broadcast(table + 16 * p);
    for (; n - i >= BN; i += BN) bstore(y + i, lut_block(&t, bload(x + i)));
    if (i < n) bstore_k(y + i, lut_block(&t, bload_k(x + i, n - i)), n - i);
}
