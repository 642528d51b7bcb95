/* nn/widen.h - rows of f32, bf16, f16 or quantised u8 as floats: how an operator computes in f32 on values that are stored in
 * fewer bits. */
#ifndef PS_NN_WIDEN_H
#define PS_NN_WIDEN_H

#include "nn/op.h"

/* Elements to convert at a time: with three rows of floats and their halves still in L1, and on the stack. */
enum { PS_WIDEN = 256 };

/* n elements of t from x on, `step` apart, as dense floats: x itself where it is that already, else in room (n floats,
 * which may be x if both begin at the same element and are f32).  t is f32, bf16, f16 or codes (u8; i8 where a graph begins and
 * ends). */
const float *ps_widen(const ps_kernels *k, const poise_tensor *t, size_t n, const void *x, ptrdiff_t step, float *room);
/* The way back: from n dense floats to elements of t at y.  Nothing happens where they are y. */
void ps_narrow_to(const ps_kernels *k, const poise_tensor *t, size_t n, const float *x, void *y, ptrdiff_t step);

/* Whether any tensor of a call is bf16 or f16, or any is that or quantised. */
bool ps_has_half(const ps_call *c);
bool ps_is_mixed(const ps_call *c);

/* narrow() of operators that move elements: out[0] has the type of input 0, or of all inputs. */
ps_narrow ps_narrow_first(const void *params, int n_in, const ps_value *const *in, const ps_value *out);
ps_narrow ps_narrow_all(const void *params, int n_in, const ps_value *const *in, const ps_value *out);
/* narrow() of operators that compute through ps_widen: input 0, or the first two, and out[0], independently. */
ps_narrow ps_narrow_each(const void *params, int n_in, const ps_value *const *in, const ps_value *out);
ps_narrow ps_narrow_both(const void *params, int n_in, const ps_value *const *in, const ps_value *out);

#endif
