/* nn/convert_type.h - elements of any type as doubles or 64-bit integers, and back. */
#ifndef PS_NN_CONVERT_TYPE_H
#define PS_NN_CONVERT_TYPE_H

#include "poise.h"

#include <stdbool.h>

/* One element. */
double ps_load_real(poise_type t, const void *x);
int64_t ps_load_whole(poise_type t, const void *x); /* not for real types */
/* Real to integer truncates and saturates, NaN is 0; to bool: != 0; f16 and bf16 (through f32) round half to even. */
void ps_store_real(poise_type t, double v, void *y);
/* To a narrower integer keeps the low bits; to bool: != 0. */
void ps_store_whole(poise_type t, int64_t v, void *y);

/* n elements from type tx to type ty, both dense; x and y do not overlap. */
void ps_convert(poise_type tx, poise_type ty, size_t n, const void *x, void *y);

#endif
