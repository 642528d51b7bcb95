/* ops/avxvnni/isa_avxvnni.h - names of the avxvnni kernels. */
#ifndef PS_OPS_AVXVNNI_ISA_AVXVNNI_H
#define PS_OPS_AVXVNNI_ISA_AVXVNNI_H

#define PS_ISA avxvnni
#include "ops/slots.h"

#endif
