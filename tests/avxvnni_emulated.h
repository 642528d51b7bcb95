/* tests/avxvnni_emulated.h - the kernels of ops/avxvnni on machines without it. */
#ifndef PS_TESTS_AVXVNNI_EMULATED_H
#define PS_TESTS_AVXVNNI_EMULATED_H

#include "ops/kernels.h"

/* Puts them in place of k's; false where this machine cannot run them. */
bool avxvnni_emulated_select(ps_kernels *k);

#endif
