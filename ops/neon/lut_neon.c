/* ops/neon/lut_neon.c - codes through a table of 256, in registers. */
#include "ops/neon/isa_neon.h"
#include "ops/vec/lookup_neon.h"

#ifdef __aarch64__
void ps_lut_u8_neon(size_t n, const uint8_t *x, const uint8_t *table, uint8_t *y)
{
    uint8_t rest[16] = {0};
    const vtable256 t = vtable256_of(table);
    for (; n >= 16; n -= 16, x += 16, y += 16) vst1q_u8(y, vlookup(vld1q_u8(x), &t));
    if (!n) return;
    memcpy(rest, x, n);
    vst1q_u8(rest, vlookup(vld1q_u8(rest), &t));
    memcpy(y, rest, n);
}
#endif
