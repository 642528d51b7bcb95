/* ops/c/table_c.c - the C reference table: every slot, on any machine. */
#include "ops/c/isa_c.h"

const ps_kernels ps_kernels_c = {
#define PS_SLOT(slot, ret, args) .slot = ps_##slot##_c,
#include "ops/kernels.def"
#undef PS_SLOT
    PS_TILES_OF(c),
    .name = "c",
    .name_bf16 = "c",
    .name_f16 = "c",
    .name_u8 = "c",
};
