/* ops/slots.h - declares a function ps_<slot>_<PS_ISA> for every slot; included after defining PS_ISA. */
#ifndef PS_OPS_SLOTS_H
#define PS_OPS_SLOTS_H

#include "ops/kernels.h"
#include "ops/tiles.h"

#define PS_PASTE3(a, b, c) a##_##b##_##c
#define PS_PASTE2(prefix, name, isa) PS_PASTE3(prefix, name, isa)
#define PS_NAMED(name) PS_PASTE2(ps, name, PS_ISA)

#define PS_SLOT(slot, ret, args) ps_##slot##_fn PS_NAMED(slot);
#include "ops/kernels.def"
#undef PS_SLOT

/* What epilogue_f32 does, from m rows at x to m rows at y (y may be x, or e->residual): the one place that
 * turns sums into outputs.  y[i*ldy + j] = epilogue(x[i*ldx + j]). */
void PS_NAMED(finish)(size_t m, size_t n, const float *x, ptrdiff_t ldx, float *y, ptrdiff_t ldy,
                      const ps_epilogue *e);
/* The same with outputs and residual in bfloat16, or the other 16-bit type where that is what the ISA multiplies. */
void PS_NAMED(finish_half)(size_t m, size_t n, const float *x, ptrdiff_t ldx, uint16_t *y, ptrdiff_t ldy,
                           const ps_epilogue *e);
/* What q makes of m rows of n sums at x, rows at y as gemm_u8 writes them; y may be q->residual. */
void PS_NAMED(requant)(size_t m, size_t n, const int32_t *x, ptrdiff_t ldx, void *y, ptrdiff_t ldy, const ps_requant *q);
/* The same after ps_requant_prepare(). */
struct ps_requant_plan;
void PS_NAMED(requant_planned)(size_t m, size_t n, const int32_t *x, ptrdiff_t ldx, void *y, ptrdiff_t ldy,
                               const ps_requant *q, const struct ps_requant_plan *p);

#endif
