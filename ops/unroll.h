/* ops/unroll.h - asks for a loop of constant count to be written out, so that arrays become registers. */
#ifndef PS_OPS_UNROLL_H
#define PS_OPS_UNROLL_H

#if defined(__clang__)
#define PS_UNROLL _Pragma("clang loop unroll(full)")
#else
#define PS_UNROLL _Pragma("GCC unroll 32")
#endif

#endif
