/* models/decode.c - what decoders share: views of outputs, the scan over scores, candidates, levels. */
#include "models/decode.h"

#include "nn/tensor.h"
#include "runtime/status.h"

#include <math.h>
#include <string.h>

#define PS_DECODER(name) extern const ps_decoder ps_decoder_##name;
#include "models/decoders.def"
#undef PS_DECODER
const ps_decoder *const ps_decoders[] = {
#define PS_DECODER(name) &ps_decoder_##name,
#include "models/decoders.def"
#undef PS_DECODER
    NULL,
};

const ps_decoder *ps_decoder_find(const char *name)
{
    for (const ps_decoder *const *d = ps_decoders; *d; d++)
        if (!strcmp((*d)->name, name)) return *d;
    return NULL;
}

void ps_centre_box(const ps_decode *d, const ps_scan *s, int32_t y, int32_t x, float out[4])
{
    (void)d;
    const ps_centre_boxes *k = s->ctx;
    float cx = ps_map_at(&k->map, 0, y, x) * k->sx, cy = ps_map_at(&k->map, 1, y, x) * k->sy;
    float w = ps_map_at(&k->map, 2, y, x) * k->sx, h = ps_map_at(&k->map, 3, y, x) * k->sy;
    out[0] = cx - w / 2, out[1] = cy - h / 2, out[2] = cx + w / 2, out[3] = cy + h / 2;
}

float ps_sigmoid(float x)
{
    return 1 / (1 + expf(-x));
}

float ps_logit(float p)
{
    return p <= 0 ? -INFINITY : p >= 1 ? INFINITY : logf(p / (1 - p));
}

/* ---- views ---- */

ps_map ps_map_flat(const poise_tensor *t, bool channels_first)
{
    int c = channels_first ? t->rank - 2 : t->rank - 1, n = channels_first ? t->rank - 1 : t->rank - 2;
    return (ps_map){t->data, t->dim[c], 1, t->dim[n], t->stride[c], 0, t->stride[n]};
}

ps_map ps_map_image(const poise_tensor *t)
{
    return (ps_map){t->data, t->dim[1], t->dim[2], t->dim[3], t->stride[1], t->stride[2], t->stride[3]};
}

ps_map ps_map_level(const ps_map *flat, int32_t base, int32_t h, int32_t w)
{
    return (ps_map){flat->p + base * flat->sw, flat->c, h, w, flat->sc, flat->sw * w, flat->sw};
}

/* ---- candidates ---- */

void ps_saw(ps_decode *d, float score, int32_t class_id)
{
    if (score > d->trace.best_score) d->trace.best_score = score, d->trace.best_class = class_id;
}

void ps_push(ps_decode *d, const float box[4], float score, int32_t class_id, int32_t cell)
{
    d->trace.passed++;
    if (d->n == d->cap) ps_sort_candidates(d, PS_MAX_CANDIDATES);
    d->found[d->n++] = (ps_candidate){box[0], box[1], box[2], box[3], score, class_id, cell};
}

void ps_sort_candidates(ps_decode *d, int32_t most)
{
    /* A radix sort on (complement of the score's bits, position): scores are positive floats, whose bits are
     * in their order.  Stable, without a worst case, and without malloc, which qsort may call. */
    size_t n = (size_t)d->n;
    uint64_t *from = d->keys, *to = d->keys + d->cap;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &d->found[i].score, sizeof bits);
        from[i] = (uint64_t)(uint32_t)~bits << 32 | i;
    }
    for (int shift = 32; shift < 64; shift += 8) {
        uint32_t at[257] = {0};
        for (size_t i = 0; i < n; i++) at[(from[i] >> shift & 255) + 1]++;
        for (int b = 0; b < 256; b++) at[b + 1] += at[b];
        for (size_t i = 0; i < n; i++) to[at[from[i] >> shift & 255]++] = from[i];
        uint64_t *swap = from;
        from = to, to = swap;
    }
    if (d->n > most) d->n = most;
    for (int32_t i = 0; i < d->n; i++) d->spare[i] = d->found[from[i] & UINT32_MAX];
    ps_candidate *swap = d->found;
    d->found = d->spare, d->spare = swap;
}

