/* models/resample.h - weights of bilinear scaling along one axis, as the usual libraries compute them. */
#ifndef PS_MODELS_RESAMPLE_H
#define PS_MODELS_RESAMPLE_H

#include "ops/kernels.h"

/* Both are bilinear with half-pixel centres and fixed-point weights; they differ when a picture shrinks.  AREA
 * is the default: the reference accuracies were measured with it, and its outputs equal the recorded network
 * inputs (tests/test_letterbox.c).  POINT takes half the time on a photo that shrinks to 640 pixels. */
typedef enum ps_filter {
    PS_FILTER_AREA =
        0,           /* the triangle widens with the scale (antialiased), 22-bit weights: Pillow's BILINEAR */
    PS_FILTER_POINT, /* always two taps, 11-bit weights: OpenCV's INTER_LINEAR */
    PS_FILTER_COUNT
} ps_filter;
extern const char *const ps_filter_names[PS_FILTER_COUNT]; /* "pil", "cv2" */

enum { PS_POINT_BITS = 11 };

/* Output i of [0, n) is the sum over t < count[i] of source[first[i] + t] * weight[start[i] + t].  The
 * weights of an AREA output are followed by zeros as ps_taps wants them.  With PS_FILTER_POINT count is 2 and a tap that falls outside repeats the edge: see ps_axis_tap. */
typedef struct ps_axis {
    ps_filter filter;
    int32_t n, src;                 /* outputs described; pixels of the source */
    int32_t taps;                   /* largest count */
    int32_t *first, *count, *start; /* [n] */
    int32_t *weight;
} ps_axis;

/* Outputs [from, from + n) of a scaling: the centre of output i lies at start + (i + 0.5) * step, which is inside
 * [0, src). */
typedef struct ps_span {
    int32_t src, from, n;
    double start, step;
} ps_span;

/* Bytes that ps_axis_init takes from `memory`. */
size_t ps_axis_size(ps_filter filter, const ps_span *s);
void ps_axis_init(ps_axis *a, ps_filter filter, const ps_span *s, void *memory);

/* Source pixel of tap t of output i, inside [0, src). */
static inline int32_t ps_axis_tap(const ps_axis *a, int32_t i, int32_t t)
{
    int32_t s = a->first[i] + t;
    return s < 0 ? 0 : s >= a->src ? a->src - 1 : s;
}

#endif
