/* app/cli.c - what the verbs share. */
#include "app/cli.h"

#include "app/account.h"
#include "app/warn.h"

#include "models/letterbox.h"
#include "nn/model.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int ps_cli_fail(poise_status s)
{
    if (s == POISE_OK) return PS_EXIT_OK;
    fflush(stdout);
    fprintf(stderr, "poise: %s\n", poise_error_text());
    bool usage = s == POISE_BAD_ARGUMENT || s == POISE_BAD_MODEL || s == POISE_UNSUPPORTED;
    return usage ? PS_EXIT_USAGE : PS_EXIT_FAILED;
}

int ps_cli_error(poise_status s, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return ps_cli_fail(ps_fail(s, "%s", text));
}

void ps_cli_note(const ps_args *a, const char *fmt, ...)
{
    if (a->quiet) return;
    va_list args;
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
}

poise_convert_options ps_cli_convert_options(const ps_args *a)
{
    return (poise_convert_options){a->imgsz.h, a->imgsz.w, a->shapes.v, a->shapes.n};
}

poise_status ps_cli_options(const ps_args *a, int threads, poise_options *out)
{
    *out = (poise_options){.threads = threads, .isa = a->isa, .tuning = a->tuning, .cpu_mask = a->cpu_mask,
                           .frugal = a->frugal};
    PS_TRY(ps_account_limit(a, threads, &out->max_memory));
    return ps_cli_precision(a, &out->precision);
}

poise_status ps_cli_open(const ps_args *a, int threads, poise_model **out)
{
    poise_convert_options co = ps_cli_convert_options(a);
    poise_options o;
    PS_TRY(ps_cli_options(a, threads, &o));
    PS_TRY(poise_model_open_any(a->words.v[0], &co, &o, out));
    return ps_cli_opened(a, out);
}

const char *ps_cli_packed(const poise_model *m, char buf[PS_PACKED_LINE])
{
    const ps_packed *p = &m->ready;
    char bytes[PS_BYTES_TEXT];
    if (!p->head) snprintf(buf, PS_PACKED_LINE, "%s", p->why);
    else if (!m->n_ready)
        snprintf(buf, PS_PACKED_LINE, "packed for %s, not used: it was for another precision", p->head->target);
    else
        snprintf(buf, PS_PACKED_LINE, "packed for %s: weights of %d of %d nodes are used as they are in the file, %s",
                 p->head->target, m->n_ready, m->n_packed, ps_cli_bytes(m->ready_bytes, bytes));
    return buf;
}

poise_status ps_cli_opened(const ps_args *a, poise_model **m)
{
    if (*(*m)->tried) ps_cli_note(a, "%s\n", (*m)->tried);
    char packed[PS_PACKED_LINE];
    if (a->verbose && *ps_cli_packed(*m, packed)) ps_cli_note(a, "%s\n", packed);
    if (a->verbose && *(*m)->tuning) ps_cli_note(a, "%s\n", (*m)->tuning);
    char text[PS_WARN_TEXT];
    ps_task t;
    ps_task_options wanted = {a->task, a->decoder};
    if (!a->quiet && !ps_task_resolve(*m, &wanted, &t)) {
        if (ps_warn_scales(&(*m)->graph, &t, text)) ps_cli_note(a, "poise: warning: %s\n", text);
        ps_task_free(&t);
    }
    poise_status s = ps_cli_check_size(a, *m);
    if (!s) s = ps_account_check(a, *m);
    if (s) poise_model_close(*m), *m = NULL;
    return s;
}

poise_status ps_cli_precision(const ps_args *a, poise_precision *out)
{
    *out = POISE_RECORDED;
    if (!a->precision || ps_precision_by_name(a->precision, out)) return POISE_OK;
    return ps_fail(POISE_UNSUPPORTED, "--precision %s: exact, near, fast and int8 are known", a->precision);
}

poise_status ps_cli_check_size(const ps_args *a, const poise_model *m)
{
    poise_tensor t;
    ps_image_dims d;
    if (!a->imgsz.h || !poise_model_input(m, 0, &t) || ps_image_dims_of(&t, &d)) return POISE_OK;
    PS_REQUIRE(d.h == a->imgsz.h && d.w == a->imgsz.w, POISE_BAD_ARGUMENT,
               "--imgsz %dx%d: the network's file fixes %dx%d (height x width); leave --imgsz out, or export it with "
               "the size you want or a free one",
               a->imgsz.h, a->imgsz.w, d.h, d.w);
    return POISE_OK;
}

const char *ps_cli_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

poise_status ps_cli_create(ps_outfile *o, const char *path)
{
    *o = (ps_outfile){0};
    PS_REQUIRE(strlen(path) < PS_PATH_TEXT, POISE_IO, "a path is too long (%zu characters)", strlen(path));
    snprintf(o->path, sizeof o->path, "%s", path);
    snprintf(o->part, sizeof o->part, "%s.part", path);
    ps_cli_hold();
    o->f = fopen(o->part, "wb");
    if (o->f) return POISE_OK;
    int why = errno;
    ps_cli_release();
    return ps_fail(POISE_IO, "%s: cannot write: %s", path, strerror(why));
}

poise_status ps_cli_commit(ps_outfile *o)
{
    if (!o->f) return POISE_OK;
    bool ok = !ferror(o->f);
    if (fclose(o->f)) ok = false;
    o->f = NULL;
    if (ok && rename(o->part, o->path)) ok = false;
    int why = errno;
    if (!ok) unlink(o->part);
    ps_cli_release();
    return ok ? POISE_OK : ps_fail(POISE_IO, "%s: cannot write: %s", o->path, strerror(why));
}

void ps_cli_discard(ps_outfile *o)
{
    if (!o->f) return;
    fclose(o->f);
    o->f = NULL;
    unlink(o->part);
    ps_cli_release();
}

/* ---- signals ---------------------------------------------------------------------------------------- */

static volatile sig_atomic_t held, waiting;

/* The signal again, as if nobody had caught it. */
static void end_by(int sig)
{
    struct sigaction usual = {.sa_handler = SIG_DFL};
    sigaction(sig, &usual, NULL);
    raise(sig);
}

static void on_signal(int sig)
{
    if (held) waiting = sig;
    else end_by(sig);
}

void ps_cli_signals(void)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction before, ours = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (!sigaction(ends[i], NULL, &before) && before.sa_handler != SIG_IGN) sigaction(ends[i], &ours, NULL);
}

void ps_cli_hold(void)
{
    held = held + 1;
}

void ps_cli_release(void)
{
    held = held - 1;
    if (!held && waiting) end_by(waiting);
}

const char *ps_cli_bytes(size_t bytes, char *buf)
{
    double mb = (double)bytes / 1048576;
    if (mb >= 0.1) snprintf(buf, PS_BYTES_TEXT, "%.1f MB", mb);
    else snprintf(buf, PS_BYTES_TEXT, "%.1f kB", (double)bytes / 1024);
    return buf;
}
