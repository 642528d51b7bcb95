/* app/calib_video.c - frames of a video, by the program ffmpeg as a child: it writes PPM pictures into a pipe. */
#include "app/calib.h"

#include "runtime/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_SIDE = 16384 };

/* The child never comes back from here. */
static void become_ffmpeg(const char *path, int side, int to)
{
    char filter[96];
    snprintf(filter, sizeof filter, "scale=w=%d:h=%d:force_original_aspect_ratio=decrease", side, side);
    if (dup2(to, STDOUT_FILENO) < 0) _exit(126);
    close(to);
    execlp("ffmpeg", "ffmpeg", "-nostdin", "-v", "error", "-i", path, "-vf", filter, "-f", "image2pipe", "-vcodec", "ppm", "-",
           (char *)NULL);
    _exit(errno == ENOENT ? 127 : 126);
}

/* One number of a PPM header. */
static bool number(FILE *f, int most, int *out)
{
    return fscanf(f, " %d", out) == 1 && *out >= 1 && *out <= most;
}

/* The next picture: 1; 0 at the end; -1 for anything else. */
static int next_picture(FILE *f, poise_image *img)
{
    int w, h, top;
    char magic[3] = "";
    size_t got = fread(magic, 1, 2, f);
    if (!got) return 0;
    if (strcmp(magic, "P6") || !number(f, MAX_SIDE, &w) || !number(f, MAX_SIDE, &h) || !number(f, 255, &top)) return -1;
    fgetc(f); /* the one blank behind the header */
    *img = (poise_image){.w = w, .h = h, .format = POISE_RGB, .own = 1};
    img->stride[0] = (ptrdiff_t)w * 3;
    img->plane[0] = ps_alloc_array((size_t)h, (size_t)w * 3);
    if (img->plane[0] && fread(img->plane[0], (size_t)w * 3, (size_t)h, f) == (size_t)h) return 1;
    poise_image_close(img);
    return -1;
}

/* Keeps every second picture. */
static void thin(ps_calib *c)
{
    int n = 0;
    for (int i = 0; i < c->n_frames; i++) {
        if (i % 2) poise_image_close(&c->frames[i]);
        else c->frames[n++] = c->frames[i];
    }
    c->n_frames = n;
}

/* Every picture of the pipe, of which those stay that are a multiple of a step, which doubles when there are too many. */
static int read_all(FILE *f, ps_calib *c, int most)
{
    long step = 1, at = 0;
    for (poise_image img;; at++) {
        int got = next_picture(f, &img);
        if (got != 1) return got;
        if (at % step) {
            poise_image_close(&img);
            continue;
        }
        if (c->n_frames == most) {
            thin(c);
            step *= 2;
            if (at % step) {
                poise_image_close(&img);
                continue;
            }
        }
        c->frames[c->n_frames++] = img;
    }
}

static poise_status explain(const char *path, int status, int got, int n)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    PS_REQUIRE(code != 127, POISE_IO,
               "%s: frames of a video are read by the program ffmpeg, which is not installed; give a directory of pictures", path);
    PS_REQUIRE(got == 0 && n > 0, POISE_IO, "%s: ffmpeg gives no pictures of this file (exit status %d)", path, code);
    return POISE_OK;
}

poise_status ps_calib_frames(ps_calib *c, const char *path, int most, int side)
{
    int ends[2], status = 0, got = -1;
    if (most < 2) most = 2;
    PS_REQUIRE(!access(path, R_OK), POISE_IO, "%s: %s", path, strerror(errno));
    c->frames = ps_alloc_array((size_t)most, sizeof *c->frames);
    PS_REQUIRE(c->frames, POISE_NO_MEMORY, "no memory for %d frames", most);
    PS_REQUIRE(!pipe(ends), POISE_IO, "%s: no pipe: %s", path, strerror(errno));
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        become_ffmpeg(path, side, ends[1]);
    }
    close(ends[1]);
    FILE *f = fdopen(ends[0], "rb");
    if (child > 0 && f) got = read_all(f, c, most);
    if (f) fclose(f);
    else close(ends[0]);
    PS_REQUIRE(child > 0, POISE_IO, "%s: no child process: %s", path, strerror(errno));
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    return explain(path, status, got, c->n_frames);
}
