/* ops/neon/lut_neon.c - codes through a table of 256, in registers. */
#include "ops/neon/isa_neon.h"
#include "ops/vec/lookup_neon.h"

#ifdef __aarch64__
void ps_lut_u8_neon(size_t n, const uint8_t *x, const uint8_t *table, uint8_t *y)
{
    const vtable256 t = vtable256_of(table);
    for (; n >= 32; n -= 32, x += 32, y += 32) {
        uint8x16_t low = vld1q_u8(x), high = vld1q_u8(x + 16);
        vst1q_u8(y, vlookup(low, &t));
        vst1q_u8(y + 16, vlookup(high, &t));
    }
    if (n >= 16) {
        vst1q_u8(y, vlookup(vld1q_u8(x), &t));
        n -= 16, x += 16, y += 16;
    }
    for (size_t i = 0; i < n; i++) y[i] = table[x[i]]; /* a call, of memcpy, would cost the table its registers */
}
#endif
