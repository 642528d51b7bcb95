/* ops/kernels.c - merges the per-ISA tables.  PS_ISA_LIST(X) comes from the Makefile. */
#include "ops/kernels.h"

#include "runtime/cpu.h"

#include <string.h>

#define X(isa) extern const ps_kernels ps_kernels_##isa;
PS_ISA_LIST(X)
#undef X

const ps_isa ps_isas[] = {
#define X(isa) {#isa, PS_CPU_##isa, &ps_kernels_##isa},
    PS_ISA_LIST(X)
#undef X
    {0}};

static const char known_names[] =
#define X(isa) " " #isa
    PS_ISA_LIST(X)
#undef X
    ;

void ps_kernels_select(ps_kernels *k, unsigned flags)
{
    *k = *ps_isas[0].table;
    for (const ps_isa *isa = ps_isas; isa->name; isa++) {
        const ps_kernels *t = isa->table;
        if ((isa->need & flags) != isa->need) continue;
#define PS_SLOT(slot, ret, args) \
    if (t->slot) k->slot = t->slot;
#include "ops/kernels.def"
#undef PS_SLOT
        if (t->gemm_f32) {
            k->gemm_f32_tile = t->gemm_f32_tile;
            k->name = isa->name;
        }
        if (t->gemm_bf16) {
            k->gemm_bf16_tile = t->gemm_bf16_tile;
            k->name_bf16 = isa->name;
        }
        if (t->gemm_f16) {
            k->gemm_f16_tile = t->gemm_f16_tile;
            k->name_f16 = isa->name;
        }
        if (t->gemm_u8) {
            k->gemm_u8_tile = t->gemm_u8_tile;
            k->name_u8 = isa->name;
        }
        k->fast |= t->fast;
    }
}

bool ps_kernels_weaker(const ps_kernels *k, unsigned flags, ps_kernels *weaker)
{
    bool found = false;
    unsigned upto = 0;
    for (const ps_isa *isa = ps_isas; isa->name; isa++) {
        ps_kernels t;
        upto |= isa->need;
        if (!(isa->need & flags & (PS_CPU_avx2 | PS_CPU_avx512))) continue;
        ps_kernels_select(&t, flags & upto);
        if (t.gemm_f32 == k->gemm_f32) break;
        *weaker = t;
        found = true;
    }
    return found;
}

bool ps_kernels_cap(const char *isa, unsigned *flags, const char **known)
{
    *known = known_names + 1;
    if (!isa || !*isa) return true;
    unsigned upto = 0;
    for (const ps_isa *i = ps_isas; i->name; i++) {
        upto |= i->need;
        if (!strcmp(i->name, isa)) {
            *flags &= upto;
            return true;
        }
    }
    return false;
}
