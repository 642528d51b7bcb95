/* nn/rules.h - rules that the infer() of several operators share. */
#ifndef PS_NN_RULES_H
#define PS_NN_RULES_H

#include "nn/op.h"

/* f32, i32, i64, u8, i8. */
bool ps_is_number(poise_type t);
/* i32, i64, u8, i8. */
bool ps_is_integer(poise_type t);

/* Fails unless v is of type `want`; `what` names it in the text ("the condition"). */
poise_status ps_rule_type(const ps_value *v, const char *what, poise_type want);
/* Fails unless v is a number. */
poise_status ps_rule_number(const ps_value *v);
/* Fails unless axis is in 0..rank-1. */
poise_status ps_rule_axis(int32_t axis, int32_t rank);

/* Gives out the dims of x. */
void ps_shape_like(ps_value *out, poise_type type, const ps_value *x);
/* Gives out the dims that n inputs broadcast to, or fails with the shapes that do not fit. */
poise_status ps_rule_broadcast(int n, const ps_value *const *in, ps_value *out);

/* live() of operators whose output has the dims of input 0. */
int ps_live_same(const void *params, int i, int axis, const ps_value *const *in, const ps_value *out);
/* live() of n broadcasting inputs: every other input must be broadcast along that axis, or have the size of
 * the same node there. */
int ps_live_broadcast(int n, int i, int axis, const ps_value *const *in, const ps_value *out);

#endif
