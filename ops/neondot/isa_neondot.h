/* ops/neondot/isa_neondot.h - names of the neondot kernels. */
#ifndef PS_OPS_NEONDOT_ISA_NEONDOT_H
#define PS_OPS_NEONDOT_ISA_NEONDOT_H

#define PS_ISA neondot
#include "ops/slots.h"

#endif
