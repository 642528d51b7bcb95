/* nn/choice.c - in how many ways a node can be computed: its operator's variants, with the model's kernels and with those
 * of the instruction set below, whose narrower tiles suit some shapes better; and what makes nodes alike to the clock. */
#include "nn/tuning.h"

#include <stdio.h>
#include <string.h>

/* Whether weights are there for it, in a file that has none but packed ones. */
static bool can_pack(const poise_model *m, const ps_node *n, const ps_call *c)
{
    if (!n->op->layout || m->graph.values[n->in[1]].data != ps_packed_only) return true;
    return ps_packed_weights(&m->ready, (int32_t)(n - m->graph.nodes), n->op->layout(c), n->op->packed(c)) != NULL;
}

bool ps_choice_at(const poise_model *m, const ps_node *n, const ps_call *c, int i, ps_choice *out)
{
    *out = (ps_choice){0};
    if (!n->op->variant) return i == 0;
    ps_call call = *c;
    bool two = m->weaker.name && m->precision == POISE_EXACT; /* kernels of bf16 are not in every ISA */
    for (int weaker = 0; weaker < 1 + two; weaker++) {
        call.k = weaker ? &m->weaker : &m->kernels;
        for (int v = 0; (out->name = n->op->variant(&call, v)); v++) {
            call.variant = (int16_t)v;
            if ((v || weaker) && !can_pack(m, n, &call)) continue;
            out->variant = (int16_t)v;
            out->weaker = weaker != 0;
            if (i-- == 0) return true;
        }
    }
    return false;
}

void ps_choose_frugal(poise_model *m, const ps_call *calls)
{
    for (int32_t i = 0; i < m->graph.n_nodes; i++) {
        const ps_op *op = m->graph.nodes[i].op;
        ps_choice way;
        size_t least = SIZE_MAX;
        for (int k = 0; ps_choice_at(m, &m->graph.nodes[i], &calls[i], k, &way) && !way.weaker; k++) {
            ps_call c = calls[i];
            c.variant = way.variant;
            size_t packed = op->packed ? op->packed(&c) : 0, all;
            if (!ps_size_add(&all, packed, op->scratch ? op->scratch(&c) : 0) || all >= least) continue;
            least = all;
            m->choices[i] = way;
        }
    }
}

const char *ps_choice_text(const poise_model *m, const ps_choice *c, char buf[PS_CHOICE_TEXT])
{
    snprintf(buf, PS_CHOICE_TEXT, "%s%s%s", c->name ? c->name : "", c->weaker ? "@" : "", c->weaker ? m->weaker.name : "");
    return buf;
}

bool ps_choice_is_rule(const ps_choice *c)
{
    return !c->variant && !c->weaker;
}

/* ---- signatures: FNV-1a, 64 bits ---- */

static uint64_t mix(uint64_t h, const void *p, size_t n)
{
    for (const uint8_t *b = p; n--; b++) h = (h ^ *b) * 1099511628211u;
    return h;
}

static uint64_t mix_number(uint64_t h, int64_t v)
{
    uint8_t bytes[8]; /* the same on every machine */
    for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)((uint64_t)v >> (8 * i));
    return mix(h, bytes, sizeof bytes);
}

static uint64_t mix_tensor(uint64_t h, const poise_tensor *t)
{
    if (!t) return mix_number(h, -1);
    h = mix_number(mix_number(h, t->type), t->rank);
    for (int i = 0; i < t->rank; i++) h = mix_number(mix_number(h, t->dim[i]), t->stride[i]);
    return h;
}

uint64_t ps_node_signature(const ps_node *n, const ps_call *c)
{
    uint64_t h = mix(14695981039346656037u, n->op->name, strlen(n->op->name));
    const uint32_t *p = n->params; /* int32_t, uint32_t and float fields only */
    for (size_t i = 0; i < n->op->param_bytes / sizeof *p; i++) h = mix_number(h, p[i]);
    for (int i = 0; i < c->n_in; i++) h = mix_tensor(h, c->in[i]);
    for (int i = 0; i < c->n_out; i++) h = mix_tensor(h, c->out[i]);
    return h;
}

uint64_t ps_network_signature(const poise_model *m, const ps_call *calls)
{
    uint64_t h = 14695981039346656037u;
    for (int32_t i = 0; i < m->graph.n_nodes; i++)
        h = mix_number(h, (int64_t)ps_node_signature(&m->graph.nodes[i], &calls[i]));
    return h;
}
