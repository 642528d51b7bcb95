/* nn/choice.c - in how many ways a node can be computed: its operator's variants, with the model's kernels and with those
 * of the instruction set below, whose narrower tiles suit some shapes better. */
#include "nn/model.h"

#include <stdio.h>

bool ps_choice_at(const poise_model *m, const ps_node *n, const ps_call *c, int i, ps_choice *out)
{
    *out = (ps_choice){0};
    if (!n->op->variant) return i == 0;
    ps_call call = *c;
    for (int weaker = 0; weaker < (m->weaker.name ? 2 : 1); weaker++) {
        call.k = weaker ? &m->weaker : &m->kernels;
        for (int v = 0; (out->name = n->op->variant(&call, v)); v++) {
            out->variant = (int16_t)v;
            out->weaker = weaker != 0;
            if (i-- == 0) return true;
        }
    }
    return false;
}

const char *ps_choice_text(const poise_model *m, const ps_choice *c, char buf[PS_CHOICE_TEXT])
{
    bool other = c->variant || c->weaker;
    snprintf(buf, PS_CHOICE_TEXT, "%s%s%s", other && c->name ? c->name : "", c->weaker ? "@" : "",
             c->weaker ? m->weaker.name : "");
    return buf;
}
