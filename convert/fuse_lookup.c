/* convert/fuse_lookup.c - a table behind a table, or behind a product of codes, is looked up on the way. */
#include "convert/rewrite.h"

enum { CODES = 256, TABLE = 5 };

static const uint8_t *table_of(ps_rewrite *w, int32_t v)
{
    return v >= 0 ? w->g->values[v].data : NULL;
}

/* A constant second[first[i]], of the scale that the codes before it have (none: that of a lookup). */
static poise_status chain(ps_rewrite *w, const uint8_t *first, const uint8_t *second, const ps_value *codes, int32_t *out)
{
    uint8_t both[CODES];
    int32_t n = CODES;
    for (int i = 0; i < CODES; i++) both[i] = first ? second[first[i]] : second[i];
    float scale = codes ? codes->scale : 0;
    int32_t zero = codes ? codes->zero : 0;
    PS_TRY(ps_rw_constant(w, POISE_U8, 1, &n, both, out));
    w->g->values[*out].scale = scale;
    w->g->values[*out].zero = zero;
    return POISE_OK;
}

static poise_status into_lookup(ps_rewrite *w, ps_node *n, const ps_node *p)
{
    int32_t in[2] = {ps_rw_in(w, p, 0), -1};
    const uint8_t *first = table_of(w, ps_rw_in(w, p, 1)), *second = table_of(w, ps_rw_in(w, n, 1));
    if (!first || !second) return POISE_OK;
    bool ok;
    PS_TRY(chain(w, first, second, NULL, &in[1]));
    PS_TRY(ps_rw_set(w, n, n->op, NULL, 2, in, &ok));
    if (ok) ps_rw_did(w, PS_DID_LOOKUP);
    return POISE_OK;
}

static poise_status into_product(ps_rewrite *w, ps_node *n, ps_node *p)
{
    int32_t in[PS_RW_INPUTS];
    ps_rw_ins(w, p, in, PS_RW_INPUTS);
    const ps_value codes = w->g->values[in[TABLE] >= 0 ? in[TABLE] : p->out[0]];
    const uint8_t *first = table_of(w, in[TABLE]), *second = table_of(w, ps_rw_in(w, n, 1));
    if (!second || (in[TABLE] >= 0 && !first)) return POISE_OK;
    bool ok;
    PS_TRY(chain(w, first, second, &codes, &in[TABLE]));
    PS_TRY(ps_rw_set(w, n, p->op, p->params, PS_RW_INPUTS, in, &ok));
    if (!ok) return POISE_OK;
    ps_rw_move(w, n, p);
    ps_rw_did(w, PS_DID_LOOKUP);
    return POISE_OK;
}

poise_status ps_fuse_lookup(ps_rewrite *w, ps_node *n)
{
    if (n->op != &ps_op_lookup) return POISE_OK;
    ps_node *p = ps_rw_sole(w, ps_rw_in(w, n, 0), NULL);
    if (!p) return POISE_OK;
    if (p->op == &ps_op_lookup) return into_lookup(w, n, p);
    bool product = p->op == &ps_op_conv || p->op == &ps_op_conv_transpose || p->op == &ps_op_matmul;
    return product && ps_value_is_quantised(&w->g->values[p->out[0]]) ? into_product(w, n, p) : POISE_OK;
}
