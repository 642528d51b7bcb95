/* tests/op_test.h - runs one operator on tensors with any strides and compares it with a slow oracle. */
#ifndef PS_TESTS_OP_TEST_H
#define PS_TESTS_OP_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nn/op.h"

/* How the elements of a test tensor lie in memory.  Outputs use those before OT_OUT_LAYOUTS. */
typedef enum ot_layout {
    OT_ROW,      /* dense, row-major */
    OT_LAST,     /* dense, channels-last from rank 3 on */
    OT_LAST_GAP, /* channels-last, a gap after each pixel */
    OT_ROW_GAP,  /* row-major, a gap after each row */
    OT_STRIDED,  /* row-major, every second element */
    OT_OUT_LAYOUTS,
    OT_REVERSED = OT_OUT_LAYOUTS, /* row-major, all strides negative */
    OT_BROADCAST,                 /* row-major, every second dimension has stride 0 */
    OT_LAYOUTS
} ot_layout;

enum { OT_MAX = 8 }; /* most inputs, most outputs */
enum { OT_HALF_OUT = 1 << 16 };

/* Repeatable random numbers; $OT_SEED chooses others. */
uint32_t ot_random(uint32_t below); /* 0..below-1 */
double ot_uniform(double lo, double hi);
int32_t ot_between(int32_t lo, int32_t hi); /* lo..hi */

/* A tensor in memory of its own, zeroed; released by ot_free_all (call it at the end of each test). */
poise_tensor ot_tensor(poise_type type, int rank, const int32_t *dim, ot_layout layout);
/* The same with uniformly random contents: whole numbers in integer types, clipped to their range. */
poise_tensor ot_random_tensor(poise_type type, int rank, const int32_t *dim, ot_layout layout, double lo,
                              double hi);
/* Rounds the contents of an f32 tensor to what bfloat16 and, within its range, IEEE halves can hold. */
void ot_round_to_half(const poise_tensor *t);
/* A row-major tensor with the given contents. */
poise_tensor ot_tensor_of(poise_type type, int rank, const int32_t *dim, const double *values);
void ot_free_all(void);

/* Elements by index (one entry for each dimension), or by row-major position.  Values of i64 beyond 2^53 are
 * not exact. */
double ot_get(const poise_tensor *t, const int32_t *index);
void ot_set(const poise_tensor *t, const int32_t *index, double value);
double ot_at(const poise_tensor *t, size_t i);
void ot_put(const poise_tensor *t, size_t i, double value);
/* The index of row-major position i, and back. */
void ot_index(const poise_tensor *t, size_t i, int32_t *index);
size_t ot_position(const poise_tensor *t, const int32_t *index);

/* A node under test.  in[i] NULL = absent; bit i of `constants`: input i is a constant (must be OT_ROW). */
typedef struct ot_case {
    const ps_op *op;
    const void *params;
    int n_in, n_out;
    const poise_tensor *in[OT_MAX];
    unsigned constants;
    unsigned half; /* bit i: input i, OT_HALF_OUT: out[0], are of half_type, set behind infer(), which sees f32 */
    poise_type half_type; /* bf16 or f16 */
    float scale; /* of out[0], where it is to be quantised (want[0] of the oracle carries them): codes are compared */
    int32_t zero;
    int variant; /* for ot_run; ot_check goes through all of them */
    double abs, rel; /* tolerance: |got - want| <= abs + rel*|want| */
} ot_case;

/* Writes what is right into want[], tensors of type f64 with the dims of the outputs. */
typedef void ot_oracle(const ot_case *t, const poise_tensor *want);

/* Infers types and dims of the outputs (out[j] with strides and data unset). */
poise_status ot_infer(const ot_case *t, poise_tensor *out);
/* Packs and runs with these kernels; false when the operator has no such variant, and nothing was done. */
bool ot_run(const ot_case *t, const ps_kernels *k, int threads, const poise_tensor *out);
/* Infers, then runs with every ISA of this machine, 1, 2 and 4 threads and every output layout: fails the
 * test when a value is wrong, bits depend on threads, or a byte outside the output was written.  Then again with some of
 * the f32 tensors as bf16, as far as the operator allows it. */
void ot_check(const ot_case *t, ot_oracle *oracle);
/* The result written over input i, which must be like the output; its contents are put back. */
void ot_check_inplace(const ot_case *t, int i, ot_oracle *oracle);
/* Infer must fail, with a text that contains `part`. */
void ot_refuse(const ot_case *t, const char *part);

#endif
