/* tests/amx_emulated.h - the kernels of ops/amx on any machine. */
#ifndef PS_TESTS_AMX_EMULATED_H
#define PS_TESTS_AMX_EMULATED_H

#include "ops/kernels.h"

/* Puts them in place of k's. */
void amx_emulated_select(ps_kernels *k);

#endif
