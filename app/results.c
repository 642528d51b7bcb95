/* app/results.c - prints results. */
#include "app/results.h"

#include "app/cli.h"
#include "app/coco.h"
#include "app/json.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool is(const ps_results *r, const char *format)
{
    return !strcmp(r->format, format);
}

static const char *name_of(const ps_frame *f, int class_id)
{
    const ps_names *names = &f->by->task.names;
    return class_id >= 0 && class_id < names->n ? names->name[class_id] : NULL;
}

const char *ps_results_name(const ps_frame *f, int class_id, char buf[16])
{
    const char *name = name_of(f, class_id);
    if (name) return name;
    snprintf(buf, 16, "%d", class_id);
    return buf;
}

static bool has_boxes(const ps_frame *f)
{
    return f->by->task.kind != PS_TASK_CLASSIFY;
}

static void number(ps_json *j, const char *key, float v)
{
    ps_json_number(j, key, (double)v, 6);
}

/* ---- JSON lines ------------------------------------------------------------------------------------ */

static void json_object(ps_json *j, const ps_frame *f, const poise_object *o)
{
    ps_json_object(j, NULL);
    ps_json_int(j, "class", o->class_id);
    ps_json_text(j, "name", name_of(f, o->class_id));
    ps_json_number(j, "conf", (double)o->conf, 4);
    if (has_boxes(f)) {
        ps_json_array(j, "box");
        number(j, NULL, o->x1), number(j, NULL, o->y1), number(j, NULL, o->x2), number(j, NULL, o->y2);
        ps_json_end(j);
    }
    if (o->n_keypoints) {
        ps_json_array(j, "kpts");
        for (int i = 0; i < o->n_keypoints; i++) {
            ps_json_array(j, NULL);
            number(j, NULL, o->keypoint[i].x), number(j, NULL, o->keypoint[i].y);
            ps_json_number(j, NULL, (double)o->keypoint[i].conf, 4);
            ps_json_end(j);
        }
        ps_json_end(j);
    }
    ps_json_end(j);
}

static void jsonl(FILE *out, const ps_frame *f)
{
    ps_json j = ps_json_begin(out);
    ps_json_object(&j, NULL);
    ps_json_int(&j, "v", 1);
    ps_json_text(&j, "source", f->source);
    ps_json_int(&j, "frame", 0);
    ps_json_int(&j, "w", f->w);
    ps_json_int(&j, "h", f->h);
    ps_json_array(&j, "dets");
    for (int i = 0; i < f->n; i++) json_object(&j, f, &f->found[i]);
    ps_json_end(&j);
    ps_json_object(&j, "ms");
    ps_json_number(&j, "dec", f->decode_ms, 4);
    ps_json_number(&j, "pre", f->by->pre_ms, 4);
    ps_json_number(&j, "inf", f->by->run_ms, 4);
    ps_json_number(&j, "post", f->by->post_ms, 4);
    ps_json_end(&j);
    ps_json_end(&j);
    fputc('\n', out);
}

/* ---- Ultralytics' summary: an array for each image --------------------------------------------------- */

static void ultralytics_points(ps_json *j, const poise_object *o)
{
    ps_json_object(j, "keypoints");
    ps_json_array(j, "x");
    for (int i = 0; i < o->n_keypoints; i++) number(j, NULL, o->keypoint[i].x);
    ps_json_end(j);
    ps_json_array(j, "y");
    for (int i = 0; i < o->n_keypoints; i++) number(j, NULL, o->keypoint[i].y);
    ps_json_end(j);
    ps_json_array(j, "visible");
    for (int i = 0; i < o->n_keypoints; i++) number(j, NULL, o->keypoint[i].conf);
    ps_json_end(j);
    ps_json_end(j);
}