/* ---- scan ---- */

enum { BLOCK = 64 };

/* Best class of `n` <= BLOCK cells from (y, x) on; the walk follows whichever direction is dense. */
static void best_class(const ps_scan *s, int32_t y, int32_t x, int32_t n, float *best, int32_t *id)
{
    const ps_map *m = &s->map;
    const float *p = m->p + s->first * m->sc + y * m->sh + x * m->sw;
    for (int32_t i = 0; i < n; i++) best[i] = -INFINITY, id[i] = 0;
    if (m->sc == 1) {
        for (int32_t i = 0; i < n; i++, p += m->sw)
            for (int32_t c = 0; c < s->n; c++)
                if (p[c] > best[i]) best[i] = p[c], id[i] = c;
        return;
    }
    for (int32_t c = 0; c < s->n; c++, p += m->sc)
        for (int32_t i = 0; i < n; i++) {
            float v = p[i * m->sw];
            bool more = v > best[i];
            best[i] = more ? v : best[i];
            id[i] = more ? c : id[i];
        }
}

static bool is_wanted(const ps_decode *d, int32_t class_id)
{
    return !d->wanted || d->wanted[class_id];
}

static float score_of(const ps_scan *s, float obj, float cls)
{
    if (s->logits) {
        cls = ps_sigmoid(cls);
        if (s->obj) obj = ps_sigmoid(obj);
    }
    return s->score ? s->score(obj, cls) : obj * cls;
}

/* One cell whose best class may pass. */
static void take(ps_decode *d, const ps_scan *s, int32_t y, int32_t x, float obj, float best, int32_t id)
{
    float score = score_of(s, obj, best);
    if (is_wanted(d, id)) ps_saw(d, score, id);
    if (!(score > d->conf) || (!d->multi_label && !is_wanted(d, id))) return;
    float box[4];
    int32_t cell = s->base + y * s->map.w + x;
    s->box(d, s, y, x, box);
    if (!d->multi_label) {
        ps_push(d, box, score, id, cell);
        return;
    }
    for (int32_t c = 0; c < s->n; c++) {
        if (!is_wanted(d, c)) continue;
        score = score_of(s, obj, ps_map_at(&s->map, s->first + c, y, x));
        if (score > d->conf) ps_push(d, box, score, c, cell);
    }
}

void ps_scan_run(ps_decode *d, const ps_scan *s)
{
    /* A cell fails on its objectness alone where score(obj, 1) <= conf; scores are <= obj. */
    float least = s->logits ? ps_logit(d->conf) : d->conf, top_obj = -INFINITY, top = -INFINITY;
    int32_t top_y = -1, top_x = 0, top_class = -1;
    for (int32_t y = 0; y < s->map.h; y++)
        for (int32_t x = 0; x < s->map.w; x += BLOCK) {
            float best[BLOCK];
            int32_t id[BLOCK], n = s->map.w - x < BLOCK ? s->map.w - x : BLOCK;
            if (!s->obj) {
                best_class(s, y, x, n, best, id);
                for (int32_t i = 0; i < n; i++) {
                    if (best[i] > top && is_wanted(d, id[i])) top = best[i], top_class = id[i];
                    if (best[i] > least) take(d, s, y, x + i, 1, best[i], id[i]);
                }
                continue;
            }
            for (int32_t i = 0; i < n; i++) {
                float obj = ps_map_at(s->obj, s->obj_channel, y, x + i);
                if (obj > top_obj) top_obj = obj, top_y = y, top_x = x + i;
                bool may = s->score ? s->score(s->logits ? ps_sigmoid(obj) : obj, 1) > d->conf : obj > least;
                if (!may) continue;
                best_class(s, y, x + i, 1, best, id);
                take(d, s, y, x + i, obj, best[0], id[0]);
            }
        }
    d->trace.cells += (int64_t)s->map.h * s->map.w;
    float one;
    int32_t which;
    if (top_class >= 0) {
        ps_saw(d, score_of(s, 1, top), top_class);
    } else if (top_y >= 0) { /* so that a picture without candidates still tells its best score */
        best_class(s, top_y, top_x, 1, &one, &which);
        if (one > -INFINITY && is_wanted(d, which)) ps_saw(d, score_of(s, top_obj, one), which);
    }
}

