/* convert/lower_codes.c - makes a value as codes of a given scale: rounding moves up through what only moves elements,
 * and operators give codes themselves where they can. */
#include "convert/lower.h"

#include <math.h>
#include <string.h>

static bool same_scale(ps_scale a, ps_scale b)
{
    return a.scale == b.scale && a.zero == b.zero;
}

/* Rounding commutes with taking the largest, and so do scales. */
bool ps_lower_moves(const ps_node *n)
{
    if (n->op == &ps_op_pool) return ((const ps_pool_params *)n->params)->kind == PS_POOL_MAX;
    if (n->op == &ps_op_resize) {
        const ps_resize_params *p = n->params;
        return p->mode == PS_RESIZE_NEAREST && p->coord != PS_COORD_TF_CROP;
    }
    return (n->op->flags & PS_OP_KEEPS_SCALE) && n->op != &ps_op_concat;
}

static bool is_limit(const ps_node *n)
{
    int kind = n->op == &ps_op_unary ? ((const ps_unary_params *)n->params)->kind : PS_ACT_NONE;
    return kind == PS_ACT_RELU || kind == PS_ACT_CLIP;
}

static void want(ps_lower *l, int32_t v, bool codes, ps_scale q)
{
    ps_form *f = &l->form[v];
    bool same = codes && (f->want == PS_WANT_UNKNOWN || (f->want == PS_WANT_CODES && same_scale(f->wanted, q)));
    f->want = same ? PS_WANT_CODES : PS_WANT_MORE;
    f->wanted = q;
}

void ps_lower_wants(ps_lower *l)
{
    const ps_graph *g = l->g;
    for (int32_t i = 0; i < g->n_outputs; i++) l->form[g->outputs[i]].want = PS_WANT_MORE;
    for (int32_t i = l->n_old_nodes; i-- > 0;) {
        const ps_node *n = &g->nodes[i];
        const ps_form *y = &l->form[n->out[0]];
        bool through = n->op == &ps_op_concat || ps_lower_moves(n) || is_limit(n);
        bool codes = ps_lower_to_codes(n) || (through && y->want == PS_WANT_CODES);
        ps_scale q = ps_lower_to_codes(n) ? ps_lower_scale(l, n->out[0]) : y->wanted;
        if (ps_lower_to_codes(n) && g->values[n->out[0]].type == POISE_I8) q.zero += 128;
        for (int32_t k = 0; k < n->n_in; k++)
            if (n->in[k] >= 0) want(l, n->in[k], codes && (k == 0 || n->op == &ps_op_concat), q);
    }
}

static int32_t code_of(float x, ps_scale q)
{
    float low = (float)-q.zero, high = low + 255, t = x / q.scale;
    t = t > low ? t : low;
    return (int32_t)rintf(t < high ? t : high) + q.zero;
}

/* ---- one input that is moved, or that a function follows ---- */

static poise_status codes_moved(ps_lower *l, const ps_node *n, ps_scale q, int32_t *id)
{
    enum { IN = 4 };
    int32_t in[IN];
    if (n->n_in > IN) return POISE_OK;
    bool value = n->op == &ps_op_pad && n->n_in > 1 && n->in[1] >= 0;
    for (int k = 1; k < n->n_in; k++) PS_TRY(ps_lower_as_is(l, n->in[k], &in[k]));
    if (value) { /* what the border is made of becomes a code as well */
        const ps_value *v = &l->g->values[in[1]];
        if (!v->data || v->type != POISE_F32 || ps_value_count(v) != 1) return POISE_OK;
        float number;
        memcpy(&number, v->data, sizeof number);
        uint8_t code = (uint8_t)code_of(number, q);
        PS_TRY(ps_graph_constant(l->g, NULL, POISE_U8, v->rank, v->dim, &code, &in[1]));
        l->g->values[in[1]].scale = q.scale;
        l->g->values[in[1]].zero = q.zero;
    }
    PS_TRY(ps_lower_codes(l, n->in[0], q, &in[0]));
    return ps_lower_try(l, n->op, n, n->params, n->n_in, in, &q, POISE_U8, id);
}

static poise_status codes_joined(ps_lower *l, const ps_node *n, ps_scale q, int32_t *id)
{
    int32_t *in = ps_alloc_array((size_t)n->n_in, sizeof *in);
    if (!in) return ps_fail(POISE_NO_MEMORY, "no memory for %d inputs", n->n_in);
    poise_status s = POISE_OK;
    for (int32_t k = 0; k < n->n_in && s == POISE_OK; k++) s = ps_lower_codes(l, n->in[k], q, &in[k]);
    if (s == POISE_OK) s = ps_lower_try(l, n->op, n, n->params, n->n_in, in, &q, POISE_U8, id);
    ps_free(in);
    return s;
}

