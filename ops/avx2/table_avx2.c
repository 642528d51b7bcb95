/* ops/avx2/table_avx2.c - the avx2 table. */
#include "ops/avx2/isa_avx2.h"

const ps_kernels ps_kernels_avx2 = {.name = "avx2"};
