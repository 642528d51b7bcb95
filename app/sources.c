/* app/sources.c - files, directories and patterns into a list of image files. */
#include "app/sources.h"

#include "runtime/memory.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

bool ps_sources_is_image(const char *name)
{
    static const char *const ends[] = {".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof ends / sizeof *ends; i++)
        if (!strcasecmp(dot, ends[i])) return true;
    return false;
}

static poise_status push(ps_sources *s, const char *path)
{
    if (s->n == s->cap) {
        int cap = s->cap ? 2 * s->cap : 64;
        char **more = ps_realloc(s->path, (size_t)cap * sizeof *more);
        PS_REQUIRE(more, POISE_NO_MEMORY, "no memory for a list of %d files", cap);
        s->path = more, s->cap = cap;
    }
    char *copy = ps_strdup(path);
    PS_REQUIRE(copy, POISE_NO_MEMORY, "no memory for the name of a file");
    s->path[s->n++] = copy;
    return POISE_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static poise_status directory(ps_sources *s, const char *dir)
{
    DIR *d = opendir(dir);
    PS_REQUIRE(d, POISE_IO, "%s: cannot read the directory: %s", dir, strerror(errno));
    poise_status status = POISE_OK;
    int from = s->n;
    size_t n = strlen(dir);
    for (struct dirent *e; !status && (e = readdir(d));) {
        char path[2048];
        if (e->d_name[0] == '.' || !ps_sources_is_image(e->d_name)) continue;
        int k = snprintf(path, sizeof path, "%s%s%s", dir, n && dir[n - 1] == '/' ? "" : "/", e->d_name);
        if (k < 0 || (size_t)k >= sizeof path) status = ps_fail(POISE_IO, "%.60s...: the path is too long", dir);
        else status = push(s, path);
    }
    closedir(d);
    if (status) return status;
    PS_REQUIRE(s->n > from, POISE_BAD_ARGUMENT, "%s: no images (.jpg .jpeg .png .bmp .ppm .pgm) in this directory", dir);
    qsort(s->path + from, (size_t)(s->n - from), sizeof *s->path, by_name);
    return POISE_OK;
}

static poise_status pattern(ps_sources *s, const char *word)
{
    glob_t g;
    int got = glob(word, 0, NULL, &g);
    PS_REQUIRE(got == 0, got == GLOB_NOSPACE ? POISE_NO_MEMORY : POISE_IO, "%s: no file matches", word);
    poise_status status = POISE_OK;
    int from = s->n;
    for (size_t i = 0; !status && i < g.gl_pathc; i++) {
        struct stat st;
        bool image = ps_sources_is_image(g.gl_pathv[i]) && !stat(g.gl_pathv[i], &st) && S_ISREG(st.st_mode);
        if (image) status = push(s, g.gl_pathv[i]);
    }
    globfree(&g);
    PS_TRY(status);
    PS_REQUIRE(s->n > from, POISE_IO, "%s: no image (.jpg .jpeg .png .bmp .ppm .pgm) matches", word);
    return POISE_OK;
}

poise_status ps_sources_add(ps_sources *s, const char *word)
{
    struct stat st;
    if (strstr(word, "://"))
        return ps_fail(POISE_UNSUPPORTED, "%s: network sources are not in this version; give image files", word);
    if (!stat(word, &st)) return S_ISDIR(st.st_mode) ? directory(s, word) : push(s, word);
    int why = errno;
    if (strpbrk(word, "*?[")) return pattern(s, word);
    return ps_fail(POISE_IO, "%s: %s", word, strerror(why));
}

void ps_sources_free(ps_sources *s)
{
    for (int i = 0; i < s->n; i++) ps_free(s->path[i]);
    ps_free(s->path);
    *s = (ps_sources){0};
}
