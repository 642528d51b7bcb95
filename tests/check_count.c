/* tests/check_count.c - marks one run of a kernel for an emulator that counts instructions (bench/insn_count.c). */
#include "tests/check.h"

#include <fnmatch.h>
#include <stdio.h>

bool check_count_wanted(const check *c, const char *label, double work, const char *unit)
{
    if (fnmatch(c->only, label, 0)) return false;
    printf("count\t%s\t%s\t%s\t%.0f\t%s\t%d\t%d\n", c->isa, c->slot, label, work, unit, c->tile.mr, c->tile.nr);
    return true;
}

/* In a file of their own, so that no compiler leaves the calls out. */
void check_count_begin(void)
{
}

void check_count_end(void)
{
}
