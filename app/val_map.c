/* app/val_map.c - COCO's average precision: matching per image, precision over recall per class. */
#include "app/val_map.h"

#include "runtime/memory.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { THRESHOLDS = 10, RECALLS = 101 };

/* Least similarity of threshold i: .50, .55 ... .95. */
static double threshold(int i)
{
    return 0.5 + 0.05 * i;
}

double ps_truth_iou(const ps_guess *g, const ps_truth *t)
{
    double w = fmin((double)g->x2, (double)t->x2) - fmax((double)g->x1, (double)t->x1);
    double h = fmin((double)g->y2, (double)t->y2) - fmax((double)g->y1, (double)t->y1);
    if (!(w > 0) || !(h > 0)) return 0;
    double a = ((double)g->x2 - (double)g->x1) * ((double)g->y2 - (double)g->y1);
    double b = ((double)t->x2 - (double)t->x1) * ((double)t->y2 - (double)t->y1);
    return w * h / (t->crowd ? a : a + b - w * h);
}

/* Where the truth has no labelled joint, distances are those to a box twice as large around it. */
static void distance(const ps_guess *g, const ps_truth *t, int i, bool labelled, double *dx, double *dy)
{
    double x = (double)g->keypoint[i].x, y = (double)g->keypoint[i].y;
    if (labelled) {
        *dx = x - (double)t->keypoint[i].x;
        *dy = y - (double)t->keypoint[i].y;
        return;
    }
    double w = (double)t->x2 - (double)t->x1, h = (double)t->y2 - (double)t->y1;
    *dx = fmax(0, (double)t->x1 - w - x) + fmax(0, x - ((double)t->x2 + w));
    *dy = fmax(0, (double)t->y1 - h - y) + fmax(0, y - ((double)t->y2 + h));
}

double ps_truth_oks(const ps_guess *g, const ps_truth *t, const ps_similarity *by)
{
    int n = t->n_keypoints < by->n_sigmas ? t->n_keypoints : by->n_sigmas, labelled = 0;
    double sum = 0;
    for (int i = 0; i < n; i++) labelled += t->keypoint[i].conf > 0;
    for (int i = 0; i < n; i++) {
        if (labelled && !(t->keypoint[i].conf > 0)) continue;
        double dx, dy, k = 2 * by->sigma[i];
        distance(g, t, i, labelled > 0, &dx, &dy);
        sum += exp(-(dx * dx + dy * dy) / (k * k) / ((double)t->area + DBL_EPSILON) / 2);
    }
    return n ? sum / (labelled ? labelled : n) : 0;
}

/* ---- order ----------------------------------------------------------------------------------------- */

static int truth_order(const void *a, const void *b)
{
    const ps_truth *x = a, *y = b;
    if (x->class_id != y->class_id) return x->class_id < y->class_id ? -1 : 1;
    if (x->image != y->image) return x->image < y->image ? -1 : 1;
    return (int)(x->ignore || x->crowd) - (int)(y->ignore || y->crowd);
}

/* Guesses with equal scores stay as the network gave them: qsort may swap them, so the index decides. */
typedef struct entry {
    const ps_guess *g;
    int index;
    uint16_t matched, ignored; /* one bit per threshold */
} entry;

static int by_image(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->g->class_id != y->g->class_id) return x->g->class_id < y->g->class_id ? -1 : 1;
    if (x->g->image != y->g->image) return x->g->image < y->g->image ? -1 : 1;
    if (x->g->score != y->g->score) return x->g->score > y->g->score ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static int by_score(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->g->score != y->g->score) return x->g->score > y->g->score ? -1 : 1;
    if (x->g->image != y->g->image) return x->g->image < y->g->image ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* ---- one class in one image ------------------------------------------------------------------------ */

typedef struct group {
    ps_truth *t;
    int n;
    uint16_t *taken;    /* per truth, one bit per threshold */
    double *similarity; /* of the guess at hand, per truth */
} group;

/* The truth that a guess takes at one threshold, -1 = none.  Those that count come first in the list; one
 * of them is never given up for one that does not. */
static int best_truth(const group *gr, int level)
{
    double least = fmin(threshold(level), 1 - 1e-10);
    int best = -1;
    for (int k = 0; k < gr->n; k++) {
        bool aside = gr->t[k].ignore || gr->t[k].crowd;
        if ((gr->taken[k] >> level & 1) && !gr->t[k].crowd) continue;
        if (best >= 0 && aside && !(gr->t[best].ignore || gr->t[best].crowd)) break;
        if (gr->similarity[k] < least) continue;
        least = gr->similarity[k];
        best = k;
    }
    return best;
}

static void match(group *gr, entry *e, int n, const ps_similarity *by)
{
    memset(gr->taken, 0, (size_t)gr->n * sizeof *gr->taken);
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < gr->n; k++)
            gr->similarity[k] = by->keypoints ? ps_truth_oks(e[i].g, &gr->t[k], by) : ps_truth_iou(e[i].g, &gr->t[k]);
        for (int level = 0; level < THRESHOLDS; level++) {
            int k = best_truth(gr, level);
            if (k < 0) continue;
            gr->taken[k] |= (uint16_t)(1 << level);
            e[i].matched |= (uint16_t)(1 << level);
            if (!level) gr->t[k].found = e[i].g;
            if (gr->t[k].ignore || gr->t[k].crowd) e[i].ignored |= (uint16_t)(1 << level);
        }
    }
}

