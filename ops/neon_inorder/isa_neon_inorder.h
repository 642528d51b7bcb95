/* ops/neon_inorder/isa_neon_inorder.h - names of the neon_inorder kernels. */
#ifndef PS_OPS_NEON_INORDER_ISA_NEON_INORDER_H
#define PS_OPS_NEON_INORDER_ISA_NEON_INORDER_H

#define PS_ISA neon_inorder
#include "ops/slots.h"

#endif
