/* nn/layout.h - the order of packed weights, in one number: all that they owe to the kernels they were packed for. */
#ifndef PS_NN_LAYOUT_H
#define PS_NN_LAYOUT_H

#include "nn/conv.h"

/* What is packed; in the lowest byte the width of panels; above all, how many rows of one lie side by side.  The numbers are in
 * files (nn/format.h): whoever changes what one of them stands for (nn/conv_pack*.c) raises PS_PACKED_VERSION. */
enum {
    PS_LAYOUT_F32 = 1 << 8,           /* panels of gemm_f32; Winograd's too */
    PS_LAYOUT_BF16 = 2 << 8,          /* panels of gemm_bf16, kr rows side by side */
    PS_LAYOUT_SPLIT = 3 << 8,         /* the same of floats that are split */
    PS_LAYOUT_U8 = 4 << 8,            /* panels of gemm_u8, in fours or eights, with sums, scales and what they fit */
    PS_LAYOUT_DEPTHWISE = 5 << 8,     /* rows of dwconv_f32, whatever the kernels */
    PS_LAYOUT_DEPTHWISE_U8 = 6 << 8,  /* of dwconv_u8, with sums and scales */
    PS_LAYOUT_F16 = 7 << 8,           /* panels of gemm_f16 */
    PS_LAYOUT_SIDE = 1 << 16,         /* times the rows side by side */
};

unsigned ps_conv_layout(const ps_conv *v);
/* Whether these kernels could take it. */
bool ps_layout_is_of(unsigned layout, const ps_kernels *k);
/* "f32 panels of 8", "u8 panels of 16x8" into buf. */
enum { PS_LAYOUT_TEXT = 40 };
const char *ps_layout_text(unsigned layout, char buf[PS_LAYOUT_TEXT]);

#endif
