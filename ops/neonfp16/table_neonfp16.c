/* ops/neonfp16/table_neonfp16.c - the neonfp16 table: arithmetic on half-precision floats (ARMv8.2-A FP16); what is missing is inherited. */
#include "ops/neonfp16/isa_neonfp16.h"

const ps_kernels ps_kernels_neonfp16 = {
    PS_TILES_OF(neonfp16),
    .name = "neonfp16",
};
