/* ops/avx512vnni/isa_avx512vnni.h - names of the avx512vnni kernels. */
#ifndef PS_OPS_AVX512VNNI_ISA_AVX512VNNI_H
#define PS_OPS_AVX512VNNI_ISA_AVX512VNNI_H

#define PS_ISA avx512vnni
#include "ops/slots.h"

#endif
