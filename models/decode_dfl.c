/* models/decode_dfl.c - heads that give distances to the sides as distributions (DFL), decoded for
 * survivors only: raw YOLOv8 heads, NanoDet, PicoDet. */
#include "models/decode.h"

#include "runtime/status.h"

#include <math.h>
#include <string.h>

enum { MOST_BINS = 32 };

typedef struct context {
    ps_map sides; /* channels: bins of left, top, right, bottom */
    int32_t bins;
    float stride, offset;
} context;

/* Expected value of a softmax over `n` channels from `c` on. */
static float expectation(const ps_map *m, int32_t c, int32_t n, int32_t y, int32_t x)
{
    float top = -INFINITY, sum = 0, mean = 0;
    for (int32_t i = 0; i < n; i++)
        if (ps_map_at(m, c + i, y, x) > top) top = ps_map_at(m, c + i, y, x);
    for (int32_t i = 0; i < n; i++) {
        float e = expf(ps_map_at(m, c + i, y, x) - top);
        sum += e;
        mean += e * (float)i;
    }
    return mean / sum;
}

static void box_of(const ps_decode *d, const ps_scan *s, int32_t y, int32_t x, float out[4])
{
    (void)d;
    const context *k = s->ctx;
    float ax = (float)x + k->offset, ay = (float)y + k->offset, side[4];
    for (int32_t i = 0; i < 4; i++) side[i] = expectation(&k->sides, i * k->bins, k->bins, y, x);
    out[0] = (ax - side[0]) * k->stride, out[1] = (ay - side[1]) * k->stride;
    out[2] = (ax + side[2]) * k->stride, out[3] = (ay + side[3]) * k->stride;
}

/* Logits are below 0 or above 1 somewhere; probabilities nowhere. */
static void decide_scores(ps_decode *d, const ps_map *m, int32_t first, int32_t n)
{
    if (d->scores != PS_SCORES_AUTO) return;
    d->scores = PS_SCORES_UNIT;
    for (int32_t y = 0; y < m->h; y++)
        for (int32_t x = 0; x < m->w; x++)
            for (int32_t c = first; c < first + n; c++) {
                float v = ps_map_at(m, c, y, x);
                if (v < 0 || v > 1) {
                    d->scores = PS_SCORES_LOGITS;
                    return;
                }
            }
}

static void run_level(ps_decode *d, int l, int32_t base, const ps_map *scores, int32_t first,
                      const ps_map *sides, int32_t sides_first)
{
    const ps_task *t = d->task;
    context k = {*sides, t->bins, (float)t->stride[l], t->offset};
    k.sides.p += sides_first * sides->sc;
    decide_scores(d, scores, first, t->n_classes);
    ps_scan s = {.map = *scores,
                 .first = first,
                 .n = t->n_classes,
                 .logits = d->scores == PS_SCORES_LOGITS,
                 .box = box_of,
                 .ctx = &k,
                 .level = l,
                 .base = base};
    ps_scan_run(d, &s);
}

/* ---- YOLOv8 heads: for each level [1,4*16+nc,h,w], or [1,4*16,h,w] and [1,nc,h,w] apart; logits ---- */

enum { YOLO_BINS = 16, YOLO_SIDES = 4 * YOLO_BINS };

/* One output a level with both parts (1), two outputs a level (2), or neither (0); roles in t->out. */
static int raw_parts(const ps_io *io, ps_task *t)
{
    int32_t order[PS_MAX_OUTPUTS];
    int n = ps_image_levels(io, t, order), parts = 0;
    for (int i = 0; i < n; i++) {
        const int32_t *dim = io->out[order[i]].dim;
        int l = i;
        if (n % 2 == 0 && i + 1 < n && io->out[order[i + 1]].dim[2] == dim[2]) { /* a pair of one size */
            l = i / 2;
            bool sides_first = dim[1] == YOLO_SIDES;
            int32_t classes = io->out[order[sides_first ? i + 1 : i]].dim[1];
            if (!sides_first && io->out[order[i + 1]].dim[1] != YOLO_SIDES) return 0;
            if ((t->n_classes && t->n_classes != classes) || parts == 1 || l >= PS_MAX_LEVELS) return 0;
            t->n_classes = classes, parts = 2;
            t->out[2 * l] = order[sides_first ? i : i + 1],
                       t->out[2 * l + 1] = order[sides_first ? i + 1 : i];
            i++;
        } else {
            int32_t classes = dim[1] - YOLO_SIDES;
            if (classes < 1 || (t->n_classes && t->n_classes != classes) || parts == 2 || l >= PS_MAX_LEVELS)
                return 0;
            t->n_classes = classes, parts = 1;
            t->out[l] = order[i];
        }
        t->n_levels = l + 1;
        t->grid_h[l] = dim[2], t->grid_w[l] = dim[3], t->stride[l] = t->in_h / dim[2];
    }
    return parts;
}

