/* models/task.h - what a network means: everything needed before and after it runs. */
#ifndef PS_MODELS_TASK_H
#define PS_MODELS_TASK_H

#include "models/letterbox.h"
#include "models/names.h"

typedef enum ps_task_kind {
    PS_TASK_DETECT = 0, /* "detect" */
    PS_TASK_POSE,       /* "pose": boxes with keypoints, or keypoints of one person that fills the picture */
    PS_TASK_CLASSIFY,   /* "classify" */
    PS_TASK_COUNT
} ps_task_kind;
extern const char *const ps_task_names[PS_TASK_COUNT];

/* In what the network counts coordinates.  Exporters differ; what is not recorded is seen in the data. */
typedef enum ps_units {
    PS_UNITS_AUTO = 0, /* "auto" */
    PS_UNITS_PIXELS,   /* "pixels" of the network's input */
    PS_UNITS_UNIT,     /* "unit": 0..1 of the network's input */
    PS_UNITS_GRID,     /* "grid": offsets in the cell and logarithms, in strides (raw YOLOX) */
    PS_UNITS_COUNT
} ps_units;
extern const char *const ps_units_names[PS_UNITS_COUNT];

typedef enum ps_scores {
    PS_SCORES_AUTO = 0, /* "auto" */
    PS_SCORES_UNIT,     /* "unit": 0..1 */
    PS_SCORES_LOGITS,   /* "logits": before the sigmoid or softmax */
    PS_SCORES_COUNT
} ps_scores;
extern const char *const ps_scores_names[PS_SCORES_COUNT];

enum { PS_MAX_OUTPUTS = 32, PS_MAX_LEVELS = 8, PS_MAX_ANCHORS = 3 };

typedef struct ps_decoder ps_decoder;

typedef struct ps_task {
    ps_task_kind kind;
    const ps_decoder *decoder;
    ps_pixels pixels;
    int32_t in_c, in_h, in_w;
    ps_names names;
    int32_t n_classes;
    int32_t n_keypoints, keypoint_dims; /* 0, or values of each keypoint: 2 (x, y) or 3 (and score) */
    int32_t n_levels;
    int32_t stride[PS_MAX_LEVELS]; /* input pixels of a cell, finest level first */
    int32_t grid_h[PS_MAX_LEVELS], grid_w[PS_MAX_LEVELS];
    float anchor[PS_MAX_LEVELS][PS_MAX_ANCHORS][2]; /* w, h in input pixels, where the network has anchors */
    int32_t out[PS_MAX_OUTPUTS]; /* the network's output in each role that the decoder knows */
    bool channels_first;         /* dense answers: [1,c,n] rather than [1,n,c] */
    int32_t bins;                /* of a distribution of distances, or 0 */
    float offset;                /* of a cell's anchor point: 0.5 = its centre */
    ps_units boxes, keypoints;
    ps_scores scores;
    float conf, iou; /* defaults of the thresholds */
} ps_task;

/* What is known of a network from outside: first input, outputs, metadata. */
typedef struct ps_io {
    poise_tensor input;
    poise_tensor out[PS_MAX_OUTPUTS];
    int n_inputs, n_outputs;
    const char *(*meta)(const void *ctx, const char *key); /* NULL where there is none */
    const void *ctx;
} ps_io;

/* What the caller knows better; NULL = not said. */
typedef struct ps_task_options {
    const char *task, *decoder;
} ps_task_options;

/* Finds out what a network means: options, then our own metadata keys (poise.*), then Ultralytics' keys,
 * then the shapes of the outputs.  When nothing fits, the error lists the decoders.  Release with
 * ps_task_free. */
poise_status ps_task_resolve(const poise_model *m, const ps_task_options *o, ps_task *out);
poise_status ps_task_resolve_io(const ps_io *io, const ps_task_options *o, ps_task *out);
void ps_task_free(ps_task *t);

/* Calls put for every key and value that make ps_task_resolve give the same task again.  Stops at and
 * returns the first failure. */
poise_status ps_task_store(const ps_task *t,
                           poise_status (*put)(void *ctx, const char *key, const char *value), void *ctx);

#endif
