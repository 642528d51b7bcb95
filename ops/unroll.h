/* ops/unroll.h - asks for a loop of constant count to be written out, so that arrays become registers; and hides where
 * a pointer comes from, without which the compiler keeps one for every row and spills.  Loads behind PS_STAY() are not moved
 * before it, where they would need registers. */
#ifndef PS_OPS_UNROLL_H
#define PS_OPS_UNROLL_H

#if defined(__clang__)
#define PS_UNROLL _Pragma("clang loop unroll(full)")
#else
#define PS_UNROLL _Pragma("GCC unroll 32")
#endif

#define PS_OPAQUE(x) __asm__("" : "+r"(x))
#define PS_STAY() __asm__ volatile("" : : : "memory")

#endif
