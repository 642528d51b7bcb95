/* nn/conv_ways.c - in which ways a convolution can be computed, and which of them is the rule's choice. */
#include "nn/conv.h"

bool ps_conv_is_depthwise(const ps_conv *v)
{
    return v->group == v->c && v->group == v->o && v->group > 1;
}

/* Those that can, the rule's choice first.  Names are in tuning files. */
static int ways_of(const ps_conv *v, ps_conv_way way[PS_CONV_WAYS])
{
    int n = 0;
    if (ps_conv_is_depthwise(v)) {
        way[n++] = PS_CONV_DEPTHWISE;
        return n;
    }
    bool can = ps_winograd_can(v), pays = can && ps_winograd_pays(v);
    if (pays) way[n++] = PS_CONV_WINOGRAD4;
    way[n++] = PS_CONV_DIRECT;
    if (can && !pays) way[n++] = PS_CONV_WINOGRAD4;
    return n;
}

ps_conv_way ps_conv_way_of(const ps_conv *v)
{
    ps_conv_way way[PS_CONV_WAYS];
    int n = ways_of(v, way);
    return way[v->variant < n ? v->variant : 0];
}

bool ps_conv_multiplies_half(const ps_conv *v)
{
    return v->x_half && ps_conv_way_of(v) == PS_CONV_DIRECT;
}

const char *ps_conv_variant(const ps_conv *v, int i)
{
    static const char *const names[PS_CONV_WAYS] = {"direct", "depthwise", "winograd4"};
    ps_conv_way way[PS_CONV_WAYS];
    return i >= 0 && i < ways_of(v, way) ? names[way[i]] : NULL;
}
