/* models/resample.c - weight tables for bilinear scaling. */
#include "models/resample.h"

#include <math.h>

const char *const ps_filter_names[PS_FILTER_COUNT] = {"pil", "cv2"};

/* Half the width of the triangle in source pixels. */
static double reach(ps_filter filter, int32_t src, int32_t dst)
{
    double scale = (double)src / dst;
    return filter == PS_FILTER_AREA && scale > 1 ? scale : 1;
}

size_t ps_axis_size(ps_filter filter, int32_t src, int32_t dst, int32_t n)
{
    size_t most = (size_t)ceil(reach(filter, src, dst)) * 2 + 1;
    return (size_t)n * (3 + most) * sizeof(int32_t);
}

static void point_taps(ps_axis *a, int32_t i, int32_t out, double scale)
{
    float f = (float)((out + 0.5) * scale - 0.5);
    int32_t s = (int32_t)floorf(f);
    f -= (float)s;
    a->first[i] = s;
    a->count[i] = 2;
    a->weight[a->start[i]] = (int32_t)lrintf((1 - f) * (1 << PS_POINT_BITS));
    a->weight[a->start[i] + 1] = (int32_t)lrintf(f * (1 << PS_POINT_BITS));
}

static void area_taps(ps_axis *a, int32_t i, int32_t out, double scale, double support)
{
    double centre = (out + 0.5) * scale, sum = 0;
    int32_t lo = (int32_t)(centre - support + 0.5), hi = (int32_t)(centre + support + 0.5);
    if (lo < 0) lo = 0;
    if (hi > a->src) hi = a->src;
    for (int pass = 0; pass < 2; pass++) /* the sum first, then the normalised weights */
        for (int32_t s = lo; s < hi; s++) {
            double d = fabs((s - centre + 0.5) / support), w = d < 1 ? 1 - d : 0;
            if (pass == 0)
                sum += w;
            else
                a->weight[a->start[i] + s - lo] = (int32_t)(0.5 + w / sum * (1 << PS_AREA_BITS));
        }
    a->first[i] = lo;
    a->count[i] = hi - lo;
}

void ps_axis_init(ps_axis *a, ps_filter filter, int32_t src, int32_t dst, int32_t from, int32_t n,
                  void *memory)
{
    int32_t *p = memory;
    *a = (ps_axis){filter, n, src, 0, p, p + n, p + 2 * (size_t)n, p + 3 * (size_t)n};
    double scale = (double)src / dst, support = reach(filter, src, dst);
    for (int32_t i = 0, at = 0; i < n; i++) {
        a->start[i] = at;
        if (filter == PS_FILTER_POINT)
            point_taps(a, i, from + i, scale);
        else
            area_taps(a, i, from + i, scale, support);
        at += a->count[i];
        if (a->count[i] > a->taps) a->taps = a->count[i];
    }
}
