/* nn/fused_int8.c - products of quantised tensors, and of floats with weights that are stored in fewer bits: their rules,
 * and what the driver has to know. */
#include "nn/fused.h"

#include <math.h>

enum {
    TERMS = INT32_MAX / (255 * 128),     /* most products of u8 and s8 whose sum fits 32 bits */
    TERMS_BOTH = INT32_MAX / (255 * 255) /* of u8 and the difference of two */
};

static poise_status check_scales(const ps_value *scale, int32_t channels)
{
    char text[PS_SHAPE_TEXT];
    PS_REQUIRE(scale, POISE_BAD_MODEL, "weights of i8 have no scales");
    PS_TRY(ps_f32_check(scale, "scales of weights"));
    PS_REQUIRE(scale->rank == 1 && (scale->dim[0] == channels || scale->dim[0] == 1), POISE_BAD_MODEL,
               "scales of weights are %s, there must be one, or one for each of %d output channels",
               ps_shape_text(scale->rank, scale->dim, text), (int)channels);
    PS_REQUIRE(scale->data, POISE_UNSUPPORTED, "scales of weights are computed, they must be constant");
    for (int32_t i = 0; i < scale->dim[0]; i++) {
        double s = (double)((const float *)scale->data)[i];
        PS_REQUIRE(s >= 0 && isfinite(s), POISE_BAD_MODEL, "the scale of weights %d is %g", (int)i, s);
    }
    return POISE_OK;
}

/* Constants that are widened, or multiplied as they are. */
static poise_status check_weights(const ps_value *x, const ps_value *w, const ps_value *scale, int32_t channels)
{
    bool codes = ps_value_is_quantised(x), narrow = w->type == POISE_F16 || w->type == POISE_BF16;
    PS_REQUIRE(w->type == POISE_I8 || (!codes && (narrow || w->type == POISE_F32)), POISE_UNSUPPORTED,
               "weights are %s, %s", poise_type_name(w->type),
               codes ? "of a quantised input they must be i8" : "only f32, f16, bf16 and i8 with scales are supported");
    PS_REQUIRE(w->type == POISE_F32 || w->data, POISE_UNSUPPORTED, "weights of %s are computed, they must be constant",
               poise_type_name(w->type));
    PS_REQUIRE(w->scale == 0, POISE_UNSUPPORTED, "weights of %s have a scale of their own, it must be an input",
               poise_type_name(w->type));
    if (w->type == POISE_I8) return check_scales(scale, channels);
    PS_REQUIRE(!scale, POISE_BAD_MODEL, "weights are %s, but have scales", poise_type_name(w->type));
    return POISE_OK;
}

static poise_status check_quantised(const ps_value *v, const char *what)
{
    PS_REQUIRE(v->type == POISE_U8 && ps_value_is_quantised(v), POISE_UNSUPPORTED, "%s is %s%s, it must be quantised u8", what,
               ps_value_is_quantised(v) ? "quantised " : "", poise_type_name(v->type));
    return POISE_OK;
}

static poise_status check_table(const ps_value *table, const ps_value *y)
{
    char text[PS_SHAPE_TEXT];
    PS_TRY(check_quantised(table, "the table"));
    PS_REQUIRE(table->data && table->rank == 1 && table->dim[0] == 256, POISE_BAD_MODEL,
               "the table is %s%s, it must be 256 constants", table->data ? "" : "computed ",
               ps_shape_text(table->rank, table->dim, text));
    PS_REQUIRE(y->scale > 0, POISE_BAD_MODEL, "has a table of codes, but its output is not quantised");
    return POISE_OK;
}

poise_status ps_product_types(int n_in, const ps_value *const *in, int32_t channels, int64_t terms, bool both, ps_value *y)
{
    const ps_value *x = in[0], *w = in[1], *residual = n_in > 3 ? in[3] : NULL;
    const ps_value *scale = n_in > 4 ? in[4] : NULL, *table = n_in > 5 ? in[5] : NULL;
    bool codes = ps_value_is_quantised(x);
    y->type = POISE_F32;
    if (codes)
        PS_TRY(check_quantised(x, "input"));
    else
        PS_TRY(ps_f32_check(x, "input"));
    both = both && codes && w->type == POISE_U8;
    if (both) {
        PS_TRY(check_quantised(w, "right side"));
        PS_REQUIRE(!scale, POISE_BAD_MODEL, "right side is quantised u8, but has scales of weights");
    } else {
        PS_TRY(check_weights(x, w, scale, channels));
    }
    PS_REQUIRE(!codes || terms <= (both ? TERMS_BOTH : TERMS), POISE_UNSUPPORTED,
               "sums of %lld products of codes do not fit 32 bits", (long long)terms);
    if (residual && codes) PS_TRY(check_quantised(residual, "residual"));
    if (residual && !codes) PS_TRY(ps_f32_check(residual, "residual"));
    PS_REQUIRE(codes || !table, POISE_BAD_MODEL, "has a table of codes, but its input is not quantised");
    if (table) PS_TRY(check_table(table, y));
    if (codes && y->scale > 0) y->type = POISE_U8;
    return POISE_OK;
}

void ps_product_set(const ps_call *c, ps_conv *v)
{
    const poise_tensor *x = c->in[0], *y = c->out[0], *r = c->n_in > 3 ? c->in[3] : NULL;
    const poise_tensor *table = c->n_in > 5 ? c->in[5] : NULL, *asked = table ? table : y;
    v->x_type = x->type;
    v->y_type = y->type;
    v->r_type = r ? r->type : y->type;
    v->residual = r != NULL;
    if (x->type != POISE_U8) return;
    v->codes = (ps_conv_codes){.x_scale = x->scale, .x_zero = x->zero, .y_scale = asked->scale, .y_zero = asked->zero};
    if (r) v->codes.r_scale = r->scale, v->codes.r_zero = r->zero;
    if (table) v->codes.table = table->data;
}

ps_weights ps_product_weights(const ps_call *c)
{
    const poise_tensor *w = c->in[1], *scale = c->n_in > 4 ? c->in[4] : NULL;
    ps_weights all = {.type = w->type, .at = w->data, .scale = 1};
    if (w->type == POISE_U8) {
        all.each = &w->scale;
        all.zero = w->zero;
    } else if (scale) {
        all.each = scale->data;
        all.each_step = scale->dim[0] > 1;
    }
    return all;
}