static void ultralytics(FILE *out, const ps_frame *f)
{
    ps_json j = ps_json_begin(out);
    ps_json_array(&j, NULL);
    for (int i = 0; i < f->n; i++) {
        const poise_object *o = &f->found[i];
        char buf[16];
        ps_json_object(&j, NULL);
        ps_json_text(&j, "name", ps_results_name(f, o->class_id, buf));
        ps_json_int(&j, "class", o->class_id);
        ps_json_number(&j, "confidence", (double)o->conf, 5);
        if (has_boxes(f)) {
            ps_json_object(&j, "box");
            number(&j, "x1", o->x1), number(&j, "y1", o->y1), number(&j, "x2", o->x2), number(&j, "y2", o->y2);
            ps_json_end(&j);
        }
        if (o->n_keypoints) ultralytics_points(&j, o);
        ps_json_end(&j);
    }
    ps_json_end(&j);
    fputc('\n', out);
}

/* ---- COCO results: one array of objects -------------------------------------------------------------- */

/* COCO numbers its categories 1..90 with gaps; other sets of classes count from 1. */
static int category(const ps_frame *f, int class_id)
{
    const ps_names *n = &f->by->task.names;
    bool coco = f->by->task.n_classes == PS_COCO_CLASSES &&
                (n->n < 80 || (n->name[0] && n->name[79] && !strcmp(n->name[0], "person") && !strcmp(n->name[79], "toothbrush")));
    return coco ? ps_coco_category(class_id) : class_id + 1;
}

/* "000000000139.jpg" is image 139; other names stay texts. */
static void image_id(ps_json *j, const char *source)
{
    char stem[256];
    const char *base = ps_cli_base(source), *dot = strrchr(base, '.');
    int n = dot ? (int)(dot - base) : (int)strlen(base);
    snprintf(stem, sizeof stem, "%.*s", n, base);
    bool digits = n > 0 && n <= 18;
    for (const char *c = stem; *c; c++) digits = digits && isdigit((unsigned char)*c);
    if (digits) ps_json_int(j, "image_id", strtoll(stem, NULL, 10));
    else ps_json_text(j, "image_id", stem);
}

static void coco(ps_results *r, const ps_frame *f)
{
    for (int i = 0; i < f->n; i++) {
        const poise_object *o = &f->found[i];
        fputs(r->written++ ? ",\n" : "\n", r->f);
        ps_json j = ps_json_begin(r->f);
        ps_json_object(&j, NULL);
        image_id(&j, f->source);
        ps_json_int(&j, "category_id", category(f, o->class_id));
        if (has_boxes(f)) {
            ps_json_array(&j, "bbox");
            number(&j, NULL, o->x1), number(&j, NULL, o->y1);
            number(&j, NULL, o->x2 - o->x1), number(&j, NULL, o->y2 - o->y1);
            ps_json_end(&j);
        }
        ps_json_number(&j, "score", (double)o->conf, 5);
        if (o->n_keypoints) ps_json_array(&j, "keypoints");
        for (int k = 0; k < o->n_keypoints; k++) {
            number(&j, NULL, o->keypoint[k].x), number(&j, NULL, o->keypoint[k].y);
            number(&j, NULL, o->keypoint[k].conf);
        }
        if (o->n_keypoints) ps_json_end(&j);
        ps_json_end(&j);
    }
}

/* ---- lines of numbers -------------------------------------------------------------------------------- */

void ps_results_labels(FILE *out, const ps_frame *f, bool scores)
{
    double w = f->w, h = f->h;
    for (int i = 0; i < f->n; i++) {
        const poise_object *o = &f->found[i];
        char buf[16];
        if (!has_boxes(f)) {
            fprintf(out, "%.4f %s\n", (double)o->conf, ps_results_name(f, o->class_id, buf));
            continue;
        }
        double x1 = (double)o->x1, y1 = (double)o->y1, x2 = (double)o->x2, y2 = (double)o->y2;
        fprintf(out, "%d %.6g %.6g %.6g %.6g", o->class_id, (x1 + x2) / 2 / w, (y1 + y2) / 2 / h, (x2 - x1) / w,
                (y2 - y1) / h);
        for (int k = 0; k < o->n_keypoints; k++)
            fprintf(out, " %.6g %.6g %.4g", (double)o->keypoint[k].x / w, (double)o->keypoint[k].y / h,
                    (double)o->keypoint[k].conf);
        if (scores) fprintf(out, " %.6g", (double)o->conf);
        fputc('\n', out);
    }
}

