/* ops/avxvnni/table_avxvnni.c - the avxvnni table; what is missing is inherited. */
#include "ops/avxvnni/isa_avxvnni.h"

const ps_kernels ps_kernels_avxvnni = {
    .gemm_u8 = ps_gemm_u8_avxvnni,
    .dwconv_u8 = ps_dwconv_u8_avxvnni,
    PS_TILES_OF(avxvnni),
    .name = "avxvnni",
};
