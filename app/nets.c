/* app/nets.c - opens a network again for other shapes. */
#include "app/nets.h"

#include "convert/refit.h"
#include "nn/model.h"
#include "runtime/file.h"
#include "runtime/memory.h"

#include <string.h>

static poise_status start(const ps_nets *n, ps_net *net)
{
    ps_task_options t = {n->args->task, n->args->decoder};
    PS_TRY(poise_session_open(net->model, &net->session));
    PS_TRY(ps_detector_open(net->session, &t, &net->detector));
    net->detector->alone = n->args->max_mem != 0; /* the limit was checked for one session */
    net->h = net->detector->task.in_h, net->w = net->detector->task.in_w;
    return POISE_OK;
}

static void stop(ps_net *net)
{
    ps_detector_close(net->detector);
    poise_session_close(net->session);
    poise_model_close(net->model);
    *net = (ps_net){0};
}

/* The bytes of the network for other shapes: a .poise file is read again, ONNX is converted here. */
static poise_status open_source(ps_nets *n)
{
    const char *path = n->args->words.v[0];
    ps_file f;
    PS_TRY(ps_file_map(path, &f));
    bool ours = ps_format_is(f.bytes, f.size);
    ps_file_unmap(&f);
    if (ours) return POISE_OK;
    poise_convert_options co = ps_cli_convert_options(n->args);
    return poise_convert(path, &co, &n->converted, &n->size);
}

static poise_status open_own(ps_nets *n)
{
    const ps_args *a = n->args;
    poise_model **m = &n->net[0].model;
    if (!n->converted) return ps_cli_open(a, a->threads, m);
    poise_options o;
    PS_TRY(ps_cli_options(a, a->threads, &o));
    void *copy = ps_alloc(n->size); /* a model gives its bytes back once they are packed */
    PS_REQUIRE(copy, POISE_NO_MEMORY, "%s: no memory (%zu bytes) for the network", a->words.v[0], n->size);
    memcpy(copy, n->converted, n->size);
    poise_status s = ps_model_adopt(copy, n->size, a->words.v[0], &o, m);
    return s ? ps_fail_in(s, "%s", a->words.v[0]) : ps_cli_opened(a, m);
}

/* Whether what the network means allows other shapes: pictures that keep their aspect, and cells that are counted by shape. */
static const char *why_square(const ps_nets *n)
{
    const ps_task *t = &n->net[0].detector->task;
    if (t->kind == PS_TASK_CLASSIFY || t->decoder->one_person) return "the network sees a picture of one size";
    if (t->pixels.fit != PS_FIT_CENTER && t->pixels.fit != PS_FIT_TOPLEFT) return "the picture is stretched";
    if (t->in_h != t->in_w) return "the network is no square";
    if (n->args->tuning && strcmp(n->args->tuning, "none")) return "--tuning is for one shape";
    return NULL;
}

poise_status ps_nets_open(ps_nets *n, const ps_args *a)
{
    n->args = a;
    n->rect = a->rect && !a->shapes.n;
    if (n->rect) PS_TRY(open_source(n));
    PS_TRY(open_own(n));
    n->n = 1;
    PS_TRY(start(n, &n->net[0]));
    const char *square = n->rect ? why_square(n) : NULL;
    if (square && a->verbose) ps_cli_note(a, "no --rect: %s\n", square);
    if (square) n->rect = false;
    const ps_detector *own = n->net[0].detector;
    n->fit = own->pixels.fit, n->side = own->task.in_h, n->cell = 32;
    for (int i = 0; i < own->task.n_levels; i++)
        if (own->task.stride[i] > n->cell) n->cell = own->task.stride[i];
    return POISE_OK;
}

/* The smallest multiple of the largest cell that holds what becomes of a side. */
static int32_t cells(const ps_nets *n, int32_t size)
{
    size = (size + n->cell - 1) / n->cell * n->cell;
    return size < n->side ? size : n->side;
}

/* Bytes that are open. */
static size_t open_bytes(const ps_nets *n)
{
    size_t all = n->size;
    for (int i = 0; i < n->n; i++) {
        poise_memory m;
        poise_model_memory(n->net[i].model, &m);
        all += m.peak;
    }
    return all;
}

