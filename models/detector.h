/* models/detector.h - the whole path on one picture: pixels, network, decoding, NMS. */
#ifndef PS_MODELS_DETECTOR_H
#define PS_MODELS_DETECTOR_H

#include "models/decode.h"
#include "nn/session.h"
#include "runtime/threads.h"

/* Belongs to one session and one thread.  Everything may be read; nothing is to be written. */
typedef struct ps_detector {
    poise_session *session;
    ps_task task;
    ps_letterbox letterbox;         /* geometry of the last picture */
    ps_decode decode;               /* and its trace */
    ps_pixels pixels;               /* what task says, with the caller's changes */
    bool boxed;                     /* the last picture came with a box: */
    float box[4];                   /* clipped to it */
    double pre_ms, run_ms, post_ms; /* of the last picture */
    poise_tensor real[PS_MAX_OUTPUTS]; /* quantised outputs as floats, where decoders want them; data in `reals` */
    float *reals;
    uint8_t *block;                 /* candidates, sort keys, class mask */
    uint8_t *wanted;                /* [n_classes], in block */
    ps_task_options asked;          /* texts are the caller's */
    bool alone;                     /* may be set: no sessions for other threads in ps_detector_run_boxes */
    struct ps_detector *helper[PS_MAX_THREADS - 1]; /* one a thread, each with a session that it owns */
    int n_helpers;
} ps_detector;

/* Resolves the task and takes the working memory.  The session must outlive the detector. */
poise_status ps_detector_open(poise_session *s, const ps_task_options *o, ps_detector **out);
/* What a detector for m takes beside its session, in the account of runtime/memory.h: room for 1000 candidates is counted.
 * Scaling a picture takes more, by its width. */
size_t ps_detector_size(const poise_model *m, const ps_task *t);
/* poise_detect, with the times and the trace left in the detector.  Fails for a picture that cannot be
 * scaled, for options that make no sense and when there is no memory for larger tables. */
poise_status ps_detector_run(ps_detector *d, const poise_image *img, const poise_detect_options *o,
                             poise_object *found, int cap, int *n);
/* The same for the one person in `box` (x1 y1 x2 y2 in pixels of the picture, which it must touch), for
 * networks that see one person: they are shown its surroundings (ps_geometry_around).  Gives one object with
 * the box, clipped to the picture, and its joints, whatever its score unless o->conf says otherwise; none where
 * the network sees no joint at all.  POISE_UNSUPPORTED for other networks.  box NULL = the whole picture. */
poise_status ps_detector_run_box(ps_detector *d, const poise_image *img, const float box[4],
                                 const poise_detect_options *o, poise_object *found, int cap, int *n);
/* The same for several people, with the same bits: as many at a time as the model has threads, where there is memory for as
 * many sessions, else one after the other.  Gives them in the order of their boxes, and leaves the times together. */
poise_status ps_detector_run_boxes(ps_detector *d, const poise_image *img, const float (*box)[4], int n_boxes,
                                   const poise_detect_options *o, poise_object *found, int cap, int *n);
/* By how much the sides of a picture of w x h pixels may be divided so that the network, which is to see all of it or
 * those boxes, still sees no more pixels than there are. */
double ps_detector_shrink(const ps_detector *d, int32_t w, int32_t h, const float (*box)[4], int n_boxes);
/* The three steps of it, for measuring and for outputs that come from elsewhere. */
poise_status ps_detector_fill(ps_detector *d, const poise_image *img, const float box[4]);
poise_status ps_detector_read(ps_detector *d, const poise_detect_options *o, poise_object *found, int cap,
                              int *n);
void ps_detector_close(ps_detector *d);
void ps_detector_close_helpers(ps_detector *d);

/* A few lines on what each stage saw; gives buf. */
enum { PS_EXPLAIN_TEXT = 1024 };
const char *ps_detector_explain(const ps_detector *d, char buf[PS_EXPLAIN_TEXT]);

#endif
