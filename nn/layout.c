/* nn/layout.c - names the order in which weights are packed. */
#include "nn/layout.h"

#include <stdio.h>

enum { WIDTH = 0xff, KIND = 0xff00 };

unsigned ps_conv_layout(const ps_conv *v)
{
    ps_tile tile = ps_conv_tile(v);
    unsigned width = (unsigned)tile.nr;
    if (ps_conv_way_of(v) == PS_CONV_DEPTHWISE) return v->x_type == POISE_U8 ? PS_LAYOUT_DEPTHWISE_U8 : PS_LAYOUT_DEPTHWISE;
    switch (ps_conv_multiplies(v)) {
    case POISE_U8: return PS_LAYOUT_U8 | width | (ps_conv_eights(v) ? 8u : 4u) * PS_LAYOUT_SIDE;
    case POISE_BF16:
        return (ps_conv_splits(v) ? PS_LAYOUT_SPLIT : PS_LAYOUT_BF16) | width | (unsigned)tile.kr * PS_LAYOUT_SIDE;
    case POISE_F16: return PS_LAYOUT_F16 | width;
    default: return PS_LAYOUT_F32 | width;
    }
}

static bool is_of_bf16(unsigned layout, const ps_kernels *k)
{
    const ps_tile *t = &k->gemm_bf16_tile;
    return (layout & WIDTH) == (unsigned)t->nr && layout / PS_LAYOUT_SIDE == (unsigned)t->kr;
}

bool ps_layout_is_of(unsigned layout, const ps_kernels *k)
{
    unsigned width = layout & WIDTH, side = layout / PS_LAYOUT_SIDE;
    switch (layout & KIND) {
    case PS_LAYOUT_F32: return width == (unsigned)k->gemm_f32_tile.nr && !side;
    case PS_LAYOUT_BF16: return is_of_bf16(layout, k) && k->fast & PS_FAST_BF16;
    case PS_LAYOUT_F16: return width == (unsigned)k->gemm_f16_tile.nr && !side && k->fast & PS_FAST_F16;
    case PS_LAYOUT_SPLIT: return is_of_bf16(layout, k) && k->fast & PS_FAST_BF16X3;
    case PS_LAYOUT_U8:
        return width == (unsigned)k->gemm_u8_tile.nr && (side == 4 || (side == 8 && k->fast & PS_FAST_EIGHTS));
    case PS_LAYOUT_DEPTHWISE:
    case PS_LAYOUT_DEPTHWISE_U8: return !width && !side;
    default: return false;
    }
}

const char *ps_layout_text(unsigned layout, char buf[PS_LAYOUT_TEXT])
{
    static const char *const what[] = {"?", "f32", "bf16", "split bf16", "u8", "depthwise f32", "depthwise u8", "f16"};
    unsigned kind = (layout & KIND) >> 8, width = layout & WIDTH, side = layout / PS_LAYOUT_SIDE;
    const char *name = kind < sizeof what / sizeof *what ? what[kind] : what[0];
    if (side) snprintf(buf, PS_LAYOUT_TEXT, "%s panels of %ux%u", name, width, side);
    else if (width) snprintf(buf, PS_LAYOUT_TEXT, "%s panels of %u", name, width);
    else snprintf(buf, PS_LAYOUT_TEXT, "%s", name);
    return buf;
}
