/* nn/quantised.h - tensors of 8-bit codes (scale > 0): what a code stands for, and from one scale to another.
 *
 * One rule everywhere: a code stands for the float scale*(q - zero), and a float becomes the code that quantize_u8 gives. */
#ifndef PS_NN_QUANTISED_H
#define PS_NN_QUANTISED_H

#include "nn/op.h"

enum { PS_CODES = 256 };

static inline bool ps_is_quantised(const poise_tensor *t)
{
    return t->scale > 0 && t->type == POISE_U8;
}

/* The same, or i8: graph inputs and outputs of foreign files. */
static inline bool ps_is_codes(const poise_tensor *t)
{
    return t->scale > 0 && (t->type == POISE_U8 || t->type == POISE_I8);
}

/* Whether equal elements mean equal numbers: the same type and, if they are codes, the same scale and zero. */
static inline bool ps_same_numbers(const poise_tensor *a, const poise_tensor *b)
{
    return a->type == b->type && a->scale == b->scale && a->zero == b->zero;
}

/* What the codes of t stand for, byte by byte: functions of one tensor are computed once for each. */
void ps_all_reals(const ps_kernels *k, const poise_tensor *t, float real[PS_CODES]);
/* From n <= 256 floats to t's codes. */
void ps_codes_of(const ps_kernels *k, const poise_tensor *t, size_t n, const float *real, uint8_t *code);

/* y[i*sy] = table[x[i*sx]]; y may be x. */
void ps_lookup_row(const ps_kernels *k, const uint8_t *table, size_t n, const uint8_t *x, ptrdiff_t sx, uint8_t *y,
                   ptrdiff_t sy);
/* y = table[x], element by element; y may be x. */
void ps_lookup(const ps_kernels *k, int threads, const uint8_t *table, const poise_tensor *x, const poise_tensor *y);

/* Copies the numbers of x to y: f32 or codes (ps_is_codes), whichever, same dimensions, any strides; y may be x where the types
 * agree, else they do not overlap. */
void ps_move_real(const ps_kernels *k, int threads, const poise_tensor *x, const poise_tensor *y);

/* Whether any input or output of a call is quantised. */
bool ps_any_quantised(const ps_call *c);
/* Kernels to compute floats with that become codes: plain C, which gives the same bits on every processor (others fuse
 * multiply and add).  Where out[0] is not quantised, those of the call. */
const ps_kernels *ps_steady(const ps_call *c);

/* For operators that know floats only: scratch() and run() of a call with quantised inputs or outputs, which go through
 * float copies in working space; `scratch` (or NULL) and `run` are the operator's own.  At most 8 inputs, 4 outputs. */
size_t ps_float_scratch(const ps_call *c, size_t (*scratch)(const ps_call *c));
void ps_float_run(const ps_call *c, void (*run)(const ps_call *c));

/* ---- infer ---- */

/* Fails unless v holds real numbers: f32 or quantised u8. */
poise_status ps_rule_real(const ps_value *v, const char *what);
/* The type of an output computed from these numbers: u8 where one of them is quantised and the output has a scale. */
poise_type ps_real_type(int n_in, const ps_value *const *in, const ps_value *out);
/* Gives out the scale and zero of x. */
void ps_scale_like(ps_value *out, const ps_value *x);

#endif
