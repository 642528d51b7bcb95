/* ops/neoni8mm/isa_neoni8mm.h - names of the neoni8mm kernels. */
#ifndef PS_OPS_NEONI8MM_ISA_NEONI8MM_H
#define PS_OPS_NEONI8MM_ISA_NEONI8MM_H

#define PS_ISA neoni8mm
#include "ops/slots.h"

#endif
