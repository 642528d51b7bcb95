/* nn/unary_math.h - the functions of op_unary.c on dense rows. */
#ifndef PS_NN_UNARY_MATH_H
#define PS_NN_UNARY_MATH_H

#include "nn/params.h"
#include "ops/kernels.h"

/* y[i] = f(x[i]), f32 to f32; y may be x. */
void ps_unary_f32(const ps_kernels *k, const ps_unary_params *p, size_t n, const float *x, float *y);
/* The same for integers and bool, for those kinds that infer() allows: results wrap. */
void ps_unary_integer(int32_t kind, poise_type type, size_t n, const void *x, void *y);
/* f32 to bool: PS_UNARY_IS_NAN and PS_UNARY_IS_INF. */
void ps_unary_test(const ps_unary_params *p, size_t n, const float *x, uint8_t *y);

#endif
