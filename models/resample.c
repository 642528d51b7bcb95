/* models/resample.c - weight tables for bilinear scaling. */
#include "models/resample.h"

#include <math.h>

const char *const ps_filter_names[PS_FILTER_COUNT] = {"pil", "cv2"};

/* Half the width of the triangle in source pixels. */
static double reach(ps_filter filter, double step)
{
    return filter == PS_FILTER_AREA && step > 1 ? step : 1;
}

size_t ps_axis_size(ps_filter filter, const ps_span *s)
{
    size_t most = ((size_t)ceil(reach(filter, s->step)) * 2 + 1 + 3) / 4 * 4;
    return (size_t)s->n * (3 + most) * sizeof(int32_t);
}

static void point_taps(ps_axis *a, int32_t i, double centre)
{
    float f = (float)(centre - 0.5);
    int32_t s = (int32_t)floorf(f);
    f -= (float)s;
    a->first[i] = s;
    a->count[i] = 2;
    a->weight[a->start[i]] = (int32_t)lrintf((1 - f) * (1 << PS_POINT_BITS));
    a->weight[a->start[i] + 1] = (int32_t)lrintf(f * (1 << PS_POINT_BITS));
}

static void area_taps(ps_axis *a, int32_t i, double centre, double support)
{
    double sum = 0;
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

void ps_axis_init(ps_axis *a, ps_filter filter, const ps_span *s, void *memory)
{
    int32_t *p = memory, n = s->n;
    *a = (ps_axis){filter, n, s->src, 0, p, p + n, p + 2 * (size_t)n, p + 3 * (size_t)n};
    double support = reach(filter, s->step);
    for (int32_t i = 0, at = 0; i < n; i++) {
        double centre = s->start + (s->from + i + 0.5) * s->step;
        a->start[i] = at;
        if (filter == PS_FILTER_POINT)
            point_taps(a, i, centre);
        else
            area_taps(a, i, centre, support);
        for (int32_t end = at + a->count[i]; filter == PS_FILTER_AREA && end % 4; end++) a->weight[end] = 0;
        at += filter == PS_FILTER_AREA ? (a->count[i] + 3) / 4 * 4 : a->count[i];
        if (a->count[i] > a->taps) a->taps = a->count[i];
    }
}
