/* app/kernel_slots.c - goes through the slots of a table of kernels. */
#include "app/kernel_slots.h"

void ps_slots_each(const ps_kernels *k, void (*tell)(void *ctx, const char *slot, const char *isa), void *ctx)
{
#define PS_SLOT(slot, ret, args)                   \
    for (const ps_isa *i = ps_isas; i->name; i++)  \
        if (i->table->slot == k->slot) {           \
            tell(ctx, #slot, i->name);             \
            break;                                 \
        }
#include "ops/kernels.def"
#undef PS_SLOT
}