static poise_status open_shape(const ps_nets *n, int32_t h, int32_t w, ps_net *net)
{
    ps_graph g = {0};
    void *bytes = NULL;
    size_t size = 0;
    poise_options o;
    PS_TRY(ps_cli_options(n->args, n->args->threads, &o));
    if (o.max_memory) {
        size_t left = ps_memory_left(), detector = ps_detector_size(n->net[0].model, &n->net[0].detector->task);
        PS_REQUIRE(left > detector, POISE_NO_MEMORY, "--max-mem leaves nothing for a second shape");
        o.max_memory = left - detector;
    }
    poise_convert_options co = {.imgsz_h = h, .imgsz_w = w};
    const char *path = n->args->words.v[0];
    if (n->converted) {
        poise_status s = ps_format_read(&g, n->converted, n->size);
        if (s == POISE_OK) s = ps_refit(&g, h, w);
        if (s == POISE_OK) s = ps_format_write(&g, &bytes, &size);
        ps_graph_free(&g);
        if (s == POISE_UNSUPPORTED) s = poise_convert(path, &co, &bytes, &size); /* an ONNX file whose size is free */
        PS_TRY(s);
        PS_TRY(ps_model_adopt(bytes, size, path, &o, &net->model));
    } else {
        PS_TRY(poise_model_open_any(path, &co, &o, &net->model));
    }
    poise_status s = start(n, net);
    if (s == POISE_OK && (net->h != h || net->w != w)) s = ps_fail(POISE_UNSUPPORTED, "the network stays %dx%d", net->h, net->w);
    if (s != POISE_OK) stop(net);
    return s;
}

/* Nothing was seen in the network's own size: its memory is for the shape of the first picture.  If the file does not allow
 * that, all is as before. */
static void open_instead(ps_nets *n, int32_t h, int32_t w)
{
    stop(&n->net[0]);
    if (open_shape(n, h, w, &n->net[0]) == POISE_OK) return;
    if (n->args->verbose) ps_cli_note(n->args, "no --rect: %s\n", poise_error_text());
    n->rect = false;
    if (open_own(n) || start(n, &n->net[0])) stop(&n->net[0]);
}

/* Room for one more; false when only the network's own size is left. */
static bool make_room(ps_nets *n)
{
    int oldest = 0;
    for (int i = 1; i < n->n; i++)
        if (!oldest || n->net[i].used < n->net[oldest].used) oldest = i;
    if (!oldest) return false;
    stop(&n->net[oldest]);
    n->net[oldest] = n->net[--n->n];
    return true;
}

/* One more shape, or the first where it cannot be had. */
static ps_detector *another(ps_nets *n, int32_t net_w, int32_t net_h)
{
    if (n->n == PS_MAX_NETS) make_room(n);
    ps_net *net = &n->net[n->n];
    poise_status s;
    while ((s = open_shape(n, net_h, net_w, net)) == POISE_NO_MEMORY && make_room(n)) net = &n->net[n->n];
    if (s) { /* the file does not allow it, or there is no memory for it: as without --rect */
        if (n->args->verbose) ps_cli_note(n->args, "no --rect: %s\n", poise_error_text());
        if (s != POISE_NO_MEMORY) n->rect = false;
        return n->net[0].detector;
    }
    net->used = n->clock;
    n->n++;
    if (n->args->verbose) {
        char text[PS_BYTES_TEXT];
        ps_cli_note(n->args, "rect: the network for %dx%d is the %s of at most %d; together %s\n", net_h, net_w,
                    n->n == 2 ? "second" : "next", PS_MAX_NETS, ps_cli_bytes(open_bytes(n), text));
    }
    return net->detector;
}

ps_detector *ps_nets_for(ps_nets *n, int32_t w, int32_t h)
{
    if (!n->rect) return n->net[0].detector;
    ps_geometry g = ps_geometry_make(n->fit, 0, w, h, n->side, n->side);
    int32_t net_w = cells(n, g.new_w), net_h = cells(n, g.new_h);
    bool first = !n->clock++;
    for (int i = 0; i < n->n; i++)
        if (n->net[i].h == net_h && n->net[i].w == net_w) {
            n->net[i].used = n->clock;
            return n->net[i].detector;
        }
    if (!first || !n->lean || n->args->max_mem) return another(n, net_w, net_h);
    open_instead(n, net_h, net_w);
    return n->net[0].detector;
}

void ps_nets_close(ps_nets *n)
{
    for (int i = 0; i < PS_MAX_NETS; i++) stop(&n->net[i]);
    poise_free(n->converted);
    *n = (ps_nets){0};
}
