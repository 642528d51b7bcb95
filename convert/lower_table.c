/* convert/lower_table.c - functions of one quantised value: chains and products of elementwise operators, computed for
 * each of the 256 codes with the operators' own arithmetic. */
#include "convert/lower.h"

#include "nn/binary_math.h"
#include "nn/unary_math.h"

#include <math.h>
#include <string.h>

/* ---- tables of tables ---- */

/* The lookup that makes value id, false when something else does. */
static bool lookup_of(const ps_lower *l, int32_t id, int32_t *x, const uint8_t **table)
{
    if (id >= l->cap || l->made_by[id] < 0) return false;
    const ps_node *n = &l->g->nodes[l->made_by[id]];
    if (n->op != &ps_op_lookup) return false;
    *x = n->in[0];
    *table = l->g->values[n->in[1]].data;
    return *table != NULL;
}

enum { CHAIN = 16 }; /* lookups looked through */

/* The code of value id for each code of `from`, a value that id is looked up from (in several steps).  False when it is
 * not. */
static bool trace(const ps_lower *l, int32_t id, int32_t from, uint8_t *map)
{
    const uint8_t *table[CHAIN];
    int n = 0;
    while (id != from && n < CHAIN && lookup_of(l, id, &id, &table[n])) n++;
    if (id != from) return false;
    for (int i = 0; i < PS_LOWER_CODES; i++) {
        map[i] = (uint8_t)i;
        for (int k = n; k-- > 0;) map[i] = table[k][map[i]];
    }
    return true;
}

/* The value nearest to both that each is looked up from, -1 = none. */
static int32_t common(const ps_lower *l, int32_t a, int32_t b)
{
    const uint8_t *table;
    for (int i = 0; i < CHAIN; i++) {
        int32_t x = b;
        for (int k = 0; k < CHAIN; k++) {
            if (x == a) return a;
            if (!lookup_of(l, x, &x, &table)) break;
        }
        if (!lookup_of(l, a, &a, &table)) return -1;
    }
    return -1;
}

/* ---- recognising ---- */

static bool is_function(const ps_form *f)
{
    return f->kind == PS_FORM_EQUAL || f->kind == PS_FORM_TABLE;
}

/* Whether a constant repeats one number. */
static bool is_uniform(const ps_value *c)
{
    enum { MOST = 4096 };
    size_t n = ps_value_count(c), size = poise_type_size(c->type);
    return n >= 1 && n <= MOST && (n == 1 || !memcmp(c->data, (const uint8_t *)c->data + size, (n - 1) * size));
}

/* Whether v is one number, which does not depend on anything. */
static bool number_of(const ps_lower *l, int32_t v, float *x)
{
    const ps_value *c = &l->g->values[v];
    const ps_form *f = &l->form[v];
    if (f->kind == PS_FORM_EQUAL) c = &l->g->values[f->id];
    if (!c->data || (f->kind != PS_FORM_EQUAL && c->type != POISE_F32) || !is_uniform(c)) return false;
    if (c->type == POISE_F32)
        memcpy(x, c->data, sizeof *x);
    else if (c->type == POISE_U8)
        *x = (float)(*(const uint8_t *)c->data - c->zero) * c->scale;
    else
        *x = (float)(*(const int8_t *)c->data - c->zero) * c->scale;
    return true;
}

static bool same_dims(const ps_lower *l, int32_t a, int32_t b)
{
    const ps_value *x = &l->g->values[a], *y = &l->g->values[b];
    return x->rank == y->rank && !memcmp(x->dim, y->dim, (size_t)x->rank * sizeof x->dim[0]);
}

static bool is_elementwise(const ps_node *n)
{
    if (n->op == &ps_op_unary) return true;
    return n->op == &ps_op_binary && ((const ps_binary_params *)n->params)->kind <= PS_BINARY_PRELU;
}

/* Signed constants are not looked up. */
static bool has_unsigned(const ps_lower *l, const ps_form *f)
{
    return l->g->values[f->id].type == POISE_U8;
}