static bool raw_looks(const ps_io *io, const ps_task *t)
{
    ps_task scratch = *t;
    if (t->kind != PS_TASK_DETECT || io->n_outputs < 2) return false;
    /* Without class names only COCO's 80 are believed: YOLOv5's raw heads have the same ranks. */
    return raw_parts(io, &scratch) && (t->n_classes || scratch.n_classes == 80);
}

static poise_status raw_bind(const ps_io *io, ps_task *t)
{
    if (!raw_parts(io, t))
        return ps_bad_outputs(io, "yolov8-raw",
                              "for each level f32 [1,64+classes,h,w], or [1,64,h,w] and [1,classes,h,w]");
    t->bins = YOLO_BINS;
    t->offset = 0.5f;
    t->scores = PS_SCORES_LOGITS;
    return POISE_OK;
}

static void raw_run(ps_decode *d)
{
    const ps_task *t = d->task;
    for (int l = 0, base = 0; l < t->n_levels; base += t->grid_h[l] * t->grid_w[l], l++) {
        const poise_tensor *first = d->out[t->out[l]];
        if (first->dim[1] == YOLO_SIDES + t->n_classes && first->dim[2] == t->grid_h[l]) {
            ps_map m = ps_map_image(first);
            run_level(d, l, base, &m, YOLO_SIDES, &m, 0);
        } else {
            ps_map sides = ps_map_image(d->out[t->out[2 * l]]),
                   scores = ps_map_image(d->out[t->out[2 * l + 1]]);
            run_level(d, l, base, &scores, 0, &sides, 0);
        }
    }
}

const ps_decoder ps_decoder_yolov8_raw = {
    .name = "yolov8-raw",
    .about = "YOLOv8 heads before decoding: [1,64+classes,h,w] for each level",
    .looks = raw_looks,
    .bind = raw_bind,
    .run = raw_run};

/* ---- NanoDet: [1,cells,nc + 4*bins], scores after the sigmoid ---- */

static bool nanodet_shape(const ps_io *io, ps_task *t)
{
    if (t->kind != PS_TASK_DETECT || io->n_outputs != 1 || !ps_out_is(io, 0, 3)) return false;
    int32_t n = t->n_classes ? t->n_classes : 80, rest = io->out[0].dim[2] - n;
    if (rest < 8 || rest % 4 || rest / 4 > MOST_BINS || !ps_find_levels(t, io->out[0].dim[1], 1))
        return false;
    t->n_classes = n;
    t->bins = rest / 4;
    return true;
}

static void nanodet_pixels(ps_task *t)
{
    static const float mean[3] = {103.53f, 116.28f, 123.675f}, std[3] = {57.375f, 57.12f, 58.395f};
    t->pixels.fit = PS_FIT_STRETCH;
    t->pixels.bgr = 1;
    t->pixels.scale = 1;
    memcpy(t->pixels.mean, mean, sizeof mean);
    memcpy(t->pixels.std, std, sizeof std);
}

static bool nanodet_looks(const ps_io *io, const ps_task *t)
{
    ps_task scratch = *t;
    return nanodet_shape(io, &scratch);
}

/* NanoDet-Plus has a fourth level, of stride 64, and no half cell in its anchor points. */
static bool nanodet_plus_looks(const ps_io *io, const ps_task *t)
{
    ps_task scratch = *t;
    return nanodet_shape(io, &scratch) && scratch.stride[scratch.n_levels - 1] == 64;
}

static poise_status nanodet_bind(const ps_io *io, ps_task *t)
{
    if (!nanodet_shape(io, t)) return ps_bad_outputs(io, "nanodet", "f32 [1,cells,classes + 4*bins]");
    nanodet_pixels(t);
    t->offset = 0.5f;
    return POISE_OK;
}

static poise_status nanodet_plus_bind(const ps_io *io, ps_task *t)
{
    PS_TRY(nanodet_bind(io, t));
    t->offset = 0;
    return POISE_OK;
}

