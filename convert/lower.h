/* convert/lower.h - what the files of the lowering to integers share.  The pass itself is in lower_int8.h.
 *
 * The old nodes are visited in running order; new ones are added behind them in g->nodes and replace them in the end.
 * A node that works on quantised numbers is not made when it is visited: whoever needs its value says in which form,
 * as codes of some scale (ps_lower_codes) or as it was (ps_lower_as_is), and only then is it known what to make.
 * "Old" values are those that were there before; ids of emitted ones are indices of g->values too. */
#ifndef PS_CONVERT_LOWER_H
#define PS_CONVERT_LOWER_H

#include "nn/op.h"
#include "nn/params.h"

enum {
    PS_LOWER_CODES = 256,
    PS_LOWER_DEPTH = 32, /* nodes that wait for one another: bounds recursion */
    PS_LOWER_SIZE = 64   /* nodes of a function that becomes a table */
};

/* real = scale * (q - zero) */
typedef struct ps_scale {
    float scale;
    int32_t zero;
} ps_scale;

/* What is known of an old value. */
typedef enum ps_form_kind {
    PS_FORM_PLAIN, /* nothing: it is made as it was */
    PS_FORM_EQUAL, /* exactly the numbers that the quantised value `id` stands for */
    PS_FORM_TABLE, /* a function of each code of the quantised value `id` */
    PS_FORM_WAITS  /* depends on quantised values; to be made when it is needed */
} ps_form_kind;

/* In which form all readers of a value need it. */
typedef enum ps_want { PS_WANT_UNKNOWN, PS_WANT_CODES /* of one scale */, PS_WANT_MORE /* of several, or as it is */ } ps_want;

typedef struct ps_form {
    int32_t kind;  /* ps_form_kind */
    int32_t id;    /* see ps_form_kind */
    int32_t as_is; /* the value with its old type, -1 = not made yet */
    int32_t maker; /* old node, -1 = none */
    int32_t uses;  /* readers among old nodes and outputs of the graph */
    int32_t want;  /* ps_want: what they need */
    ps_scale wanted;
    int32_t depth, size;
    int32_t codes;  /* the codes that were asked for last, -1 = none, and their scale */
    ps_scale codes_scale;
    int32_t weights, weights_scale; /* a constant as weights of `weights_op`; -1 = not yet */
    const ps_op *weights_op;
    int32_t weights_kind;
} ps_form;

typedef struct ps_lower {
    ps_graph *g;
    ps_form *form;   /* of old values */
    int32_t *made_by; /* per value: new node that makes it, -1 = none */
    int32_t n_old, n_old_nodes, cap;
    int32_t left;  /* nodes that may still be made for codes */
    size_t budget; /* bytes of weights that may still be rewritten */
    ps_kernels c;  /* plain C: tables are the same whoever makes them */
} ps_lower;

/* ---- lower_int8.c ---- */

/* Adds a node with one new output, which has the wished scale (NULL = none); its name is that of `like`. */
poise_status ps_lower_emit(ps_lower *l, const ps_op *op, const ps_node *like, const void *params, int n_in,
                           const int32_t *in, const ps_scale *wish, int32_t *out);
/* The same, but *out = -1 where the operator's rules forbid the node, or its output is not of type `type`. */
poise_status ps_lower_try(ps_lower *l, const ps_op *op, const ps_node *like, const void *params, int n_in,
                          const int32_t *in, const ps_scale *wish, poise_type type, int32_t *out);
/* Adds old node n with other inputs; *ok = false (and nothing added) where its rules forbid them. */
poise_status ps_lower_again(ps_lower *l, const ps_node *n, const int32_t *in, bool *ok);
/* Old value v (-1 = absent) with its old type. */
poise_status ps_lower_as_is(ps_lower *l, int32_t v, int32_t *id);
/* The node that makes v, by which *n is filled; false for inputs and constants. */
bool ps_lower_maker(const ps_lower *l, int32_t v, ps_node *n);
/* The u8 value that old value v is exactly, -1 = none. */
poise_status ps_lower_equal(ps_lower *l, int32_t v, int32_t *id);
bool ps_lower_to_codes(const ps_node *n); /* it is a quantize node with a scale of its own */
bool ps_lower_waits(const ps_lower *l, int32_t v); /* it depends on quantised values */
ps_scale ps_lower_scale(const ps_lower *l, int32_t id);
bool ps_lower_is_dequantize(const ps_lower *l, const ps_node *n); /* of a quantised value */

/* ---- lower_codes.c ---- */

/* Looks at all old nodes, last first, and finds out in which form values are needed. */
void ps_lower_wants(ps_lower *l);
/* round(v / scale) + zero as u8. */
poise_status ps_lower_codes(ps_lower *l, int32_t v, ps_scale q, int32_t *id);
/* Whether n repeats or regroups elements of input 0 and does nothing else. */
bool ps_lower_moves(const ps_node *n);

/* ---- lower_table.c ---- */

/* Whether n, elementwise, is a function of the codes of one value: then its form is set. */
bool ps_lower_is_table(ps_lower *l, const ps_node *n, ps_form *form);
/* The numbers that v, a TABLE or EQUAL, has for each code of its form's id. */
void ps_lower_table(ps_lower *l, int32_t v, float *table);
/* table[code of from] as codes of scale q. */
poise_status ps_lower_look_up(ps_lower *l, int32_t from, const float *table, ps_scale q, const ps_node *like,
                              int32_t *id);
/* Codes of scale q for those of value `from`. */
poise_status ps_lower_rescale(ps_lower *l, int32_t from, ps_scale q, const ps_node *like, int32_t *id);
/* The smallest scale for all numbers of a table, and 0. */
ps_scale ps_lower_range(const float *table);

/* ---- lower_product.c, lower_weights.c ---- */

bool ps_lower_is_product(const ps_node *n);
/* Makes product n of integers, or with integer weights, as codes (wish) or f32 (NULL); *id = -1 when it cannot be. */
poise_status ps_lower_product(ps_lower *l, const ps_node *n, const ps_scale *wish, int32_t *id);
/* Makes sum n = x + act(rounded product) as one product with residual x, where nobody else sees the product: its rounding
 * before the activation is left out, the sum's own stays.  *id is left alone when n is no such sum. */
poise_status ps_lower_sum(ps_lower *l, const ps_node *n, ps_scale q, int32_t *id);
/* Old value v as weights of n: s8, and a scale for each output channel or one.  -1 when they are none. */
poise_status ps_lower_weights(ps_lower *l, const ps_node *n, int32_t v, int32_t *weights, int32_t *scale);

#endif
