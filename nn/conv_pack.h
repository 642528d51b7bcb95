/* nn/conv_pack.h - shared by the files that pack weights. */
#ifndef PS_NN_CONV_PACK_H
#define PS_NN_CONV_PACK_H

#include "nn/conv.h"

/* Panel number `panel` of all groups, whose first weight is at `at`, of a convolution of u8, into the set at dst: weights,
 * and what follows them for its output channels. */
void ps_pack_codes(const ps_conv *v, const ps_weights *w, ptrdiff_t at, size_t panel, float *dst);
void ps_pack_codes_depthwise(const ps_conv *v, const ps_weights *w, float *dst);

#endif
