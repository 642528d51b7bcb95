/* runtime/cpu.h - what this processor can do. */
#ifndef PS_RUNTIME_CPU_H
#define PS_RUNTIME_CPU_H

#include <stdbool.h>
#include <stddef.h>

/* One bit for each folder ops/<isa>/; a table of kernels is used only where its bit is set. */
enum {
    PS_CPU_c = 0,
    PS_CPU_sse4 = 1 << 0,   /* SSE4.1 (and SSSE3) */
    PS_CPU_avx2 = 1 << 1,   /* AVX2 + FMA + F16C, and the system saves YMM registers */
    PS_CPU_avx512 = 1 << 2, /* AVX-512 F, BW, DQ, VL, and the system saves ZMM registers */
    PS_CPU_neon = 1 << 3,         /* NEON: of ARMv8-A, or of ARMv7-A with VFPv4 */
    PS_CPU_neon_inorder = 1 << 8, /* ... in cores that all issue instructions in the order of the program */
    PS_CPU_neonfp16 = 1 << 9,     /* arithmetic on half-precision floats */
    PS_CPU_neondot = 1 << 10,     /* dot products of bytes */
    PS_CPU_neonbf16 = 1 << 11,    /* products of bfloat16 */
    PS_CPU_neoni8mm = 1 << 13,    /* matrix products of bytes, and dot products */
    PS_CPU_avx512bf16 = 1 << 4, /* AVX-512 and its BF16, where two products of it cost what one of floats does */
    PS_CPU_amx = 1 << 5,        /* AMX tiles, BF16 and INT8, permitted by the system; and AVX-512 with BF16 */
    PS_CPU_avxvnni = 1 << 7,    /* AVX2 and AVX-VNNI */
    PS_CPU_avx512vnni = 1 << 6, /* AVX-512 and its VNNI */
    PS_CPU_avx512vbmi = 1 << 12, /* AVX-512 and its VBMI */
};

/* Bits found on this machine.  The first call asks the system for AMX. */
unsigned ps_cpu_flags(void);
/* Whether the processor has AMX and the system refused it. */
bool ps_cpu_amx_refused(void);

/* ARM's main ID register of the core that this thread runs on; 0: not known. */
unsigned ps_cpu_midr(void);
/* What the processor has, as Linux names it for ARM: "fp asimd fphp asimddp"; "" elsewhere, where instruction sets tell. */
void ps_cpu_features(char *buf, size_t size);

/* Which processor this is, as far as speed goes, in one word: "AuthenticAMD/25/17/7" (vendor, family, model, flags). */
void ps_cpu_id(char *buf, size_t size);

#endif
