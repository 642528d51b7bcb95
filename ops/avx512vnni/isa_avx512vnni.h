/* ops/avx512vnni/isa_avx512vnni.h - names of the avx512vnni kernels. */
#ifndef PS_OPS_AVX512VNNI_ISA_AVX512VNNI_H
#define PS_OPS_AVX512VNNI_ISA_AVX512VNNI_H

#define PS_ISA avx512vnni
#include "ops/slots.h"

/* dwconv_u8 of the channels from `from` on, at most 32. */
void ps_dwconv_u8_half_avx512vnni(size_t w, size_t c, size_t kh, size_t kw, const uint8_t *const *rows, ptrdiff_t ldx,
                                  ptrdiff_t ldtap, const int8_t *wt, void *y, ptrdiff_t ldy, const ps_requant *q, size_t from);

#endif
