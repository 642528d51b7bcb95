/* app/kernel_slots.h - which instruction set's function sits in each slot of a table of kernels. */
#ifndef PS_APP_KERNEL_SLOTS_H
#define PS_APP_KERNEL_SLOTS_H

#include "ops/kernels.h"

void ps_slots_each(const ps_kernels *k, void (*tell)(void *ctx, const char *slot, const char *isa), void *ctx);

#endif
