/* ops/avx2/lut_avx2.c - a table of 256 bytes as sixteen of 16, chosen from by the upper bits of each code. */
#include "ops/avx2/isa_avx2.h"
#include "ops/unroll.h"
#include "ops/vec/bytes_avx2.h"

/* t[x], for the sixteenth of the table that begins at t, by the lower four bits. */
VINLINE vb lut_part(const uint8_t *t, vb low)
{
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)t)), low);
}

VINLINE vb lut_block(const uint8_t *table, vb x)
{
    const vb low = _mm256_and_si256(x, bset(15));
    const vb bit4 = _mm256_slli_epi16(x, 3), bit5 = _mm256_slli_epi16(x, 2), bit6 = _mm256_slli_epi16(x, 1);
    vb part[4];
    PS_UNROLL for (int i = 0; i < 4; i++)
    {
        const uint8_t *t = table + 64 * i;
        vb a = _mm256_blendv_epi8(lut_part(t, low), lut_part(t + 16, low), bit4);
        vb b = _mm256_blendv_epi8(lut_part(t + 32, low), lut_part(t + 48, low), bit4);
        part[i] = _mm256_blendv_epi8(a, b, bit5);
    }
    return _mm256_blendv_epi8(_mm256_blendv_epi8(part[0], part[1], bit6), _mm256_blendv_epi8(part[2], part[3], bit6), x);
}

void ps_lut_u8_avx2(size_t n, const uint8_t *x, const uint8_t *table, uint8_t *y)
{
    size_t i = 0;
    for (; n - i >= BN; i += BN) bstore(y + i, lut_block(table, bload(x + i)));
    for (; i < n; i++) y[i] = table[x[i]];
}
