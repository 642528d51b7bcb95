/* ops/sse4/table_sse4.c - the sse4 table. */
#include "ops/sse4/isa_sse4.h"

const ps_kernels ps_kernels_sse4 = {.name = "sse4"};
