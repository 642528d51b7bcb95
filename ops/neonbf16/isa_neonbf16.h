/* ops/neonbf16/isa_neonbf16.h - names of the neonbf16 kernels. */
#ifndef PS_OPS_NEONBF16_ISA_NEONBF16_H
#define PS_OPS_NEONBF16_ISA_NEONBF16_H

#define PS_ISA neonbf16
#include "ops/slots.h"

#endif
