/* models/names.h - lists that exporters write as text: class names, sizes, numbers. */
#ifndef PS_MODELS_NAMES_H
#define PS_MODELS_NAMES_H

#include "poise.h"

#include <stdbool.h>

enum { PS_MAX_CLASSES = 65536 };

/* Class names by id, in one block.  A hole is NULL. */
typedef struct ps_names {
    const char **name;
    int32_t n;
} ps_names;

/* Reads "{0: 'person', 1: 'bicycle'}" (Python or JSON quoting), "['a', 'b']", or "a,b,c".  Believes nothing:
 * ids reach PS_MAX_CLASSES - 1, anything after the closing bracket or between the items is an error. */
poise_status ps_names_parse(const char *text, ps_names *out);
void ps_names_free(ps_names *n);
/* The text that ps_names_parse reads back, in a block from ps_alloc; NULL when there is no memory. */
char *ps_names_text(const ps_names *n);

/* Up to `cap` numbers from "[640, 640]", "(17, 3)", "8 16 32"; gives how many, -1 for anything else. */
int ps_numbers(const char *text, float *out, int cap);

extern const char *const ps_coco_names[80];
/* Pairs of COCO joints that a skeleton joins, and left/right partners of the 17 joints. */
enum { PS_COCO_LIMBS = 19 };
extern const uint8_t ps_coco_limbs[PS_COCO_LIMBS][2];
extern const char *const ps_coco_joints[17];

#endif