/* ---- one class ------------------------------------------------------------------------------------- */

/* Area under the curve at one threshold; `positives` > 0. */
static double average(const entry *e, int n, int level, int positives, double *precision, double *recall)
{
    int m = 0, right = 0, wrong = 0;
    double *at = precision, *reached = precision + n; /* both hold n values */
    for (int i = 0; i < n; i++) {
        if (e[i].ignored >> level & 1) continue;
        if (e[i].matched >> level & 1) right++;
        else wrong++;
        reached[m] = (double)right / positives;
        at[m++] = right / (right + wrong + DBL_EPSILON);
    }
    *recall = m ? reached[m - 1] : 0;
    for (int i = m - 1; i > 0; i--)
        if (at[i] > at[i - 1]) at[i - 1] = at[i];
    double sum = 0;
    for (int r = 0, i = 0; r < RECALLS; r++) {
        while (i < m && reached[i] < r / 100.0) i++;
        if (i < m) sum += at[i];
    }
    return sum / RECALLS;
}

typedef struct work {
    entry *e;
    double *curve;      /* 2 per guess */
    double *similarity; /* per truth */
    uint16_t *taken;
} work;

/* Matches the guesses [from, to) of one class image by image and keeps the best max_det of each image, moved
 * together; gives their number. */
static int match_class(work *w, int from, int to, ps_truth *t, int n_truth, int max_det, const ps_similarity *by)
{
    int kept = from, k = 0;
    for (int i = from; i < to;) {
        int32_t image = w->e[i].g->image;
        int end = i, last = k;
        while (end < to && w->e[end].g->image == image) end++;
        while (k < n_truth && t[k].image < image) k++;
        for (last = k; last < n_truth && t[last].image == image;) last++;
        int n = end - i < max_det ? end - i : max_det;
        memmove(&w->e[kept], &w->e[i], (size_t)n * sizeof *w->e);
        group gr = {t + k, last - k, w->taken, w->similarity};
        match(&gr, &w->e[kept], n, by);
        kept += n;
        k = last;
        i = end;
    }
    return kept - from;
}

static void add_class(work *w, int from, int to, ps_truth *t, int n_truth, int max_det, const ps_similarity *by,
                      ps_precision *out)
{
    int positives = 0;
    for (int i = 0; i < n_truth; i++) positives += !(t[i].ignore || t[i].crowd);
    if (!positives) return;
    int n = match_class(w, from, to, t, n_truth, max_det, by);
    qsort(w->e + from, (size_t)n, sizeof *w->e, by_score);
    for (int level = 0; level < THRESHOLDS; level++) {
        double recall, ap = average(w->e + from, n, level, positives, w->curve, &recall);
        out->ap += ap / THRESHOLDS;
        out->recall += recall / THRESHOLDS;
        if (level == 0) out->ap50 += ap;
        if (level == 5) out->ap75 += ap;
    }
    out->classes++;
}

static void all_classes(work *w, int n_guess, ps_truth *t, int n_truth, int max_det, const ps_similarity *by,
                        ps_precision *out)
{
    *out = (ps_precision){0};
    for (int k = 0, from = 0; k < n_truth;) {
        int32_t id = t[k].class_id;
        int last = k, to;
        while (last < n_truth && t[last].class_id == id) last++;
        while (from < n_guess && w->e[from].g->class_id < id) from++;
        for (to = from; to < n_guess && w->e[to].g->class_id == id;) to++;
        add_class(w, from, to, t + k, last - k, max_det, by, out);
        k = last;
        from = to;
    }
    double n = out->classes;
    if (out->classes) out->ap /= n, out->ap50 /= n, out->ap75 /= n, out->recall /= n;
    else out->ap = out->ap50 = out->ap75 = out->recall = -1;
}

poise_status ps_precision_of(ps_truth *t, int n_truth, const ps_guess *g, int n_guess,
                             int max_det, const ps_similarity *by, ps_precision *out)
{
    size_t nt = (size_t)n_truth, ng = (size_t)n_guess;
    work w = {ps_alloc_array(ng, sizeof *w.e), ps_alloc_array(2 * ng, sizeof *w.curve),
              ps_alloc_array(nt, sizeof *w.similarity), ps_alloc_array(nt, sizeof *w.taken)};
    poise_status s = POISE_OK;
    if (!w.e || !w.curve || !w.similarity || !w.taken)
        s = ps_fail(POISE_NO_MEMORY, "no memory to compare %d guesses with %d objects", n_guess, n_truth);
    if (!s) {
        for (int i = 0; i < n_guess; i++) w.e[i] = (entry){&g[i], i, 0, 0};
        for (int i = 0; i < n_truth; i++) t[i].found = NULL;
        qsort(t, nt, sizeof *t, truth_order);
        qsort(w.e, ng, sizeof *w.e, by_image);
        all_classes(&w, n_guess, t, n_truth, max_det, by, out);
    }
    ps_free(w.e);
    ps_free(w.curve);
    ps_free(w.similarity);
    ps_free(w.taken);
    return s;
}
