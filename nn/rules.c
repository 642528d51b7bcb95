/* nn/rules.c - rules that the infer() of several operators share. */
#include "nn/rules.h"

#include <string.h>

bool ps_is_integer(poise_type t)
{
    return t == POISE_I32 || t == POISE_I64 || t == POISE_U8 || t == POISE_I8;
}

bool ps_is_number(poise_type t)
{
    return t == POISE_F32 || ps_is_integer(t);
}

poise_status ps_rule_type(const ps_value *v, const char *what, poise_type want)
{
    PS_REQUIRE(v->type == want, POISE_UNSUPPORTED, "%s is %s, must be %s", what, poise_type_name(v->type),
               poise_type_name(want));
    return POISE_OK;
}

poise_status ps_rule_number(const ps_value *v)
{
    PS_REQUIRE(ps_is_number(v->type), POISE_UNSUPPORTED, "an input is %s, must be f32, i32, i64, u8 or i8",
               poise_type_name(v->type));
    return POISE_OK;
}

poise_status ps_rule_axis(int32_t axis, int32_t rank)
{
    PS_REQUIRE(axis >= 0 && axis < rank, POISE_BAD_MODEL, "axis %d of an input of rank %d", axis, rank);
    return POISE_OK;
}

void ps_shape_like(ps_value *out, poise_type type, const ps_value *x)
{
    out->type = type;
    out->rank = x->rank;
    memcpy(out->dim, x->dim, sizeof out->dim);
}

poise_status ps_rule_broadcast(int n, const ps_value *const *in, ps_value *out)
{
    const ps_value *most = in[0];
    for (int i = 1; i < n; i++)
        if (in[i]->rank > most->rank) most = in[i];
    ps_shape_like(out, out->type, most);
    for (int i = 0; i < n; i++)
        for (int d = 0; d < in[i]->rank; d++) {
            int32_t *have = &out->dim[d + out->rank - in[i]->rank], dim = in[i]->dim[d];
            if (*have == 1) *have = dim;
            if (dim == 1 || dim == *have) continue;
            char a[PS_SHAPE_TEXT], b[PS_SHAPE_TEXT];
            return ps_fail(POISE_BAD_MODEL, "%s does not broadcast with %s",
                           ps_shape_text(in[i]->rank, in[i]->dim, a), ps_shape_text(out->rank, out->dim, b));
        }
    return POISE_OK;
}

int ps_live_same(const void *params, int i, int axis, const ps_value *const *in, const ps_value *out)
{
    (void)params;
    (void)in;
    (void)out;
    return i == 0 ? axis : -1;
}

int ps_live_broadcast(int n, int i, int axis, const ps_value *const *in, const ps_value *out)
{
    if (i < 0) return -1;
    int at = axis + out->rank - in[i]->rank;
    if (in[i]->dim[axis] != out->dim[at]) return -1;
    for (int j = 0; j < n; j++) {
        int d = at - (out->rank - in[j]->rank);
        if (j == i || d < 0 || (in[j]->live < 0 && in[j]->dim[d] == 1)) continue;
        if (in[j]->live != in[i]->live || in[j]->live_axis != d) return -1;
    }
    return at;
}
