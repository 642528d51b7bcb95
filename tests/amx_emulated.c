/* tests/amx_emulated.c - the kernels of ops/amx on any machine: the same source over tiles in plain C.  Never in the
 * dispatch of the library. */
#define PS_ISA amx_emulated
#include "ops/slots.h"

#include "tests/amx_emulated.h"
#include "tests/tile_emulated.h"

/* ops/slots.h declares one set of names only. */
void ps_finish_c(size_t m, size_t n, const float *x, ptrdiff_t ldx, float *y, ptrdiff_t ldy,
                 const ps_epilogue *e);
void ps_finish_half_c(size_t m, size_t n, const float *x, ptrdiff_t ldx, uint16_t *y, ptrdiff_t ldy,
                      const ps_epilogue *e);
void ps_requant_planned_c(size_t m, size_t n, const int32_t *x, ptrdiff_t ldx, void *y, ptrdiff_t ldy, const ps_requant *q,
                          const struct ps_requant_plan *p);

void ps_finish_amx_emulated(size_t m, size_t n, const float *x, ptrdiff_t ldx, float *y, ptrdiff_t ldy,
                            const ps_epilogue *e)
{
    ps_finish_c(m, n, x, ldx, y, ldy, e);
}

void ps_finish_half_amx_emulated(size_t m, size_t n, const float *x, ptrdiff_t ldx, uint16_t *y,
                                 ptrdiff_t ldy, const ps_epilogue *e)
{
    ps_finish_half_c(m, n, x, ldx, y, ldy, e);
}

void ps_requant_planned_amx_emulated(size_t m, size_t n, const int32_t *x, ptrdiff_t ldx, void *y, ptrdiff_t ldy,
                                     const ps_requant *q, const struct ps_requant_plan *p)
{
    ps_requant_planned_c(m, n, x, ldx, y, ldy, q, p);
}

#include "ops/tmpl/gemm_amx.inc"

void amx_emulated_select(ps_kernels *k)
{
    k->gemm_bf16 = ps_gemm_bf16_amx_emulated;
    k->gemm_bf16_tile = (ps_tile){AMX_MR, AMX_NR, 2};
    k->gemm_u8 = ps_gemm_u8_amx_emulated;
    k->gemm_u8_tile = (ps_tile){.mr = AMX_MR, .nr = AMX_NR};
    k->name_u8 = "amx_emulated";
    k->fast = PS_FAST_BF16 | PS_FAST_BF16X3;
    k->name_bf16 = "amx_emulated";
}
