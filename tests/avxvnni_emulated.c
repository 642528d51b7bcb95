/* tests/avxvnni_emulated.c - the kernels of ops/avxvnni where there is no AVX-VNNI: the same source with the same
 * instruction in the coding of AVX-512, or in steps of AVX2.  Never in the dispatch of the library. */
#define PS_ISA avxvnni_emulated
#include "ops/slots.h"

#include "runtime/cpu.h"
#include "tests/avxvnni_emulated.h"

#ifdef __AVX2__
#if defined(__AVX512VNNI__) && defined(__AVX512VL__)
#define U8_DOT _mm256_dpbusd_epi32
enum { NEED = PS_CPU_avx512vnni };
#else
#define U8_DOT vdot_any
enum { NEED = PS_CPU_avx2 };
#endif
#include "ops/tmpl/gemm_u8_ymm.inc"

#include "ops/vec/bytes_avx2.h"
#include "ops/vec/fours.h"

VINLINE vi ddot(vi sum, vi x, vi w)
{
    return U8_DOT(sum, x, w);
}

#include "ops/tmpl/dwconv_u8.inc"

bool avxvnni_emulated_select(ps_kernels *k)
{
    if (!(ps_cpu_flags() & NEED)) return false;
    k->gemm_u8 = ps_gemm_u8_avxvnni_emulated;
    k->dwconv_u8 = ps_dwconv_u8_avxvnni_emulated;
    k->gemm_u8_tile = (ps_tile){.mr = 12, .nr = U8_NR};
    k->name_u8 = "avxvnni_emulated";
    return true;
}
#else
bool avxvnni_emulated_select(ps_kernels *k)
{
    (void)k;
    return false;
}
#endif
