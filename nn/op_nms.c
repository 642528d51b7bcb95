/* nn/op_nms.c - nms: ONNX NonMaxSuppression, class by class.
 *
 * Candidates over the threshold go into a heap with the best on top, so that only as many are ordered as are
 * looked at.  Scratch: candidates, then the corners of the boxes that were kept. */
#include "nn/op.h"
#include "nn/params.h"

#include <math.h>
#include <string.h>

static int32_t most(const ps_nms_params *p, int32_t boxes)
{
    return p->max_per_class < boxes ? p->max_per_class : boxes;
}

static poise_status infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    const ps_nms_params *p = params;
    const ps_value *b = in[0], *s = in[1];
    char ba[PS_SHAPE_TEXT], sa[PS_SHAPE_TEXT];
    (void)n_in;
    PS_REQUIRE(b->type == POISE_F32 && s->type == POISE_F32, POISE_UNSUPPORTED,
               "boxes are %s, scores %s: must be f32", poise_type_name(b->type), poise_type_name(s->type));
    bool fits =
        b->rank == 3 && s->rank == 3 && b->dim[2] == 4 && b->dim[0] == s->dim[0] && b->dim[1] == s->dim[2];
    PS_REQUIRE(fits, POISE_BAD_MODEL, "boxes %s and scores %s: must be [n,b,4] and [n,c,b]",
               ps_shape_text(b->rank, b->dim, ba), ps_shape_text(s->rank, s->dim, sa));
    PS_REQUIRE(p->max_per_class >= 0, POISE_BAD_MODEL, "%d boxes a class", p->max_per_class);
    const int32_t dim[3] = {s->dim[0], s->dim[1], most(p, b->dim[1])};
    size_t n;
    PS_REQUIRE(ps_dims_count(3, dim, &n), POISE_UNSUPPORTED, "%d x %d x %d boxes are too many", dim[0],
               dim[1], dim[2]);
    out[0]->type = POISE_I64;
    out[0]->rank = 2;
    out[0]->dim[0] = (int32_t)n;
    out[0]->dim[1] = 3;
    return POISE_OK;
}

static int live(const void *params, int i, int axis, const ps_value *const *in, const ps_value *out)
{
    (void)params, (void)axis, (void)in, (void)out;
    return i < 0 ? 0 : -1;
}

typedef struct candidate {
    float score;
    int32_t box;
} candidate;

typedef struct corners {
    float x1, y1, x2, y2, area;
} corners;

static size_t scratch(const ps_call *c)
{
    size_t boxes = (size_t)c->in[0]->dim[1];
    return boxes * sizeof(candidate) + (size_t)most(c->params, c->in[0]->dim[1]) * sizeof(corners);
}

/* Higher scores first; of equal ones the box that comes first. */
static bool before(candidate a, candidate b)
{
    return a.score > b.score || (a.score == b.score && a.box < b.box);
}

static void sift(candidate *h, size_t i, size_t n)
{
    candidate v = h[i];
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && before(h[child + 1], h[child])) child++;
        if (!before(h[child], v)) break;
        h[i] = h[child];
    }
    h[i] = v;
}

static corners corners_of(const float *b, ptrdiff_t s, bool center)
{
    float p = b[0], q = b[s], r = b[2 * s], t = b[3 * s];
    corners c;
    if (center) { /* x, y, w, h */
        c = (corners){p - r / 2, q - t / 2, p + r / 2, q + t / 2, 0};
    } else { /* y1, x1, y2, x2: any two opposite corners */
        c = (corners){fminf(q, t), fminf(p, r), fmaxf(q, t), fmaxf(p, r), 0};
    }
    c.area = (c.x2 - c.x1) * (c.y2 - c.y1);
    return c;
}

static bool overlaps(const corners *a, const corners *b, float iou)
{
    float w = fminf(a->x2, b->x2) - fmaxf(a->x1, b->x1), h = fminf(a->y2, b->y2) - fmaxf(a->y1, b->y1);
    if (!(w > 0 && h > 0 && a->area > 0 && b->area > 0)) return false;
    float both = w * h, all = a->area + b->area - both;
    return all > 0 && both / all > iou;
}

static size_t collect(const ps_call *c, int32_t n, int32_t k, candidate *heap)
{
    const ps_nms_params *p = c->params;
    const poise_tensor *s = c->in[1];
    const float *score = (const float *)s->data + n * s->stride[0] + k * s->stride[1];
    size_t found = 0;
    for (int32_t i = 0; i < s->dim[2]; i++) {
        float v = score[i * s->stride[2]];
        if (p->has_score ? v > p->score : !isnan(v)) heap[found++] = (candidate){v, i};
    }
    for (size_t i = found / 2; i-- > 0;) sift(heap, i, found);
    return found;
}

/* Appends the boxes of class k that are kept to rows `row`.. of the output; the number of rows then. */
static int32_t one_class(const ps_call *c, int32_t n, int32_t k, int32_t row)
{
    const ps_nms_params *p = c->params;
    const poise_tensor *b = c->in[0], *y = c->out[0];
    candidate *heap = c->scratch;
    corners *kept = (corners *)(void *)(heap + b->dim[1]);
    const float *boxes = (const float *)b->data + n * b->stride[0];
    size_t left = collect(c, n, k, heap);
    for (int32_t count = 0, limit = most(p, b->dim[1]); left > 0 && count < limit;) {
        candidate best = heap[0];
        heap[0] = heap[--left];
        if (left) sift(heap, 0, left);
        corners at = corners_of(boxes + best.box * b->stride[1], b->stride[2], p->center_box != 0);
        bool hidden = false;
        for (int32_t i = 0; i < count && !hidden; i++) hidden = overlaps(&at, &kept[i], p->iou);
        if (hidden) continue;
        kept[count++] = at;
        const int64_t values[3] = {n, k, best.box};
        for (int i = 0; i < 3; i++) ((int64_t *)y->data)[row * y->stride[0] + i * y->stride[1]] = values[i];
        row++;
    }
    return row;
}

static void run(const ps_call *c)
{
    const poise_tensor *s = c->in[1], *y = c->out[0];
    int32_t row = 0;
    for (int32_t n = 0; n < s->dim[0] && y->dim[0]; n++)
        for (int32_t k = 0; k < s->dim[1]; k++) row = one_class(c, n, k, row);
    if (c->live) *c->live = row;
    for (; row < y->dim[0]; row++)
        for (int i = 0; i < 3; i++) ((int64_t *)y->data)[row * y->stride[0] + i * y->stride[1]] = 0;
}

const ps_op ps_op_nms = {.name = "nms",
                         .min_in = 2,
                         .max_in = 2,
                         .n_out = 1,
                         .order = PS_ORDER_ROW,
                         .param_bytes = sizeof(ps_nms_params),
                         .infer = infer,
                         .live = live,
                         .scratch = scratch,
                         .run = run};
