/* convert/linear.h - nodes that multiply and shift each channel by constants, and the nodes whose weights can
 * take that over. */
#ifndef PS_CONVERT_LINEAR_H
#define PS_CONVERT_LINEAR_H

#include "convert/rewrite.h"

/* y = x*scale[c] + shift[c], where c runs along `axis`, or is 0 when axis is -1. */
typedef struct ps_linear {
    int32_t x;
    int axis;
    int32_t n; /* channels, 1 for a single number */
    int kind;  /* PS_BINARY_ADD ..., or one of the below */
    int32_t c[2];
    bool moves, scales; /* some shift is not 0, some scale is not 1 */
} ps_linear;
enum { PS_LINEAR_AFFINE = 100, PS_LINEAR_FROM = 101 /* constant - x */ };

/* What n does, if it is such a node (an affine without activation; +, -, *, / with a constant operand). */
bool ps_linear_of(ps_rewrite *w, const ps_node *n, ps_linear *l);
double ps_linear_scale(const ps_rewrite *w, const ps_linear *l, int32_t i);
double ps_linear_shift(const ps_rewrite *w, const ps_linear *l, int32_t i);

/* How the elements of a weight tensor belong to channels: element e has channel
 * (e / inner) % count, plus (e / group_size) * count for grouped ones (group_size 0: not grouped). */
typedef struct ps_channels {
    size_t inner, count, group_size;
} ps_channels;
/* The channels of n's outputs or (input true) inputs in its weights in[1]. */
ps_channels ps_weight_channels(ps_rewrite *w, const ps_node *n, bool input);

#endif
