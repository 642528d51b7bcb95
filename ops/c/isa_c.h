/* ops/c/isa_c.h - names of the C reference kernels. */
#ifndef PS_OPS_C_ISA_C_H
#define PS_OPS_C_ISA_C_H

#define PS_ISA c
#include "ops/slots.h"

enum { PS_C_MR = PS_F32_MR_c, PS_C_NR = PS_F32_NR_c }; /* tile of ps_gemm_f32_c */

/* ps_finish_half_c of IEEE halves. */
void ps_finish_f16_c(size_t m, size_t n, const float *x, ptrdiff_t ldx, uint16_t *y, ptrdiff_t ldy, const ps_epilogue *e);

#endif
