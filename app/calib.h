/* app/calib.h - the pictures that a network is calibrated on: files, or frames of a video. */
#ifndef PS_APP_CALIB_H
#define PS_APP_CALIB_H

#include "app/sources.h"
#include "poise.h"

typedef struct ps_calib {
    ps_sources files;    /* pictures; or: */
    poise_image *frames; /* of a video */
    int n_frames, n;     /* n: pictures there are to use, spread over all */
} ps_calib;

/* Pictures of a directory or pattern, or of a video, at most `most` of them.  Frames are made no larger than `side`. */
poise_status ps_calib_open(ps_calib *c, const char *word, int most, int side);
/* Picture i < n, to be closed with poise_image_close. */
poise_status ps_calib_image(const ps_calib *c, int i, poise_image *out);
/* Its file, or "frame 12". */
const char *ps_calib_name(const ps_calib *c, int i, char buf[32]);
void ps_calib_close(ps_calib *c);

/* Whether a name ends like a video's. */
bool ps_calib_is_video(const char *name);
/* Frames of a video that are spread over all of it, `most` / 2 to `most` where there are so many, by the program ffmpeg
 * (calib_video.c). */
poise_status ps_calib_frames(ps_calib *c, const char *path, int most, int side);

#endif
