/* ops/vec/codes_neon.h - sums and codes in NEON: what ops/tmpl/requant.inc needs.  See codes_sse4.h. */
#ifndef PS_OPS_VEC_CODES_NEON_H
#define PS_OPS_VEC_CODES_NEON_H

#include "ops/requant.h"
#include "ops/vec/lookup_neon.h"
#include "ops/vec/vec_neon.h"

typedef int32x4_t vi;

// clang-format off: one name a line
VINLINE vi vseti(int32_t x) { return vdupq_n_s32(x); }
VINLINE vi vloadi(const int32_t *p) { return vld1q_s32(p); }
VINLINE vi vloadi_k(const int32_t *p, size_t k)
{
    int32_t some[VN] = {0};
    if (k >= VN) return vloadi(p);
    for (size_t i = 0; i < k; i++) some[i] = p[i];
    return vloadi(some);
}
VINLINE void vstorei(int32_t *p, vi x) { vst1q_s32(p, x); }
VINLINE vi vaddi(vi a, vi b) { return vaddq_s32(a, b); }
VINLINE vf vfloats(vi x) { return vcvtq_f32_s32(x); }
VINLINE vi vbytes_k(const uint8_t *p, size_t k)
{
    uint32_t four = 0;
    if (k >= VN) memcpy(&four, p, VN);
    else memcpy(&four, p, k);
    return vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(vmovl_u8(vreinterpret_u8_u32(vdup_n_u32(four))))));
}

/* NEON's own minimum and maximum give NaN if either is, and order zeros by their signs. */
#define REQUANT_MIN vmin_or_second
#define REQUANT_MAX vmax_or_second
VINLINE vf vmin_or_second(vf a, vf b) { return vselect(vlt(a, b), a, b); }
VINLINE vf vmax_or_second(vf a, vf b) { return vselect(vlt(b, a), a, b); }

VINLINE vf vcurve_end(vf u) { return vmax(vset(-PS_CURVE_END), vmin(vset(PS_CURVE_END), u)); }

#ifdef __aarch64__
/* Sixteen floats, and which of their bytes make number i of them: 4i to 4i + 3. */
VINLINE uint8x16x4_t vtable16(const float *t) { return vtable64_of((const uint8_t *)(const void *)t); }
VINLINE uint8x16_t vfour_bytes(uint32x4_t i, uint32_t first)
{
    return vreinterpretq_u8_u32(vaddq_u32(vmulq_u32(i, vdupq_n_u32(0x04040404)), vdupq_n_u32(first)));
}

VINLINE vf vpick(const float t[32], vf index)
{
    uint8x16_t at = vfour_bytes(vandq_u32(vreinterpretq_u32_f32(index), vdupq_n_u32(31)), 0x03020100);
    uint8x16_t low = vqtbl4q_u8(vtable16(t), at);
    return vreinterpretq_f32_u8(vqtbx4q_u8(low, vtable16(t + 16), vsubq_u8(at, vdupq_n_u8(64))));
}

#define VPICK_HALF
/* `index` is PS_CURVE_SHIFT + i, 0 <= i < 16, whose upper bits times 4 are taken off again; or NaN, and so is what comes of
 * it, whatever is picked. */
typedef uint8x16x4_t vhalf;
VINLINE vhalf vhalf_of(const float t[16]) { return vtable16(t); }
VINLINE vf vpick_half(const vhalf *t, vf index)
{
    const uint32_t shift = 0x4B400000; /* PS_CURVE_SHIFT */
    return vreinterpretq_f32_u8(vqtbl4q_u8(*t, vfour_bytes(vreinterpretq_u32_f32(index), 0x03020100 - shift * 4)));
}
VINLINE vf vsign_of(vf u, vf x)
{
    uint32x4_t sign = vandq_u32(vreinterpretq_u32_f32(u), vdupq_n_u32((uint32_t)1 << 31));
    return vreinterpretq_f32_u32(veorq_u32(sign, vreinterpretq_u32_f32(x)));
}

/* Numbers less zero as 16 bits, beyond any code if they are; NaN as the lowest. */
VINLINE int16x8_t vcodes(vf a, vf b)
{
    const vf low = vset(-512.0f);
    int32x4_t x = vcvtnq_s32_f32(vmaxnmq_f32(a, low)), y = vcvtnq_s32_f32(vmaxnmq_f32(b, low));
    return vqmovn_high_s32(vqmovn_s32(x), y);
}
/* Held to 0..255. */
VINLINE uint8x16_t vbytes_of(int16x8_t a, int16x8_t b) { return vqmovun_high_s16(vqmovun_s16(a), b); }
#else
VINLINE vf vpick(const float t[32], vf index)
{
    uint32x4_t i = vandq_u32(vreinterpretq_u32_f32(index), vdupq_n_u32(31));
    return (vf){t[vgetq_lane_u32(i, 0)], t[vgetq_lane_u32(i, 1)], t[vgetq_lane_u32(i, 2)], t[vgetq_lane_u32(i, 3)]};
}

/* Behind the addition a float's lower bits are those of the whole number. */
VINLINE int16x4_t vcodes_half(vf y)
{
    const vf low = vset(-512.0f), top = vset(512.0f);
    y = vadd(vselect(vlt(low, y), vmin(y, top), low), vset(PS_CURVE_SHIFT));
    return vmovn_s32(vreinterpretq_s32_f32(y));
}
VINLINE int16x8_t vcodes(vf a, vf b) { return vcombine_s16(vcodes_half(a), vcodes_half(b)); }
VINLINE uint8x16_t vbytes_of(int16x8_t a, int16x8_t b) { return vcombine_u8(vqmovun_s16(a), vqmovun_s16(b)); }
#endif
// clang-format on

/* Every number is held to any code's range before it becomes one, and its code to 0..255: `top` is not needed. */
VINLINE void vstore_codes(int nv, int rows, uint8_t *p, ptrdiff_t ld, const vf *y, size_t k, float top, int32_t zero,
                          const uint8_t *table)
{
    const int16x8_t zeros = vdupq_n_s16((int16_t)zero);
    const int all = rows * nv;
    const int16x8_t first = vqaddq_s16(vcodes(y[0], y[all > 1]), zeros);
    const int16x8_t second = all > 2 ? vqaddq_s16(vcodes(y[2], y[3]), zeros) : first;
    uint8x16_t all_codes = vbytes_of(first, second);
    (void)top;
    if (table) {
        const vtable256 t = vtable256_of(table);
        all_codes = vlookup(all_codes, &t);
    }
    const uint8x8_t low = vget_low_u8(all_codes), high = vget_high_u8(all_codes);
    if (nv == 4) {
        vst1q_u8(p, all_codes);
    } else if (nv == 2) {
        vst1_u8(p, low);
        if (rows == 2) vst1_u8(p + ld, high);
    } else if (nv == 1) {
        uint32_t codes[4] = {vget_lane_u32(vreinterpret_u32_u8(low), 0), vget_lane_u32(vreinterpret_u32_u8(low), 1),
                             vget_lane_u32(vreinterpret_u32_u8(high), 0), vget_lane_u32(vreinterpret_u32_u8(high), 1)};
        for (int r = 0; r < rows; r++) memcpy(p + r * ld, &codes[r], rows == 1 ? k : VN);
    }
}

#endif
