/* nn/binary_math.h - the functions of op_binary.c on rows. */
#ifndef PS_NN_BINARY_MATH_H
#define PS_NN_BINARY_MATH_H

#include "nn/params.h"
#include "ops/kernels.h"

/* y[i] = f(x0[i*s0], x1[i*s1]), s0 and s1 0 or 1; y may be x0 or x1.  f32 to f32. */
void ps_binary_f32(const ps_kernels *k, int32_t kind, size_t n, const float *x0, int s0, const float *x1,
                   int s1, float *y);
/* The same for integers and bool of one type.  Results wrap; division by zero is 0; shifts by the width or
 * more (or by less than 0) leave the sign. */
void ps_binary_integer(int32_t kind, poise_type type, size_t n, const void *x0, int s0, const void *x1,
                       int s1, void *y);
/* Comparisons: two of one type to bool. */
void ps_binary_compare(int32_t kind, poise_type type, size_t n, const void *x0, int s0, const void *x1,
                       int s1, uint8_t *y);
/* Power with any two numeric types; y has the type of x0, integers wrap or saturate. */
void ps_binary_power(poise_type t0, poise_type t1, size_t n, const void *x0, int s0, const void *x1, int s1,
                     void *y);

#endif