void ps_unit_scale(const ps_decode *d, ps_units *units, const ps_map *m, int32_t first, int32_t n, float *sx,
                   float *sy)
{
    enum { SAMPLES = 64 };
    if (*units == PS_UNITS_AUTO && m->w > 0 && m->h > 0) {
        float most = 0;
        for (int32_t i = 0; i < SAMPLES; i++) {
            int32_t x = (int32_t)((int64_t)i * (m->w - 1) / (SAMPLES - 1));
            for (int32_t c = first; c < first + n; c++) {
                float v = ps_map_at(m, c, m->h - 1, x);
                if (v > most) most = v;
            }
        }
        *units = most > 2 ? PS_UNITS_PIXELS : PS_UNITS_UNIT;
    }
    bool unit = *units == PS_UNITS_UNIT;
    *sx = unit ? (float)d->task->in_w : 1;
    *sy = unit ? (float)d->task->in_h : 1;
}

/* ---- shapes ---- */

bool ps_find_levels(ps_task *t, int64_t n, int anchors)
{
    static const int8_t pyramids[][PS_MAX_LEVELS] = {
        {8, 16, 32},  {8, 16, 32, 64}, {4, 8, 16, 32},     {8, 16}, {16, 32},
        {16, 32, 64}, {4, 8, 16},      {4, 8, 16, 32, 64}, {8},     {16},
        {32}};
    for (size_t i = 0; i < sizeof pyramids / sizeof *pyramids; i++) {
        int64_t cells = 0;
        int l = 0;
        for (; l < PS_MAX_LEVELS && pyramids[i][l]; l++) {
            t->stride[l] = pyramids[i][l];
            t->grid_h[l] = (t->in_h + t->stride[l] - 1) / t->stride[l];
            t->grid_w[l] = (t->in_w + t->stride[l] - 1) / t->stride[l];
            cells += (int64_t)t->grid_h[l] * t->grid_w[l] * anchors;
        }
        t->n_levels = l;
        if (cells == n) return true;
    }
    t->n_levels = 0;
    return false;
}

bool ps_out_is(const ps_io *io, int i, int rank)
{
    if (i >= io->n_outputs) return false;
    const poise_tensor *t = &io->out[i];
    for (int a = 0; a < t->rank; a++)
        if (t->dim[a] < 1) return false;
    return t->type == POISE_F32 && t->rank == rank && t->dim[0] == 1;
}

int ps_image_levels(const ps_io *io, const ps_task *t, int32_t *order)
{
    int n = 0;
    for (int i = 0; i < io->n_outputs; i++) {
        const int32_t *dim = io->out[i].dim;
        if (!ps_out_is(io, i, 4) || t->in_h % dim[2] || t->in_w % dim[3] ||
            t->in_h / dim[2] != t->in_w / dim[3])
            return 0;
        int at = n++;
        for (; at > 0 && io->out[order[at - 1]].dim[2] < dim[2]; at--) order[at] = order[at - 1];
        order[at] = i;
    }
    return n;
}

poise_status ps_bad_outputs(const ps_io *io, const char *decoder, const char *wants)
{
    char text[PS_SHAPE_TEXT] = "none";
    if (io->n_outputs) ps_shape_text(io->out[0].rank, io->out[0].dim, text);
    return ps_fail(POISE_UNSUPPORTED, "decoder %s wants %s; the network has %d outputs, the first is %s %s",
                   decoder, wants, io->n_outputs, io->n_outputs ? poise_type_name(io->out[0].type) : "",
                   text);
}