/* Rounding and then limiting codes is limiting and then rounding: limits that no code passes need nothing. */
static poise_status codes_limited(ps_lower *l, const ps_node *n, ps_scale q, int32_t *id)
{
    const ps_unary_params *u = n->params;
    float table[PS_LOWER_CODES];
    if (!is_limit(n)) return POISE_OK;
    int32_t low = code_of(u->kind == PS_ACT_RELU ? 0 : u->a, q);
    int32_t high = u->kind == PS_ACT_RELU ? 255 : code_of(u->b, q);
    int32_t x;
    PS_TRY(ps_lower_codes(l, n->in[0], q, &x));
    *id = x;
    if (low <= 0 && high >= 255) return POISE_OK;
    for (int32_t i = 0; i < PS_LOWER_CODES; i++) {
        int32_t to = i < low ? low : i;
        table[i] = (float)((to < high ? to : high) - q.zero) * q.scale;
    }
    return ps_lower_look_up(l, x, table, q, n, id);
}

/* ---- operators that take and give codes ---- */

/* Old value v as a quantised input of an operator that gives codes of scale q: as it is; or, where v is a function of
 * codes with no rounding of its own, with codes that are no coarser than those of the result. */
static poise_status operand(ps_lower *l, const ps_node *n, int32_t v, ps_scale q, int32_t *id)
{
    float table[PS_LOWER_CODES];
    PS_TRY(ps_lower_equal(l, v, id));
    if (*id >= 0 || v < 0) return POISE_OK;
    bool sum = n->op == &ps_op_binary && ((const ps_binary_params *)n->params)->kind <= PS_BINARY_SUB;
    if (!sum || l->form[v].kind != PS_FORM_TABLE) return POISE_OK;
    ps_lower_table(l, v, table);
    ps_scale own = ps_lower_range(table);
    if (!(own.scale > 0 && own.scale <= q.scale * 2)) return POISE_OK;
    return ps_lower_look_up(l, l->form[v].id, table, own, n, id);
}

/* Every input that depends on quantised values as codes, constants as they are. */
static poise_status codes_computed(ps_lower *l, const ps_node *n, ps_scale q, int32_t *id)
{
    enum { IN = 4 };
    int32_t in[IN];
    if (n->n_in > IN || !(n->op->flags & PS_OP_QUANTISED)) return POISE_OK;
    for (int k = 0; k < n->n_in; k++) {
        PS_TRY(operand(l, n, n->in[k], q, &in[k]));
        if (in[k] >= 0 || n->in[k] < 0) continue;
        if (ps_lower_waits(l, n->in[k]) || l->g->values[n->in[k]].type == POISE_F32) return POISE_OK;
        PS_TRY(ps_lower_as_is(l, n->in[k], &in[k]));
    }
    return ps_lower_try(l, n->op, n, n->params, n->n_in, in, &q, POISE_U8, id);
}

static poise_status codes_of_waiting(ps_lower *l, int32_t v, ps_scale q, int32_t *id)
{
    ps_node n;
    if (!ps_lower_maker(l, v, &n)) return POISE_OK;
    if (n.op == &ps_op_concat) return codes_joined(l, &n, q, id);
    if (ps_lower_moves(&n)) return codes_moved(l, &n, q, id);
    if (l->form[v].as_is >= 0) return POISE_OK; /* made for somebody else already */
    if (n.op == &ps_op_unary) return codes_limited(l, &n, q, id);
    if (l->form[v].want != PS_WANT_CODES) return POISE_OK; /* made once, for all readers */
    if (ps_lower_is_product(&n)) return ps_lower_product(l, &n, &q, id);
    PS_TRY(ps_lower_sum(l, &n, q, id));
    return *id >= 0 ? POISE_OK : codes_computed(l, &n, q, id);
}

static poise_status codes_of(ps_lower *l, int32_t v, ps_scale q, int32_t *id)
{
    float table[PS_LOWER_CODES];
    const ps_form *f = &l->form[v];
    const ps_node none = {.name = ""};
    ps_node n = none;
    ps_lower_maker(l, v, &n);
    if (f->kind == PS_FORM_EQUAL) {
        PS_TRY(ps_lower_equal(l, v, id));
        if (same_scale(ps_lower_scale(l, *id), q)) return POISE_OK;
    }
    if (f->kind == PS_FORM_EQUAL || f->kind == PS_FORM_TABLE) {
        ps_lower_table(l, v, table);
        return ps_lower_look_up(l, f->id, table, q, &n, id);
    }
    *id = -1;
    if (f->kind == PS_FORM_WAITS && l->left > 0) PS_TRY(codes_of_waiting(l, v, q, id));
    if (*id >= 0) return POISE_OK;
    PS_TRY(ps_lower_as_is(l, v, id));
    return ps_lower_emit(l, &ps_op_quantize, &n, &(ps_quantize_params){POISE_U8, 0}, 1, id, &q, id);
}

poise_status ps_lower_codes(ps_lower *l, int32_t v, ps_scale q, int32_t *id)
{
    ps_form *f = &l->form[v];
    *id = f->codes;
    if (f->codes >= 0 && same_scale(f->codes_scale, q)) return POISE_OK;
    l->left--;
    PS_TRY(codes_of(l, v, q, id));
    f->codes = *id;
    f->codes_scale = q;
    return POISE_OK;
}
