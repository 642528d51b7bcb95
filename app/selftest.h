/* app/selftest.h - kernels in use against the plain C ones, on random data. */
#ifndef PS_APP_SELFTEST_H
#define PS_APP_SELFTEST_H

#include "ops/kernels.h"

#include <stdio.h>

/* Prints one line for each kernel tried (f may be NULL); false when one is wrong. */
bool ps_selftest(const ps_kernels *k, FILE *f);

#endif
