/* ops/avx512vbmi/lut_avx512vbmi.c - a table of 256 bytes as two of 128 that vpermi2b chooses from. */
#include "ops/avx512vbmi/isa_avx512vbmi.h"
#include "ops/vec/bytes_avx512.h"

VINLINE vb lut_block(const vb t[4], vb x)
{
    vb low = _mm512_permutex2var_epi8(t[0], x, t[1]), high = _mm512_permutex2var_epi8(t[2], x, t[3]);
    return _mm512_mask_blend_epi8(_mm512_movepi8_mask(x), low, high);
}

void ps_lut_u8_avx512vbmi(size_t n, const uint8_t *x, const uint8_t *table, uint8_t *y)
{
    const vb t[4] = {bload(table), bload(table + 64), bload(table + 128), bload(table + 192)};
    size_t i = 0;
    for (; n - i >= BN; i += BN) bstore(y + i, lut_block(t, bload(x + i)));
    if (i < n) bstore_k(y + i, lut_block(t, bload_k(x + i, n - i)), n - i);
}
