/* nn/fused.c - rules and texts that operators with a fused activation share. */
#include "nn/fused.h"

#include <stdio.h>

static const char *const act_names[PS_ACT_COUNT] = {
    "",           " relu", " clip",      " leaky", " sigmoid", " silu", " hardsigmoid",
    " hardswish", " gelu", " gelu-tanh", " tanh",  " elu",     " mish", " softplus"};

poise_status ps_fused_check(const ps_fused *f)
{
    PS_REQUIRE(f->act >= 0 && f->act < PS_ACT_COUNT, POISE_BAD_MODEL,
               "fused activation %d is unknown, the last is %d", (int)f->act, PS_ACT_COUNT - 1);
    return POISE_OK;
}

const char *ps_fused_text(const ps_fused *f, char *buf)
{
    bool known = f->act >= 0 && f->act < PS_ACT_COUNT;
    snprintf(buf, PS_FUSED_TEXT, "%s%s", known ? act_names[f->act] : " ?", f->act_last ? " last" : "");
    return buf;
}

poise_status ps_f32_check(const ps_value *v, const char *what)
{
    PS_REQUIRE(v->type == POISE_F32, POISE_UNSUPPORTED, "%s is %s, only f32 is supported", what,
               poise_type_name(v->type));
    return POISE_OK;
}

poise_status ps_bias_check(const ps_value *bias, int32_t channels)
{
    if (!bias) return POISE_OK;
    char text[PS_SHAPE_TEXT];
    PS_TRY(ps_f32_check(bias, "bias"));
    PS_REQUIRE(bias->rank == 1 && bias->dim[0] == channels, POISE_BAD_MODEL,
               "bias is %s, it must have one value for each of %d output channels",
               ps_shape_text(bias->rank, bias->dim, text), (int)channels);
    return POISE_OK;
}

poise_status ps_residual_check(const ps_value *residual, const ps_value *y)
{
    if (!residual) return POISE_OK;
    bool same = residual->rank == y->rank;
    for (int i = 0; same && i < y->rank; i++) same = residual->dim[i] == y->dim[i];
    char have[PS_SHAPE_TEXT], want[PS_SHAPE_TEXT];
    PS_REQUIRE(same, POISE_BAD_MODEL, "residual is %s, it must be like the output, %s",
               ps_shape_text(residual->rank, residual->dim, have), ps_shape_text(y->rank, y->dim, want));
    return POISE_OK;
}

enum { MAX_REACH = 1 << 30 }; /* so that positions fit 32 bits */

poise_status ps_window_check(const ps_value *x, const ps_value *w, const int32_t *kernel,
                             const int32_t *stride, const int32_t *dilation, const int32_t *pad)
{
    static const char *const axis[2] = {"vertical", "horizontal"};
    PS_REQUIRE(x->rank == 3 || x->rank == 4, POISE_UNSUPPORTED,
               "input has %d dimensions, only images of 3 (n,c,w) or 4 (n,c,h,w) are supported",
               (int)x->rank);
    PS_REQUIRE(w->rank == x->rank, POISE_BAD_MODEL, "weights have %d dimensions, input has %d", (int)w->rank,
               (int)x->rank);
    for (int i = 0; i < 2; i++) {
        PS_REQUIRE(kernel[i] >= 1 && stride[i] >= 1 && dilation[i] >= 1, POISE_BAD_MODEL,
                   "%s kernel %d, stride %d, dilation %d must all be at least 1", axis[i], (int)kernel[i],
                   (int)stride[i], (int)dilation[i]);
        PS_REQUIRE(pad[i] >= 0 && pad[i + 2] >= 0, POISE_BAD_MODEL, "%s pads %d and %d must not be negative",
                   axis[i], (int)pad[i], (int)pad[i + 2]);
        int64_t reach = (int64_t)dilation[i] * (kernel[i] - 1);
        PS_REQUIRE(reach < MAX_REACH && pad[i] < MAX_REACH && pad[i + 2] < MAX_REACH, POISE_UNSUPPORTED,
                   "%s dilated kernel of %lld or pads %d and %d are larger than any image", axis[i],
                   (long long)reach + 1, (int)pad[i], (int)pad[i + 2]);
        bool exists = x->rank == 4 || i == 1;
        int32_t size = exists ? w->dim[x->rank - 2 + i] : 1;
        PS_REQUIRE(kernel[i] == size, POISE_BAD_MODEL, "%s kernel is %d, weights have %d", axis[i],
                   (int)kernel[i], (int)size);
        PS_REQUIRE(exists || (stride[i] == 1 && dilation[i] == 1 && !pad[i] && !pad[i + 2]), POISE_BAD_MODEL,
                   "an input without height must have vertical stride and dilation 1 and no pads");
    }
    return POISE_OK;
}

