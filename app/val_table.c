/* app/val_table.c - see val_table.h */
#include "app/val_table.h"

#include "app/cli.h"
#include "app/json.h"
#include "runtime/memory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- agreement ---- */

/* A guess as if it were true: all its joints are labelled. */
static ps_truth as_truth(const ps_guess *g, int n_keypoints)
{
    ps_truth t = {.image = g->image, .class_id = g->class_id, .x1 = g->x1, .y1 = g->y1, .x2 = g->x2, .y2 = g->y2};
    t.area = (g->x2 - g->x1) * (g->y2 - g->y1) * 0.53f; /* an outline fills about half of its box */
    t.keypoint = g->keypoint;
    t.n_keypoints = g->keypoint ? n_keypoints : 0;
    return t;
}

static const float sure = 0.25f;

/* The guess of b that fits g best and is not taken; -1 = none. */
static int partner(const ps_guess *g, const ps_guess *b, int from, int to, const uint8_t *taken, const ps_similarity *by, int k)
{
    ps_truth t = as_truth(g, k);
    int best = -1;
    double most = 0.5;
    for (int i = from; i < to; i++) {
        if (taken[i] || !(b[i].score > sure) || b[i].class_id != g->class_id) continue;
        double v = by->keypoints ? ps_truth_oks(&b[i], &t, by) : ps_truth_iou(&b[i], &t);
        if (v >= most) most = v, best = i;
    }
    return best;
}

double ps_val_agreement(const ps_guess *a, int n_a, const ps_guess *b, int n_b, const ps_similarity *by, int n_keypoints)
{
    int all = 0, both = 0, from = 0;
    uint8_t *taken = ps_alloc((size_t)n_b + 1);
    if (!taken) return -1;
    memset(taken, 0, (size_t)n_b + 1);
    for (int i = 0; i < n_b; i++) all += b[i].score > sure;
    for (int i = 0; i < n_a; i++) {
        while (from < n_b && b[from].image < a[i].image) from++; /* both lists are in the order of images */
        int to = from;
        while (to < n_b && b[to].image == a[i].image) to++;
        if (!(a[i].score > sure)) continue;
        all++;
        int k = partner(&a[i], b, from, to, taken, by, n_keypoints);
        if (k >= 0) taken[k] = 1, both += 2;
    }
    ps_free(taken);
    return all ? (double)both / all : -1;
}

/* ---- printing ---- */

static void number(ps_json *json, const char *key, bool applies, double v)
{
    if (applies && v >= 0)
        ps_json_number(json, key, v, 5);
    else
        ps_json_null(json, key);
}

static void json_row(ps_json *json, const ps_val_row *r, bool several)
{
    ps_json_object(json, NULL);
    if (several) ps_json_text(json, "model", ps_cli_base(r->model));
    number(json, "map", r->boxes, r->box.ap);
    number(json, "map50", r->boxes, r->box.ap50);
    number(json, "map75", r->boxes, r->box.ap75);
    number(json, "oks_ap", r->poses, r->pose.ap);
    number(json, "oks_ap50", r->poses, r->pose.ap50);
    number(json, "pck", r->poses, r->pck.share);
    number(json, "pck_found", r->poses, r->pck.found_share);
    number(json, "top1", r->classes, r->top1);
    number(json, "top5", r->classes, r->top5);
    ps_json_int(json, "images", r->images);
    ps_json_text(json, "precision", r->precision);
    ps_json_text(json, "kernels", r->kernels);
    ps_json_number(json, "inference_ms", r->ms, 5);
    if (several) ps_json_number(json, "plan_peak_mb", r->mb, 5);
    if (several) number(json, "agreement", true, r->agreement);
    ps_json_end(json);
}

void ps_val_print_json(const ps_val_row *row, int n)
{
    ps_json json = ps_json_begin(stdout);
    if (n > 1) ps_json_array(&json, NULL);
    for (int i = 0; i < n; i++) json_row(&json, &row[i], n > 1);
    if (n > 1) ps_json_end(&json);
    putchar('\n');
}

static void print_precision(const char *what, const ps_precision *p)
{
    printf("%-10s %7.4f %7.4f %7.4f %7.4f %8d\n", what, p->ap, p->ap50, p->ap75, p->recall, p->classes);
}

static void print_one(const ps_val_row *r, const char *dataset)
{
    printf("%s on %s: %d images, precision %s, %.1f ms inference\n", ps_cli_base(r->model), dataset, r->images, r->kernels,
           r->ms);
    if (r->classes) printf("top-1 %.4f   top-5 %.4f\n", r->top1, r->top5);
    if (r->people) printf("each of %d people in its labelled box\n", r->people);
    if (r->boxes || r->poses) printf("                AP    AP50    AP75  recall  classes\n");
    if (r->boxes) print_precision("boxes", &r->box);
    if (r->poses) print_precision("keypoints", &r->pose);
    if (r->poses && r->pck.share >= 0)
        printf("PCK@0.2 %.4f of the joints of %d people, %.4f of those of the %d who were found\n", r->pck.share, r->pck.people,
               fmax(r->pck.found_share, 0), r->pck.found);
}

static void cell(bool applies, double v, const char *format, int width)
{
    if (applies && v >= 0) printf(format, v);
    else printf("%*s", width, "-");
}

static void print_line(const ps_val_row *r, int width, bool first)
{
    printf("%-*s  %-9s", width, ps_cli_base(r->model), r->precision);
    cell(r->boxes, r->box.ap, "%8.4f", 8);
    cell(r->boxes, r->box.ap50, "%8.4f", 8);
    cell(r->poses, r->pose.ap, "%8.4f", 8);
    cell(r->poses, r->pck.share, "%8.4f", 8);
    cell(r->classes, r->top1, "%8.4f", 8);
    cell(r->classes, r->top5, "%8.4f", 8);
    cell(!first, r->agreement * 100, "%9.1f%%", 10);
    printf("%9.1f%8.1f\n", r->ms, r->mb);
}

void ps_val_print(const ps_val_row *row, int n, const char *dataset)
{
    int width = 5;
    if (n == 1) {
        print_one(row, dataset);
        return;
    }
    for (int i = 0; i < n; i++) {
        int w = (int)strlen(ps_cli_base(row[i].model));
        width = w > width ? w : width;
    }
    printf("%s: %d images\n", dataset, row->images);
    printf("%-*s  precision     mAP   mAP50  OKS AP     PCK   top-1   top-5 agreement       ms      MB\n", width, "model");
    for (int i = 0; i < n; i++) print_line(&row[i], width, i == 0);
    for (int i = 0; i < n; i++) printf("%s: %s\n", ps_cli_base(row[i].model), row[i].kernels);
}
