/* ops/avx512/table_avx512.c - the avx512 table. */
#include "ops/avx512/isa_avx512.h"

const ps_kernels ps_kernels_avx512 = {.name = "avx512"};
