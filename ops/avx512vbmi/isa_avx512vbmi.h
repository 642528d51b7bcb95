/* ops/avx512vbmi/isa_avx512vbmi.h - names of the avx512vbmi kernels. */
#ifndef PS_OPS_AVX512VBMI_ISA_AVX512VBMI_H
#define PS_OPS_AVX512VBMI_ISA_AVX512VBMI_H

#define PS_ISA avx512vbmi
#include "ops/slots.h"

#endif
