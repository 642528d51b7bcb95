/* ops/neonfp16/isa_neonfp16.h - names of the neonfp16 kernels. */
#ifndef PS_OPS_NEONFP16_ISA_NEONFP16_H
#define PS_OPS_NEONFP16_ISA_NEONFP16_H

#define PS_ISA neonfp16
#include "ops/slots.h"

#endif
