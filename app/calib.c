/* app/calib.c - finds the pictures for calibration. */
#include "app/calib.h"

#include "models/image.h"
#include "runtime/memory.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

bool ps_calib_is_video(const char *name)
{
    static const char *const ends[] = {".mp4", ".mkv", ".avi", ".mov", ".webm", ".m4v", ".ts", ".mpg", ".mpeg", ".mjpeg", ".gif"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof ends / sizeof *ends; i++)
        if (!strcasecmp(dot, ends[i])) return true;
    return false;
}

poise_status ps_calib_open(ps_calib *c, const char *word, int most, int side)
{
    *c = (ps_calib){0};
    if (ps_calib_is_video(word)) PS_TRY(ps_calib_frames(c, word, most, side));
    else PS_TRY(ps_sources_add(&c->files, word));
    int all = c->frames ? c->n_frames : c->files.n;
    c->n = all < most ? all : most;
    return POISE_OK;
}

static int spread(const ps_calib *c, int i)
{
    int all = c->frames ? c->n_frames : c->files.n;
    return (int)((int64_t)i * all / c->n);
}

poise_status ps_calib_image(const ps_calib *c, int i, poise_image *out)
{
    int k = spread(c, i);
    if (c->frames) {
        *out = c->frames[k];
        out->own = 0;
        return POISE_OK;
    }
    return poise_image_open(c->files.path[k], out);
}

const char *ps_calib_name(const ps_calib *c, int i, char buf[32])
{
    if (!c->frames) return c->files.path[spread(c, i)];
    snprintf(buf, 32, "frame %d", spread(c, i));
    return buf;
}

void ps_calib_close(ps_calib *c)
{
    ps_sources_free(&c->files);
    for (int i = 0; i < c->n_frames; i++) poise_image_close(&c->frames[i]);
    ps_free(c->frames);
    *c = (ps_calib){0};
}