poise_status ps_image_shape(const ps_value *x, int64_t o, const int64_t size[2], ps_value *y)
{
    PS_REQUIRE(o >= 1 && o <= INT32_MAX, POISE_BAD_MODEL, "output would have %lld channels", (long long)o);
    for (int i = 4 - x->rank; i < 2; i++)
        PS_REQUIRE(size[i] >= 1 && size[i] <= INT32_MAX, POISE_BAD_MODEL,
                   "output would be %lld pixels %s: the window does not fit the input", (long long)size[i],
                   i ? "wide" : "high");
    y->rank = x->rank;
    y->dim[0] = x->dim[0];
    y->dim[1] = (int32_t)o;
    for (int i = 2; i < x->rank; i++) y->dim[i] = (int32_t)size[i - x->rank + 2];
    return POISE_OK;
}

ps_conv_strides ps_image_strides(const poise_tensor *t)
{
    ps_conv_strides s = {.batch = {t->stride[0]},
                         .row = t->rank == 4 ? t->stride[2] : 0,
                         .pixel = t->stride[t->rank - 1],
                         .channel = t->stride[1]};
    return s;
}

int32_t ps_image_height(const poise_tensor *t)
{
    return t->rank == 4 ? t->dim[2] : 1;
}

static bool needs_copy(const poise_tensor *bias)
{
    return bias && bias->dim[0] > 1 && bias->stride[0] != 1;
}

const float *ps_bias_dense(const poise_tensor *bias, float *dst)
{
    if (!bias) return NULL;
    const float *b = bias->data;
    if (!needs_copy(bias)) return b;
    for (int32_t i = 0; i < bias->dim[0]; i++) dst[i] = b[i * bias->stride[0]];
    return dst;
}

size_t ps_front_bytes(const ps_front *f, size_t rest)
{
    size_t n;
    return ps_size_add(&n, f->bias, f->weights) && ps_size_add(&n, n, rest) ? n : SIZE_MAX;
}

ps_front ps_front_of(const ps_call *c, bool ready, size_t packed)
{
    const poise_tensor *bias = c->n_in > 2 ? c->in[2] : NULL;
    ps_front f = {0};
    if (needs_copy(bias)) f.bias = ps_round_up((size_t)bias->dim[0] * sizeof(float), PS_ALIGN);
    if (!ready) f.weights = packed;
    return f;
}

size_t ps_product_scratch(const ps_call *c, const ps_conv *v, size_t packed)
{
    ps_front f = ps_front_of(c, c->in[1]->data != NULL, packed);
    return ps_front_bytes(&f, ps_conv_scratch(v));
}

void ps_product_run(const ps_call *c, ps_conv *v, const ps_weights *w, size_t packed)
{
    ps_front f = ps_front_of(c, c->packed != NULL, packed);
    uint8_t *at = c->scratch;
    v->x = c->in[0]->data;
    v->y = c->out[0]->data;
    v->need = c->need;
    if (v->residual) v->r = c->in[3]->data;
    v->bias = ps_bias_dense(c->n_in > 2 ? c->in[2] : NULL, (float *)(void *)at);
    v->weights = c->packed;
    if (!v->weights) {
        float *dst = (float *)(void *)(at + f.bias);
        ps_conv_pack(v, w, dst);
        v->weights = dst;
    }
    v->scratch = at + f.bias + f.weights;
    ps_conv_run(v);
}

bool ps_product_packs(const ps_call *c, int i)
{
    (void)c;
    return i == 1 || i == 4;
}
