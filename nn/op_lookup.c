/* nn/op_lookup.c - y = table[x] for 8-bit codes: what any function of one quantised tensor comes to. */
#include "nn/op.h"
#include "nn/quantised.h"
#include "nn/rules.h"
#include "nn/spread.h"

static poise_status infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    char text[PS_SHAPE_TEXT];
    (void)params, (void)n_in;
    PS_TRY(ps_rule_type(in[0], "the input", POISE_U8));
    PS_TRY(ps_rule_type(in[1], "the table", POISE_U8));
    PS_REQUIRE(in[1]->rank == 1 && in[1]->dim[0] == PS_CODES, POISE_BAD_MODEL, "the table is %s, must be %d",
               ps_shape_text(in[1]->rank, in[1]->dim, text), PS_CODES);
    PS_REQUIRE(in[1]->scale == 0, POISE_BAD_MODEL, "the table has a scale: it belongs to the output");
    ps_shape_like(out[0], POISE_U8, in[0]);
    return POISE_OK;
}

static int live(const void *params, int i, int axis, const ps_value *const *in, const ps_value *out)
{
    (void)params, (void)in, (void)out;
    return i == 0 ? axis : -1;
}

static void run(const ps_call *c)
{
    uint8_t room[PS_CODES];
    const poise_tensor *t = c->in[1];
    bool dense = t->stride[0] == 1;
    if (!dense) ps_gather(1, PS_CODES, t->data, t->stride[0], room);
    ps_lookup(c->k, c->threads, dense ? t->data : room, c->in[0], c->out[0]);
}

const ps_op ps_op_lookup = {.name = "lookup",
                            .min_in = 2,
                            .max_in = 2,
                            .n_out = 1,
                            .order = PS_ORDER_LIKE,
                            .flags = PS_OP_INPLACE | PS_OP_QUANTISED,
                            .infer = infer,
                            .live = live,
                            .run = run};
