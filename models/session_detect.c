/* models/session_detect.c - poise_detect: a detector that lives with its session. */
#include "models/detector.h"
#include "models/image.h"

#include "runtime/status.h"

static void close_detector(void *user)
{
    ps_detector_close(user);
}

/* The session's own detector, made on first use. */
static poise_status detector_of(poise_session *s, ps_detector **out)
{
    if (!s->user) {
        ps_detector *d = NULL;
        PS_TRY(ps_detector_open(s, NULL, &d));
        s->user = d;
        s->user_free = close_detector;
    }
    PS_REQUIRE(s->user_free == close_detector, POISE_BAD_ARGUMENT,
               "poise_detect: the session is in use by another layer");
    *out = s->user;
    return POISE_OK;
}

poise_status poise_detect(poise_session *s, const poise_image *img, const poise_detect_options *o,
                          poise_object *found, int cap, int *n)
{
    PS_REQUIRE(s && img && n && cap >= 0 && (found || !cap), POISE_BAD_ARGUMENT,
               "poise_detect: a pointer is NULL");
    ps_detector *d = NULL;
    *n = 0;
    PS_TRY(detector_of(s, &d));
    return ps_detector_run(d, img, o, found, cap, n);
}

poise_status poise_detect_boxes(poise_session *s, const poise_image *img, const float (*boxes)[4], int n_boxes,
                                const poise_detect_options *o, poise_object *found, int cap, int *n)
{
    PS_REQUIRE(s && img && n && n_boxes >= 0 && (boxes || !n_boxes) && cap >= 0 && (found || !cap), POISE_BAD_ARGUMENT,
               "poise_detect_boxes: a pointer is NULL");
    ps_detector *d = NULL;
    *n = 0;
    PS_TRY(detector_of(s, &d));
    return ps_detector_run_boxes(d, img, boxes, n_boxes, o, found, cap, n);
}

static double whole(const void *ctx, int32_t w, int32_t h)
{
    return ps_detector_shrink(ctx, w, h, NULL, 0);
}

poise_status poise_image_open_for(poise_session *s, const char *path, poise_image *out)
{
    PS_REQUIRE(s && path && out, POISE_BAD_ARGUMENT, "poise_image_open_for: a pointer is NULL");
    ps_detector *d = NULL;
    *out = (poise_image){0};
    PS_TRY(detector_of(s, &d));
    return ps_image_open_shrunk(path, &(ps_shrink){whole, d}, out);
}

const char *poise_class_name(const poise_session *s, int class_id)
{
    ps_detector *d = NULL;
    if (!s || detector_of((poise_session *)(uintptr_t)s, &d) != POISE_OK) return NULL;
    return class_id >= 0 && class_id < d->task.names.n ? d->task.names.name[class_id] : NULL;
}
