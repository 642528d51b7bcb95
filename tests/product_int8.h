/* tests/product_int8.h - what products of quantised tensors give, to the bit, and what they are tested with. */
#ifndef PS_TESTS_PRODUCT_INT8_H
#define PS_TESTS_PRODUCT_INT8_H

#include "nn/params.h"
#include "tests/op_test.h"

/* Which optional parts a case has, and how its tensors lie. */
typedef struct product_way {
    ot_layout x, r;
    bool bias, residual, table, real; /* real: the output is f32 */
    bool one_scale;                   /* for all output channels */
    bool extreme;                     /* codes of 0 and 255, weights of -128 and 127 */
    ps_fused fused;
} product_way;

product_way product_random_way(void);

/* Everything but x's and the weights' shapes: makes the other tensors and checks the case for every kernel, layout and
 * number of threads.  Of `t`, op, params, in[0] and in[1] are set; the output has `channels` along `axis` (from its end). */
void product_check(ot_case *t, const product_way *way, int32_t channels, int64_t terms, ot_oracle *oracle);

poise_tensor product_codes(int rank, const int32_t *dim, ot_layout layout, bool extreme);
poise_tensor product_weights(int rank, const int32_t *dim, bool extreme);

/* What element `at` of the output is whose sum of (x - zero of x)*w is given; channel: its output channel. */
double product_finish(const ot_case *t, const ps_fused *f, float alpha, int64_t sum, int32_t channel, const int32_t *at);

#endif
