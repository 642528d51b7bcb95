/* ops/amx/isa_amx.h - names of the amx kernels. */
#ifndef PS_OPS_AMX_ISA_AMX_H
#define PS_OPS_AMX_ISA_AMX_H

#define PS_ISA amx
#include "ops/slots.h"

#endif