bool ps_lower_is_table(ps_lower *l, const ps_node *n, ps_form *form)
{
    if (!is_elementwise(n)) return false;
    int32_t id = -1, size = 1;
    for (int32_t k = 0; k < n->n_in; k++) {
        const ps_form *x = &l->form[n->in[k]];
        float number;
        if (number_of(l, n->in[k], &number)) continue;
        if (!is_function(x) || !has_unsigned(l, x) || !same_dims(l, n->in[k], n->out[0])) return false;
        id = id < 0 ? x->id : common(l, id, x->id);
        if (id < 0) return false;
        size += x->size;
    }
    if (id < 0) return false; /* numbers only: to be folded */
    form->kind = PS_FORM_TABLE;
    form->id = id;
    form->size = size;
    return true;
}

/* ---- computing ---- */

/* Operand v of a node whose function is of value `from`. */
static void operand(ps_lower *l, int32_t v, int32_t from, float *table)
{
    uint8_t map[PS_LOWER_CODES];
    float own[PS_LOWER_CODES], number;
    if (number_of(l, v, &number)) {
        for (int i = 0; i < PS_LOWER_CODES; i++) table[i] = number;
        return;
    }
    ps_lower_table(l, v, own);
    if (!trace(l, l->form[v].id, from, map))
        for (int i = 0; i < PS_LOWER_CODES; i++) map[i] = (uint8_t)i; /* does not happen: is_table() found the way */
    for (int i = 0; i < PS_LOWER_CODES; i++) table[i] = own[map[i]];
}

/* What the codes of value id stand for. */
static void all_numbers(const ps_lower *l, int32_t id, float *table)
{
    ps_scale q = ps_lower_scale(l, id);
    if (!(q.scale > 0)) q.scale = 1; /* plain bytes */
    for (int32_t i = 0; i < PS_LOWER_CODES; i++) table[i] = (float)(i - q.zero) * q.scale;
}

void ps_lower_table(ps_lower *l, int32_t v, float *table)
{
    const ps_form *f = &l->form[v];
    float other[PS_LOWER_CODES];
    ps_node n;
    if (f->kind == PS_FORM_EQUAL || !ps_lower_maker(l, v, &n) || n.op == &ps_op_cast) {
        all_numbers(l, f->id, table);
    } else if (n.op == &ps_op_unary) {
        operand(l, n.in[0], f->id, table);
        ps_unary_f32(&l->c, n.params, PS_LOWER_CODES, table, table);
    } else if (n.op == &ps_op_binary) {
        operand(l, n.in[0], f->id, table);
        operand(l, n.in[1], f->id, other);
        ps_binary_f32(&l->c, ((const ps_binary_params *)n.params)->kind, PS_LOWER_CODES, table, 1, other, 1, table);
    } else {
        ps_lower_table(l, n.in[0], table); /* moved: the same function of moved codes */
    }
}

ps_scale ps_lower_range(const float *table)
{
    float low = 0, high = 0;
    for (int i = 0; i < PS_LOWER_CODES; i++) {
        low = table[i] < low ? table[i] : low;
        high = table[i] > high ? table[i] : high;
    }
    ps_scale q = {(high - low) / 255, 0};
    if (ps_scale_is_legal(POISE_U8, q.scale, 0)) q.zero = (int32_t)rintf(-low / q.scale);
    return ps_scale_is_legal(POISE_U8, q.scale, q.zero) ? q : (ps_scale){0, 0};
}

poise_status ps_lower_look_up(ps_lower *l, int32_t from, const float *table, ps_scale q, const ps_node *like,
                              int32_t *id)
{
    uint8_t codes[PS_LOWER_CODES];
    int32_t in[2] = {from, -1}, n = PS_LOWER_CODES;
    float low = (float)-q.zero, high = low + 255;
    for (int i = 0; i < PS_LOWER_CODES; i++) {
        float t = table[i] / q.scale;
        t = t > low ? t : low; /* NaN too */
        codes[i] = (uint8_t)((int32_t)rintf(t < high ? t : high) + q.zero);
    }
    PS_TRY(ps_graph_constant(l->g, NULL, POISE_U8, 1, &n, codes, &in[1]));
    return ps_lower_emit(l, &ps_op_lookup, like, NULL, 2, in, &q, id);
}

poise_status ps_lower_rescale(ps_lower *l, int32_t from, ps_scale q, const ps_node *like, int32_t *id)
{
    float table[PS_LOWER_CODES];
    all_numbers(l, from, table);
    return ps_lower_look_up(l, from, table, q, like, id);
}