/* A CSV field: quoted where it must be. */
static void field(FILE *out, const char *text)
{
    if (!strpbrk(text, ",\"\n\r")) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"') fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static void csv(FILE *out, const ps_frame *f)
{
    for (int i = 0; i < f->n; i++) {
        const poise_object *o = &f->found[i];
        char buf[16];
        field(out, f->source);
        fprintf(out, ",0,%d,", o->class_id);
        field(out, ps_results_name(f, o->class_id, buf));
        fprintf(out, ",%.4g", (double)o->conf);
        if (has_boxes(f))
            fprintf(out, ",%.6g,%.6g,%.6g,%.6g", (double)o->x1, (double)o->y1, (double)o->x2, (double)o->y2);
        else fputs(",,,,", out);
        for (int k = 0; k < o->n_keypoints; k++)
            fprintf(out, ",%.6g,%.6g,%.4g", (double)o->keypoint[k].x, (double)o->keypoint[k].y,
                    (double)o->keypoint[k].conf);
        fputc('\n', out);
    }
}

/* ---- ---- */

void ps_results_begin(ps_results *r)
{
    if (is(r, "coco")) fputc('[', r->f);
    if (!is(r, "csv")) return;
    fputs("source,frame,class,name,conf,x1,y1,x2,y2", r->f);
    for (int i = 0; i < r->keypoints; i++) fprintf(r->f, ",kpt%d_x,kpt%d_y,kpt%d_conf", i, i, i);
    fputc('\n', r->f);
}

void ps_results_frame(ps_results *r, const ps_frame *f)
{
    ps_cli_hold();
    if (is(r, "coco")) coco(r, f);
    else if (is(r, "csv")) csv(r->f, f);
    else if (is(r, "ultralytics")) ultralytics(r->f, f);
    else if (is(r, "yolo")) {
        if (r->many) fprintf(r->f, "# %s\n", f->source);
        ps_results_labels(r->f, f, true);
    } else jsonl(r->f, f);
    fflush(r->f); /* whoever reads along gets whole lines, and each as soon as it is known */
    ps_cli_release();
}

void ps_results_end(ps_results *r)
{
    if (is(r, "coco")) fputs(r->written ? "\n]\n" : "]\n", r->f);
}

/* The most frequent way to say it: classes in order of their number. */
const char *ps_results_summary(const ps_frame *f, char buf[PS_SUMMARY_TEXT])
{
    size_t used = 0;
    char number_text[16];
    snprintf(buf, PS_SUMMARY_TEXT, "(no detections)");
    for (int i = 0; !has_boxes(f) && i < f->n && i < 5 && used < PS_SUMMARY_TEXT; i++)
        used += (size_t)snprintf(buf + used, PS_SUMMARY_TEXT - used, "%s%.60s %.2f", i ? ", " : "",
                                 ps_results_name(f, f->found[i].class_id, number_text), (double)f->found[i].conf);
    for (int last = -1; has_boxes(f) && used < PS_SUMMARY_TEXT;) {
        int next = -1, count = 0;
        for (int i = 0; i < f->n; i++) {
            int c = f->found[i].class_id;
            if (c > last && (next < 0 || c < next)) next = c;
        }
        if (next < 0) break;
        for (int i = 0; i < f->n; i++) count += f->found[i].class_id == next;
        used += (size_t)snprintf(buf + used, PS_SUMMARY_TEXT - used, "%s%d %.60s%s", used ? ", " : "", count,
                                 ps_results_name(f, next, number_text), count > 1 ? "s" : "");
        last = next;
    }
    return buf;
}
