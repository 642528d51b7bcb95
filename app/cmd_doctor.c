/* app/cmd_doctor.c - poise doctor: what this machine has, which kernels run, and whether they are right. */
#include "app/cli.h"
#include "app/selftest.h"
#include "nn/precision.h"
#include "ops/targets.h"
#include "runtime/cores.h"
#include "runtime/cpu.h"
#include "runtime/threads.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first line of a small file, without its end; false when there is none. */
static bool first_line(const char *path, char *buf, int size)
{
    FILE *f = fopen(path, "r");
    if (!f) return false;
    bool ok = fgets(buf, size, f) != NULL;
    fclose(f);
    if (ok) buf[strcspn(buf, "\n")] = 0;
    return ok && *buf;
}

/* The value of the first "key : value" line of a file. */
static bool field(const char *path, const char *key, char *buf, int size)
{
    char line[512];
    bool found = false;
    FILE *f = fopen(path, "r");
    while (f && !found && fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (!colon || strncmp(line, key, strlen(key))) continue;
        colon++;
        while (*colon == ' ' || *colon == '\t') colon++;
        snprintf(buf, (size_t)size, "%s", colon);
        buf[strcspn(buf, "\n")] = 0;
        found = *buf != 0;
    }
    if (f) fclose(f);
    return found;
}

static void processor(void)
{
    static const char *const keys[] = {"model name", "Model", "Hardware", "cpu model", "CPU part"};
    char name[256] = "unknown";
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (field("/proc/cpuinfo", keys[i], name, sizeof name)) break;
    printf("cpu          %s\ncores        %d for this process\n", name, ps_cores());
}

static void caches(void)
{
    for (int i = 0; i < 8; i++) {
        char path[128], level[32], kind[32], size[32];
        const char *at = "/sys/devices/system/cpu/cpu0/cache/index";
        snprintf(path, sizeof path, "%s%d/level", at, i);
        if (!first_line(path, level, sizeof level)) return;
        snprintf(path, sizeof path, "%s%d/type", at, i);
        if (!first_line(path, kind, sizeof kind)) return;
        snprintf(path, sizeof path, "%s%d/size", at, i);
        if (!first_line(path, size, sizeof size)) return;
        printf("cache        L%s %-11s %s\n", level, kind, size);
    }
}

static void temperatures(void)
{
    DIR *d = opendir("/sys/class/thermal");
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[512], kind[64] = "", milli[32];
        if (strncmp(e->d_name, "thermal_zone", 12)) continue;
        snprintf(path, sizeof path, "/sys/class/thermal/%s/type", e->d_name);
        first_line(path, kind, sizeof kind);
        snprintf(path, sizeof path, "/sys/class/thermal/%s/temp", e->d_name);
        if (first_line(path, milli, sizeof milli)) printf("temperature  %s %.1f C\n", kind, atof(milli) / 1000);
    }
    if (d) closedir(d);
}

static void memory(void)
{
    char all[64], available[64];
    if (field("/proc/meminfo", "MemTotal", all, sizeof all) &&
        field("/proc/meminfo", "MemAvailable", available, sizeof available))
        printf("memory       %.0f MB, %.0f MB available\n", atof(all) / 1024, atof(available) / 1024);
}

static void parts(void)
{
    printf("threads      %s\n", ps_threading() ? ps_threading() : "unknown POISE_THREADING (known: pool, openmp where built in)");
    printf("built with   OpenMP %s, JPEG %s, PNG %s, JSON reader %s\n", PS_WITH_OPENMP ? "yes" : "no", PS_WITH_JPEG ? "yes" : "no",
           PS_WITH_PNG ? "yes" : "no", PS_WITH_JSON ? "yes" : "no");
}

static void sets(unsigned found, const ps_kernels *k)
{
    printf("isa          found:");
    for (const ps_isa *i = ps_isas; i->name; i++)
        if ((i->need & found) == i->need) printf(" %s", i->name);
    printf("; built in:");
    for (const ps_isa *i = ps_isas; i->name; i++) printf(" %s", i->name);
    printf("; in use: up to %s\n", k->name);
    if (ps_cpu_amx_refused()) printf("amx          refused to this process by the system (arch_prctl, tile data)\n");
}

/* Which ISA's function sits in each slot. */
static void slots(const ps_kernels *k)
{
    printf("kernels\n");
#define PS_SLOT(slot, ret, args)                                                     \
    for (const ps_isa *i = ps_isas; i->name; i++)                                    \
        if (i->table->slot == k->slot) {                                             \
            printf("  %-18s %s\n", #slot, i->name);                                  \
            break;                                                                   \
        }
#include "ops/kernels.def"
#undef PS_SLOT
    printf("  gemm tile          %d x %d; of bf16 %d x %d, of u8 %d x %d\n", k->gemm_f32_tile.mr, k->gemm_f32_tile.nr, k->gemm_bf16_tile.mr,
           k->gemm_bf16_tile.nr, k->gemm_u8_tile.mr, k->gemm_u8_tile.nr);
}

static void precisions(const ps_kernels *k)
{
    for (int p = POISE_EXACT; p <= POISE_INT8; p++) {
        char text[PS_PRECISION_TEXT];
        ps_precision_kernels((poise_precision)p, k, text);
        printf("precision    %s\n", text);
    }
}

/* By what name other machines pack weights for this one. */
static void target(unsigned use)
{
    const ps_target *t = ps_target_here(use);
    if (t) printf("target       %s\n", t->name);
    else printf("target       none by name: a processor or a choice of kernels that is not in the list\n");
}

int ps_cmd_doctor(const ps_args *a)
{
    unsigned found = ps_cpu_flags(), use = found;
    const char *isa = a->isa ? a->isa : getenv("POISE_ISA"), *known;
    if (!ps_kernels_cap(isa, &use, &known))
        return ps_cli_error(POISE_BAD_ARGUMENT, "isa: '%.40s' is not one of %s", isa, known);
    ps_kernels k;
    ps_kernels_select(&k, use);
    printf("poise        %s\n", poise_version());
    processor();
    caches();
    memory();
    temperatures();
    sets(found, &k);
    target(use);
    parts();
    precisions(&k);
    slots(&k);
    bool right = ps_selftest(&k, stdout);
    printf("self-test    %s\n", right ? "passed" : "FAILED: results on this machine cannot be trusted");
    return right ? PS_EXIT_OK : PS_EXIT_FAILED;
}
