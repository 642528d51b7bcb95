/* nn/tuning_find.c - where tuning files are: named, beside the model, or in the user's cache. */
#include "nn/tuning.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "dir/net.onnx" -> "dir/net.tune" */
static poise_status path_beside(const char *model, char *buf, size_t size)
{
    const char *slash = strrchr(model, '/'), *base = slash ? slash + 1 : model, *dot = strrchr(base, '.');
    int stem = (int)(dot && dot != base ? (size_t)(dot - model) : strlen(model));
    int n = snprintf(buf, size, "%.*s.tune", stem, model);
    PS_REQUIRE(n > 0 && (size_t)n < size, POISE_IO, "%s: the path is too long", model);
    return POISE_OK;
}

static const char *set_variable(const char *name)
{
    const char *v = getenv(name);
    return v && *v ? v : NULL;
}

static poise_status cache_directory(char *buf, size_t size)
{
    const char *own = set_variable("POISE_CACHE"), *xdg = set_variable("XDG_CACHE_HOME"), *home = set_variable("HOME");
    int n = own    ? snprintf(buf, size, "%s", own)
            : xdg  ? snprintf(buf, size, "%s/poise", xdg)
            : home ? snprintf(buf, size, "%s/.cache/poise", home)
                   : 0;
    PS_REQUIRE(n > 0, POISE_IO, "no cache directory: none of POISE_CACHE, XDG_CACHE_HOME and HOME is set");
    PS_REQUIRE((size_t)n < size, POISE_IO, "the path of the cache directory is too long");
    return POISE_OK;
}

/* One file for each network, processor, instruction set, precision and number of threads. */
poise_status ps_tuning_cache_path(const ps_tuning *t, bool make, char *buf, size_t size)
{
    PS_TRY(cache_directory(buf, size));
    if (make) PS_TRY(ps_file_make_directory(buf));
    char cpu[PS_TUNING_WORD];
    snprintf(cpu, sizeof cpu, "%s", t->cpu);
    for (char *c = cpu; *c; c++)
        if (*c == '/') *c = '-';
    size_t at = strlen(buf);
    int n = snprintf(buf + at, size - at, "/%016" PRIx64 "-%s-%s-%s-t%d.tune", t->network, cpu, t->isa, t->precision, t->threads);
    PS_REQUIRE(n > 0 && (size_t)n < size - at, POISE_IO, "the path of the cache directory is too long");
    return POISE_OK;
}

static poise_status apply_file(poise_model *m, const ps_call *calls, const char *path, const ps_file *f)
{
    ps_tuning t;
    poise_status s = ps_tuning_parse(f->bytes, f->size, &t);
    if (s == POISE_OK) {
        s = ps_tuning_apply(&t, m, calls);
        if (s == POISE_OK) snprintf(m->tuning, sizeof m->tuning, "tuning %s: %d kinds of nodes", path, t.n);
        ps_tuning_free(&t);
    }
    return s == POISE_OK ? s : ps_fail_in(s, "%s", path);
}

/* A file that is not there, or not for this model and machine, is no failure. */
static poise_status try_file(poise_model *m, const ps_call *calls, const char *path, bool *done)
{
    ps_file f;
    if (ps_file_map(path, &f)) return POISE_OK;
    poise_status s = apply_file(m, calls, path, &f);
    ps_file_unmap(&f);
    *done = s == POISE_OK;
    if (s != POISE_OK && s != POISE_NO_MEMORY) {
        snprintf(m->tuning, sizeof m->tuning, "no tuning: %s", poise_error_text());
        return POISE_OK;
    }
    return s;
}

poise_status ps_tuning_choose(poise_model *m, const ps_call *calls, const char *wanted, const char *path)
{
    enum { PATH = 1024 };
    char buf[PATH];
    bool done = false;
    if (wanted) {
        ps_file f;
        if (!strcmp(wanted, "none")) return POISE_OK;
        PS_TRY(ps_file_map(wanted, &f));
        poise_status s = apply_file(m, calls, wanted, &f);
        ps_file_unmap(&f);
        return s;
    }
    if (!path) return POISE_OK;
    if (!path_beside(path, buf, sizeof buf)) PS_TRY(try_file(m, calls, buf, &done));
    ps_tuning here = ps_tuning_here(m, calls);
    if (!done && !ps_tuning_cache_path(&here, false, buf, sizeof buf)) PS_TRY(try_file(m, calls, buf, &done));
    return POISE_OK;
}
