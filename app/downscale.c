/* app/downscale.c - finds options with which a network fits into --max-mem. */
#include "app/downscale.h"

#include "app/account.h"
#include "app/cli.h"
#include "models/letterbox.h"
#include "nn/model.h"
#include "runtime/file.h"
#include "runtime/memory.h"

#include <stdio.h>
#include <string.h>

enum { CELL = 32, LEAST_SIDE = 64 }; /* sizes that are tried: whole cells of a detector */

/* A choice of options, and what it takes. */
typedef struct fit {
    int threads;
    bool frugal;
    ps_hw size;     /* 0 = the network's own, or as asked for */
    ps_hw has;      /* the size that the network then has; 0 = its input is no picture */
    size_t total;
} fit;

static bool is_ours(const char *path)
{
    ps_file f;
    if (ps_file_map(path, &f)) return false; /* whoever opens it tells why */
    bool ours = ps_format_is(f.bytes, f.size);
    ps_file_unmap(&f);
    return ours;
}

/* bench has a list of threads, of which the most count. */
static int threads_of(const ps_verb *v, const ps_args *a)
{
    int most = a->threads;
    for (int i = 0; v->bit == PS_VERB_BENCH && i < a->sweep.n; i++)
        if (!i || a->sweep.v[i] > most) most = a->sweep.v[i];
    return most;
}

static void take(ps_args *a, const fit *f)
{
    a->threads = f->threads;
    a->frugal = f->frugal;
    if (f->size.h) a->imgsz = f->size;
}

/* What the network takes with the options of f, of which threads may be 0; its plan is made, nothing is packed. */
static poise_status measure(const ps_args *a, fit *f)
{
    ps_args with = *a;
    poise_options o;
    poise_model *m;
    poise_tensor t;
    ps_image_dims d;
    ps_account all;
    take(&with, f);
    with.max_mem = 0;
    PS_TRY(ps_cli_options(&with, f->threads, &o));
    o.plan_only = 1;
    poise_convert_options co = ps_cli_convert_options(&with);
    PS_TRY(poise_model_open_any(a->words.v[0], &co, &o, &m));
    ps_account_of(&with, m, &all);
    f->total = all.total;
    f->threads = m->threads;
    if (poise_model_input(m, 0, &t) && !ps_image_dims_of(&t, &d)) f->has = (ps_hw){d.h, d.w};
    poise_model_close(m);
    return POISE_OK;
}

/* The next smaller whole cells in the same proportion; false when there are none. */
static bool smaller(ps_hw own, ps_hw *size)
{
    int32_t longer = own.h > own.w ? own.h : own.w, was = size->h > size->w ? size->h : size->w;
    int32_t now = (was - 1) / CELL * CELL;
    if (now < LEAST_SIDE) return false;
    int32_t h = (int32_t)((int64_t)own.h * now / longer), w = (int32_t)((int64_t)own.w * now / longer);
    *size = (ps_hw){(h + CELL - 1) / CELL * CELL, (w + CELL - 1) / CELL * CELL};
    return true;
}

/* Changes f, which does not fit, into what does; *found tells whether there is anything. */
static poise_status search(const ps_args *a, fit *f, bool *found)
{
    ps_hw own = f->has;
    *found = true;
    while (f->threads > 1) {
        f->threads /= 2;
        PS_TRY(measure(a, f));
        if (f->total <= a->max_mem) return POISE_OK;
    }
    if (!f->frugal) {
        f->frugal = true;
        PS_TRY(measure(a, f));
        if (f->total <= a->max_mem) return POISE_OK;
    }
    f->size = own;
    while (own.h && !a->shapes.n && smaller(own, &f->size)) {
        poise_status s = measure(a, f);
        if (s == POISE_UNSUPPORTED) break; /* the file fixes its size */
        PS_TRY(s);
        if (f->total <= a->max_mem) return POISE_OK;
    }
    *found = false;
    return POISE_OK;
}

/* "--threads 1 --frugal --imgsz 256x256" */
enum { OPTIONS_TEXT = 96 };
static const char *options_text(const fit *f, char buf[OPTIONS_TEXT])
{
    char size[32] = "";
    if (f->size.h) snprintf(size, sizeof size, " --imgsz %dx%d", f->size.h, f->size.w);
    snprintf(buf, OPTIONS_TEXT, "--threads %d%s%s", f->threads, f->frugal ? " --frugal" : "", size);
    return buf;
}

poise_status ps_downscale(const ps_verb *v, ps_args *a)
{
    char needs[PS_BYTES_TEXT], given[PS_BYTES_TEXT], less[PS_BYTES_TEXT], options[OPTIONS_TEXT];
    bool found = false;
    if (!a->max_mem || !a->words.n || !is_ours(a->words.v[0])) return POISE_OK;
    fit f = {.threads = threads_of(v, a), .frugal = a->frugal};
    PS_TRY(measure(a, &f));
    size_t first = f.total;
    if (first <= a->max_mem) return POISE_OK;
    const char *name = ps_cli_base(a->words.v[0]);
    int threads = f.threads;
    PS_TRY(search(a, &f, &found));
    ps_cli_bytes(first, needs), ps_cli_bytes(a->max_mem, given), ps_cli_bytes(f.total, less);
    PS_REQUIRE(found, POISE_NO_MEMORY, "%s takes %s with %d thread%s, --max-mem is %s; the least it can do with is %s", name, needs,
               threads, threads == 1 ? "" : "s", given, less);
    options_text(&f, options);
    PS_REQUIRE(a->allow_downscale, POISE_NO_MEMORY,
               "%s takes %s with %d thread%s, --max-mem is %s; %s takes %s (--allow-downscale does that)", name, needs, threads,
               threads == 1 ? "" : "s", given, options, less);
    take(a, &f);
    if (f.threads < threads) a->sweep = (ps_ints){1, {f.threads}};
    ps_cli_note(a, "%s takes %s, --max-mem is %s: going on with %s, which takes %s\n", name, needs, given, options, less);
    return POISE_OK;
}
