/* models/decode.h - from a network's outputs to candidates: what decoders share. */
#ifndef PS_MODELS_DECODE_H
#define PS_MODELS_DECODE_H

#include "models/task.h"

/* A box before NMS, in pixels of the network's input. */
typedef struct ps_candidate {
    float x1, y1, x2, y2, score; /* score 0..1 */
    int32_t class_id;
    int32_t cell; /* where in the outputs it came from: the decoder finds its keypoints there */
} ps_candidate;

/* What each stage saw on one picture, so that finding nothing can be explained. */
typedef struct ps_trace {
    int64_t cells;    /* places looked at */
    float best_score; /* the highest there, whatever the threshold; -1 when no score was a number */
    int32_t best_class;
    int64_t passed;     /* scores above the threshold (before the limit) */
    int32_t candidates; /* given to NMS */
    int32_t after_nms;
    int32_t found;   /* given to the caller */
    float conf, iou; /* thresholds that were used */
    ps_units boxes, keypoints;
    ps_scores scores;
} ps_trace;

enum { PS_MAX_CANDIDATES = 30000 };

/* One run of a decoder. */
typedef struct ps_decode {
    const ps_task *task;
    const poise_tensor *out[PS_MAX_OUTPUTS]; /* in the network's order */
    float conf;                              /* scores must be above it */
    bool multi_label;
    const uint8_t *wanted;     /* [n_classes] 1 = keep what is of this class, or NULL = all */
    ps_units boxes, keypoints; /* AUTO until the decoder knows; kept from picture to picture */
    ps_scores scores;
    ps_candidate *found; /* [cap], best PS_MAX_CANDIDATES are kept when full */
    int32_t n, cap;      /* cap >= 2 * PS_MAX_CANDIDATES */
    uint64_t *keys;      /* [2*cap] for sorting */
    ps_candidate *spare; /* [cap] */
    ps_trace trace;
} ps_decode;

/* A decoder: one record, one line in decoders.def. */
struct ps_decoder {
    const char *name, *about;
    ps_task_kind kind;
    bool final;      /* the network has done NMS itself */
    bool one_person; /* the network sees one person, which a box around it may tell */
    bool gated;      /* reads boxes and keypoints only of cells with a score above the threshold, once their units are
                        known; output 0 is [1,channels,cells] with 4 channels of the box, then the scores */
    float conf, iou; /* usual thresholds; 0 = 0.25 and 0.7 */
    /* Whether the outputs look like this decoder's; t has names, n_classes (0 = unknown) and n_keypoints
     * from metadata, and the input's size. */
    bool (*looks)(const ps_io *io, const ps_task *t);
    /* Checks every output it will read and fills the task.  After this, run cannot fail. */
    poise_status (*bind)(const ps_io *io, ps_task *t);
    void (*run)(ps_decode *d);
    /* t->n_keypoints keypoints of a candidate, in input pixels; NULL where there are none. */
    void (*keypoints)(const ps_decode *d, const ps_candidate *c, poise_keypoint *k);
};

/* All decoders in the order in which shapes are tried; ends with NULL. */
extern const ps_decoder *const ps_decoders[];
const ps_decoder *ps_decoder_find(const char *name);

/* Values of an output seen as c channels on a grid of h x w cells. */
typedef struct ps_map {
    const float *p;
    int32_t c, h, w;
    ptrdiff_t sc, sh, sw;
} ps_map;

/* [1,c,n] or [1,n,c] (also without the leading 1) as a grid of 1 x n. */
ps_map ps_map_flat(const poise_tensor *t, bool channels_first);
/* [1,c,h,w] */
ps_map ps_map_image(const poise_tensor *t);
/* Level l of cells that follow each other along w, starting with cell `base`. */
ps_map ps_map_level(const ps_map *flat, int32_t base, int32_t h, int32_t w);
static inline float ps_map_at(const ps_map *m, int32_t c, int32_t y, int32_t x)
{
    return m->p[c * m->sc + y * m->sh + x * m->sw];
}

/* A pass over the cells of a map, for scores of classes with or without objectness. */
typedef struct ps_scan ps_scan;
struct ps_scan {
    ps_map map;        /* class scores */
    int32_t first, n;  /* their channels; class id = channel - first */
    const ps_map *obj; /* objectness, same grid, or NULL */
    int32_t obj_channel;
    bool logits;                          /* both are before the sigmoid */
    float (*score)(float obj, float cls); /* of 0..1 both, rising in both, <= obj; NULL = their product */
    void (*box)(const ps_decode *d, const ps_scan *s, int32_t y, int32_t x, float out[4]); /* x1 y1 x2 y2 */
    const void *ctx;
    int32_t level, base; /* cell index of (0,0) */
};
void ps_scan_run(ps_decode *d, const ps_scan *s);

/* Adds a candidate that passed the threshold. */
void ps_push(ps_decode *d, const float box[4], float score, int32_t class_id, int32_t cell);
/* Records the best score seen. */
void ps_saw(ps_decode *d, float score, int32_t class_id);

/* Factors from the network's unit to input pixels; decides an AUTO `*units` from sampled values of `n`
 * channels from `first` on, every `step`th: above 2 they are pixels. */
void ps_unit_scale(const ps_decode *d, ps_units *units, const ps_map *m, int32_t first, int32_t n, float *sx,
                   float *sy);

/* A ps_scan's box and ctx for maps whose first channels are the centre, width and height of a box. */
typedef struct ps_centre_boxes {
    ps_map map;
    float sx, sy; /* factors to input pixels */
} ps_centre_boxes;
void ps_centre_box(const ps_decode *d, const ps_scan *s, int32_t y, int32_t x, float out[4]);

float ps_sigmoid(float x);
float ps_logit(float p); /* -inf for p <= 0, +inf for p >= 1 */

/* Sorts candidates by falling score, keeping their order where scores are equal; keeps the best `most`. */
void ps_sort_candidates(ps_decode *d, int32_t most);

/* ---- for looks and bind ---- */

/* Strides of pyramid levels whose cells (rounded up), times `anchors`, sum to n: fills stride, grid_* and
 * n_levels.  Known pyramids: 8-16-32 first, then with 64, with 4, and shorter ones. */
bool ps_find_levels(ps_task *t, int64_t n, int anchors);
/* Product of dims; whether output i is f32 with rank r (a leading 1 counts). */
bool ps_out_is(const ps_io *io, int i, int rank);
/* Outputs [1,c,h,w] that are the input shrunk by a whole stride, finest first, into order[]; their number. */
int ps_image_levels(const ps_io *io, const ps_task *t, int32_t *order);
/* POISE_UNSUPPORTED that says what `decoder` wants and what output i is. */
poise_status ps_bad_outputs(const ps_io *io, const char *decoder, const char *wants);

#endif
