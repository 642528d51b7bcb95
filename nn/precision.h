/* nn/precision.h - which values of a network have 16 bits, which products are of bytes, and what that is called. */
#ifndef PS_NN_PRECISION_H
#define PS_NN_PRECISION_H

#include "nn/op.h"

/* The metadata key under which a file records the precision it wants. */
#define PS_PRECISION_KEY "poise.precision"

/* The precision of a name; false when there is none. */
bool ps_precision_by_name(const char *name, poise_precision *out);

/* What precision p runs on with these kernels, as poise_model_kernels says it; gives whether that is bf16 or f16. */
enum { PS_PRECISION_TEXT = 160 };
bool ps_precision_kernels(poise_precision p, const ps_kernels *k, char text[PS_PRECISION_TEXT]);

/* Whether a node's products are of bytes, and the multiply-accumulates of such nodes. */
bool ps_node_is_int8(const ps_graph *g, const ps_node *n);
uint64_t ps_graph_int8_macs(const ps_graph *g);
/* Whether a node of a quantised network computes in floats: it neither has codes alone, nor moves elements or converts. */
bool ps_node_is_float_island(const ps_graph *g, const ps_node *n);

/* Makes values of a graph whose shapes are inferred bf16 or f16, and adds casts in front of products where what they
 * read stays f32.  Inputs and outputs of the graph keep their types. */
poise_status ps_precision_narrow(ps_graph *g, poise_type half);

#endif