static void nanodet_run(ps_decode *d)
{
    const ps_task *t = d->task;
    ps_map flat = ps_map_flat(d->out[0], false);
    decide_scores(d, &flat, 0, t->n_classes);
    for (int l = 0, base = 0; l < t->n_levels; base += t->grid_h[l] * t->grid_w[l], l++) {
        ps_map m = ps_map_level(&flat, base, t->grid_h[l], t->grid_w[l]);
        run_level(d, l, base, &m, 0, &m, t->n_classes);
    }
}

const ps_decoder ps_decoder_nanodet_plus = {.name = "nanodet-plus",
                                            .iou = 0.6f,
                                            .about =
                                                "NanoDet-Plus: [1,cells,classes+4*bins], strides 8 to 64",
                                            .looks = nanodet_plus_looks,
                                            .bind = nanodet_plus_bind,
                                            .run = nanodet_run};
const ps_decoder ps_decoder_nanodet = {.name = "nanodet",
                                       .iou = 0.6f,
                                       .about = "NanoDet: [1,cells,classes+4*bins], strides 8 to 32",
                                       .looks = nanodet_looks,
                                       .bind = nanodet_bind,
                                       .run = nanodet_run};

/* ---- PicoDet: for each level scores [1,cells,nc] and sides [1,cells,4*bins] ---- */

/* Pairs outputs by their cells; levels by falling number of cells.  The scores are the output whose last dim
 * is the number of classes (80 when unknown). */
static bool pico_pairs(const ps_io *io, ps_task *t)
{
    int32_t n = t->n_classes ? t->n_classes : 80, levels = io->n_outputs / 2;
    int64_t cells = 0;
    if (t->kind != PS_TASK_DETECT || io->n_outputs < 4 || io->n_outputs % 2 || levels > PS_MAX_LEVELS)
        return false;
    for (int i = 0; i < io->n_outputs; i++) {
        if (!ps_out_is(io, i, 3)) return false;
        if (io->out[i].dim[2] == n) cells += io->out[i].dim[1];
    }
    if (!ps_find_levels(t, cells, 1) || t->n_levels != levels) return false;
    for (int l = 0; l < levels; l++) {
        int scores = -1, sides = -1;
        for (int i = 0; i < io->n_outputs; i++) {
            if (io->out[i].dim[1] != t->grid_h[l] * t->grid_w[l]) continue;
            if (scores < 0 && io->out[i].dim[2] == n)
                scores = i;
            else
                sides = i;
        }
        if (scores < 0 || sides < 0) return false;
        int32_t c = io->out[sides].dim[2];
        if (c % 4 || c < 8 || c / 4 > MOST_BINS || (l && c / 4 != t->bins)) return false;
        t->bins = c / 4;
        t->out[2 * l] = scores, t->out[2 * l + 1] = sides;
    }
    t->n_classes = n;
    return true;
}

static bool pico_looks(const ps_io *io, const ps_task *t)
{
    ps_task scratch = *t;
    return pico_pairs(io, &scratch);
}

static poise_status pico_bind(const ps_io *io, ps_task *t)
{
    static const float mean[3] = {0.485f, 0.456f, 0.406f}, std[3] = {0.229f, 0.224f, 0.225f};
    if (!pico_pairs(io, t))
        return ps_bad_outputs(io, "picodet", "for each level f32 [1,cells,classes] and [1,cells,4*bins]");
    t->pixels.fit = PS_FIT_STRETCH;
    memcpy(t->pixels.mean, mean, sizeof mean);
    memcpy(t->pixels.std, std, sizeof std);
    t->offset = 0.5f;
    return POISE_OK;
}

static void pico_run(ps_decode *d)
{
    const ps_task *t = d->task;
    for (int l = 0, base = 0; l < t->n_levels; base += t->grid_h[l] * t->grid_w[l], l++) {
        ps_map scores = ps_map_flat(d->out[t->out[2 * l]], false),
               sides = ps_map_flat(d->out[t->out[2 * l + 1]], false);
        scores = ps_map_level(&scores, 0, t->grid_h[l], t->grid_w[l]);
        sides = ps_map_level(&sides, 0, t->grid_h[l], t->grid_w[l]);
        run_level(d, l, base, &scores, 0, &sides, 0);
    }
}

const ps_decoder ps_decoder_picodet = {
    .name = "picodet",
    .iou = 0.6f,
    .about = "PicoDet: scores [1,cells,classes] and sides [1,cells,4*bins] for each level",
    .looks = pico_looks,
    .bind = pico_bind,
    .run = pico_run};
