/* ops/targets.c - which instruction sets a processor has by name, and what their tables want packed. */
#include "ops/targets.h"

#include "ops/tiles.h"
#include "runtime/cpu.h"

#include <stdio.h>
#include <string.h>

/* ---- processors ---- */

enum {
    V2 = PS_CPU_sse4,
    V3 = V2 | PS_CPU_avx2,
    V4 = V3 | PS_CPU_avx512,
    VNNI = V4 | PS_CPU_avx512vnni,
    ICE = VNNI | PS_CPU_avx512vbmi,
    ZEN4 = ICE | PS_CPU_avx512bf16,
    SPR = ICE | PS_CPU_avxvnni | PS_CPU_amx,
    V80 = PS_CPU_neon,
    IN_ORDER = PS_CPU_neon | PS_CPU_neon_inorder,
    V82 = PS_CPU_neon | PS_CPU_neonfp16 | PS_CPU_neondot,
    V86 = V82 | PS_CPU_neonbf16 | PS_CPU_neoni8mm,
};

/* Of those that pack alike the first is what ps_target_here says: general names come first. */
const ps_target ps_targets[] = {
    {"x86-64", "x86_64", 0},
    {"x86-64-v2", "x86_64", V2},
    {"x86-64-v3", "x86_64", V3},
    {"alderlake", "x86_64", V3 | PS_CPU_avxvnni},
    {"x86-64-v4", "x86_64", V4},
    {"cascadelake", "x86_64", VNNI},
    {"icelake", "x86_64", ICE},
    {"zen4", "x86_64", ZEN4},
    {"sapphirerapids", "x86_64", SPR},
    {"armv8-a", "aarch64", V80},
    {"cortex-a35", "aarch64", IN_ORDER},
    {"cortex-a53", "aarch64", IN_ORDER},
    {"cortex-a55", "aarch64", V82 | IN_ORDER},
    {"cortex-a57", "aarch64", V80},
    {"cortex-a72", "aarch64", V80},
    {"cortex-a73", "aarch64", V80},
    {"armv8.2-a", "aarch64", V82},
    {"cortex-a75", "aarch64", V82},
    {"cortex-a76", "aarch64", V82},
    {"cortex-a77", "aarch64", V82},
    {"cortex-a78", "aarch64", V82},
    {"cortex-x1", "aarch64", V82},
    {"neoverse-n1", "aarch64", V82},
    {"armv8.6-a", "aarch64", V86},
    {"cortex-a510", "aarch64", V86 | IN_ORDER},
    {"cortex-a710", "aarch64", V86},
    {"cortex-a715", "aarch64", V86},
    {"cortex-x2", "aarch64", V86},
    {"neoverse-v1", "aarch64", V86},
    {"neoverse-n2", "aarch64", V86},
    {"arm", "arm", 0},
    {"cortex-a8", "arm", 0}, /* their floating point is VFPv3: no fused multiply-add */
    {"cortex-a9", "arm", 0},
    {"armv7-a", "arm", V80}, /* with VFPv4; any ARMv8 processor in 32 bits, too */
    {"cortex-a5", "arm", V80},
    {"cortex-a7", "arm", V80},
    {"cortex-a15", "arm", V80},
    {"cortex-a17", "arm", V80},
    {0},
};

const ps_target *ps_target_find(const char *name)
{
    for (const ps_target *t = ps_targets; t->name; t++)
        if (!strcmp(t->name, name)) return t;
    return NULL;
}

const char *ps_target_names(char buf[PS_TARGETS_TEXT])
{
    size_t at = 0;
    for (const ps_target *t = ps_targets; t->name && at < PS_TARGETS_TEXT; t++)
        at += (size_t)snprintf(buf + at, PS_TARGETS_TEXT - at, "%s%s", at ? " " : "", t->name);
    return buf;
}

/* ---- what their tables want ---- */

typedef struct row {
    unsigned need;
    const char *name;
    ps_tile f32, bf16, f16, u8;
    unsigned fast;
} row;

#define ROW(isa, fm, fn, hm, hn, hk, gm, gn, um, un, quick) \
    {PS_CPU_##isa, #isa, {fm, fn, 0}, {hm, hn, hk}, {gm, gn, gn != 0}, {um, un, 0}, quick},
static const row x86_64_rows[] = {PS_TILES_x86_64(ROW){0}}, aarch64_rows[] = {PS_TILES_aarch64(ROW){0}},
                 arm_rows[] = {PS_TILES_arm(ROW){0}};
#undef ROW

static const struct {
    const char *arch;
    const row *rows;
} archs[] = {{"x86_64", x86_64_rows}, {"aarch64", aarch64_rows}, {"arm", arm_rows}};

#if defined(__x86_64__)
static const char here_arch[] = "x86_64";
#elif defined(__aarch64__)
static const char here_arch[] = "aarch64";
#elif defined(__arm__)
static const char here_arch[] = "arm";
#else
static const char here_arch[] = "";
#endif

static const row *rows_of(const char *arch)
{
    size_t i = 0;
    while (strcmp(archs[i].arch, arch)) i++; /* that of a target is there */
    return archs[i].rows;
}

/* As ps_kernels_select does it. */
static void set_tiles(const row *r, unsigned flags, ps_kernels *k)
{
    k->fast = 0;
    for (; r->name; r++) {
        if ((r->need & flags) != r->need) continue;
        if (r->f32.nr) k->gemm_f32_tile = r->f32, k->name = r->name;
        if (r->bf16.nr) k->gemm_bf16_tile = r->bf16, k->name_bf16 = r->name;
        if (r->f16.nr) k->gemm_f16_tile = r->f16, k->name_f16 = r->name;
        if (r->u8.nr) k->gemm_u8_tile = r->u8, k->name_u8 = r->name;
        k->fast |= r->fast;
    }
}

void ps_target_kernels(const ps_target *t, ps_kernels *k)
{
    ps_kernels_select(k, 0);
    set_tiles(rows_of(t->arch), t->flags, k);
}

static bool same_tile(ps_tile a, ps_tile b)
{
    return a.nr == b.nr && a.mr == b.mr && a.kr == b.kr;
}

const ps_target *ps_target_here(unsigned flags)
{
    ps_kernels here, there;
    ps_kernels_select(&here, flags);
    for (const ps_target *t = ps_targets; t->name; t++) {
        if (strcmp(t->arch, here_arch)) continue;
        ps_target_kernels(t, &there);
        if (same_tile(here.gemm_f32_tile, there.gemm_f32_tile) &&
            same_tile(here.gemm_bf16_tile, there.gemm_bf16_tile) &&
            same_tile(here.gemm_f16_tile, there.gemm_f16_tile) &&
            same_tile(here.gemm_u8_tile, there.gemm_u8_tile) && here.fast == there.fast)
            return t;
    }
    return NULL;
}
