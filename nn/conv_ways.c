/* nn/conv_ways.c - in which ways a convolution can be computed, and which of them is the rule's choice. */
#include "nn/conv.h"

bool ps_conv_is_depthwise(const ps_conv *v)
{
    return v->group == v->c && v->group == v->o && v->group > 1;
}

/* Whether all weights together are more than what PS_CONV_PANELS keeps in L2 (nn/conv.c then takes them panel by panel). */
static bool many_weights(const ps_conv *v)
{
    uint64_t per = (uint64_t)v->kernel[0] * (uint64_t)v->kernel[1] * (uint64_t)(v->c / v->group), n;
    per *= v->x_type == POISE_U8 ? 1 : sizeof(float);
    return __builtin_mul_overflow(per, (uint64_t)(v->o / v->group), &n) || n > PS_CONV_PANELS;
}

/* Short sums, as of an image's three channels, are as fast in float. */
bool ps_conv_splits(const ps_conv *v)
{
    enum { LEAST_CHANNELS = 16 };
    return v->k->split && v->x_type == POISE_F32 && !ps_conv_is_depthwise(v) && v->c / v->group >= LEAST_CHANNELS;
}

enum { MOST_TAPS = (1 << 15) - 1 }; /* of dwconv_u8 */

/* Those that can, the rule's choice first, and those that cut the work in other pieces. */
static int ways_of(const ps_conv *v, ps_conv_way way[PS_CONV_WAYS])
{
    int n = 0;
    if (ps_conv_is_depthwise(v) && !(v->x_type == POISE_U8 && (int64_t)v->kernel[0] * v->kernel[1] > MOST_TAPS)) {
        way[n++] = PS_CONV_DEPTHWISE;
        return n;
    }
    bool can = ps_winograd_can(v) && !ps_conv_splits(v), pays = can && ps_winograd_pays(v);
    if (pays) way[n++] = PS_CONV_WINOGRAD4;
    way[n++] = PS_CONV_DIRECT;
    if (can && !pays) way[n++] = PS_CONV_WINOGRAD4;
    way[n++] = PS_CONV_DIRECT_SMALL;
    way[n++] = PS_CONV_DIRECT_LARGE;
    way[n++] = many_weights(v) ? PS_CONV_DIRECT_PIXELS : PS_CONV_DIRECT_PANELS;
    return n;
}

ps_conv_way ps_conv_way_of(const ps_conv *v)
{
    ps_conv_way way[PS_CONV_WAYS];
    int n = ways_of(v, way);
    return way[v->variant < n ? v->variant : 0];
}

poise_type ps_conv_multiplies(const ps_conv *v)
{
    if (v->x_type == POISE_U8) return POISE_U8;
    ps_conv_way way = ps_conv_way_of(v);
    if (way == PS_CONV_DEPTHWISE || way == PS_CONV_WINOGRAD4) return POISE_F32;
    return ps_conv_splits(v) ? POISE_BF16 : v->x_type;
}

const char *ps_conv_variant(const ps_conv *v, int i)
{
    /* in tuning files */
    static const char *const names[PS_CONV_WAYS] = {"direct",    "direct-64k", "direct-512k", "direct-panels", "direct-pixels",
                                                    "depthwise", "winograd4"};
    ps_conv_way way[PS_CONV_WAYS];
    return i >= 0 && i < ways_of(v, way) ? names[way[i]] : NULL;
}
