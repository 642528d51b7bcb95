/* app/results.h - what was found in an image, in the formats that people ask for. */
#ifndef PS_APP_RESULTS_H
#define PS_APP_RESULTS_H

#include "models/detector.h"

#include <stdio.h>

typedef struct ps_frame {
    const char *source;
    int w, h;
    const poise_object *found;
    int n;
    double decode_ms;         /* of the image file */
    const ps_detector *by;    /* the other times, the task, the names */
} ps_frame;

typedef struct ps_results {
    FILE *f;
    const char *format; /* jsonl, coco, yolo, csv, ultralytics */
    int many;           /* 1: more than one image */
    int keypoints;      /* of every object */
    int written;        /* objects so far */
} ps_results;

/* Before the first image, after each, and after the last. */
void ps_results_begin(ps_results *r);
void ps_results_frame(ps_results *r, const ps_frame *f);
void ps_results_end(ps_results *r);

/* YOLO label lines: class, centre and size from 0 to 1, keypoints (x y conf), score if asked for.  A
 * classifier's: score and name. */
void ps_results_labels(FILE *out, const ps_frame *f, bool scores);
/* "4 persons, 1 bus" into buf; "(no detections)" for none. */
enum { PS_SUMMARY_TEXT = 512 };
const char *ps_results_summary(const ps_frame *f, char buf[PS_SUMMARY_TEXT]);
/* The name of a class, or its number in buf. */
const char *ps_results_name(const ps_frame *f, int class_id, char buf[16]);

#endif
