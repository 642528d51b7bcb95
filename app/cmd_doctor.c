/* app/cmd_doctor.c - poise doctor: what this machine has, which kernels run, and whether they are right. */
#include "app/cli.h"
#include "app/machine.h"
#include "app/selftest.h"
#include "app/kernel_slots.h"
#include "nn/precision.h"
#include "ops/targets.h"
#include "runtime/cores.h"
#include "runtime/cpu.h"
#include "runtime/threads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What models get here unless somebody says otherwise. */
static void threads(void)
{
    ps_crew c;
    char cpus[PS_CPU_LIST_TEXT];
    ps_crew_choose(0, &c);
    printf("threads      %d by default", c.cores);
    if (c.cpus) printf(", kept on the big cores: CPUs %s", ps_cpu_list_text(c.cpus, cpus));
    if (c.most > c.cores) printf("; at most %d", c.most);
    printf("; %s\n", ps_threading() ? ps_threading() : "unknown POISE_THREADING (known: pool, openmp where built in)");
}

static void parts(void)
{
    printf("built with   OpenMP %s, JPEG %s, PNG %s, JSON reader %s\n", PS_WITH_OPENMP ? "yes" : "no", PS_WITH_JPEG ? "yes" : "no",
           PS_WITH_PNG ? "yes" : "no", PS_WITH_JSON ? "yes" : "no");
    printf("parts       %s%s%s%s%s%s%s\n", PS_WITH_ONNX ? " onnx" : "", PS_WITH_TFLITE ? " tflite" : "",
           PS_WITH_QUANTIZE ? " quantize" : "", PS_WITH_BENCH ? " bench" : "", PS_WITH_VAL ? " val" : "",
           PS_WITH_SCENE ? " scene" : "", PS_WITH_EMBED ? " and the network called default" : "");
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

static void print_slot(void *ctx, const char *slot, const char *isa)
{
    (void)ctx;
    printf("  %-18s %s\n", slot, isa);
}

static void slots(const ps_kernels *k)
{
    printf("kernels\n");
    ps_slots_each(k, print_slot, NULL);
    printf("  gemm tile          %d x %d; of bf16 %d x %d, of fp16 %d x %d, of u8 %d x %d\n", k->gemm_f32_tile.mr, k->gemm_f32_tile.nr, k->gemm_bf16_tile.mr,
           k->gemm_bf16_tile.nr, k->gemm_f16_tile.mr, k->gemm_f16_tile.nr, k->gemm_u8_tile.mr, k->gemm_u8_tile.nr);
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
    ps_machine m;
    ps_kernels_select(&k, use);
    printf("poise        %s\n", poise_version());
    ps_machine_read("", &m);
    ps_machine_print(stdout, &m);
    threads();
    sets(found, &k);
    target(use);
    parts();
    precisions(&k);
    slots(&k);
    bool right = ps_selftest(&k, stdout);
    printf("self-test    %s\n", right ? "passed" : "FAILED: results on this machine cannot be trusted");
    return right ? PS_EXIT_OK : PS_EXIT_FAILED;
}
