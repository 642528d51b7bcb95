/* ops/avx512vbmi/table_avx512vbmi.c - the avx512vbmi table; what is missing is inherited. */
#include "ops/avx512vbmi/isa_avx512vbmi.h"

const ps_kernels ps_kernels_avx512vbmi = {
    .lut_u8 = ps_lut_u8_avx512vbmi,
    PS_TILES_OF(avx512vbmi),
    .name = "avx512vbmi",
};
