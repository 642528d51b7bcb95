/* app/val_data.h - labelled images: YOLO directories, COCO annotations, folders of classes. */
#ifndef PS_APP_VAL_DATA_H
#define PS_APP_VAL_DATA_H

#include "app/classes.h"
#include "app/npz.h"
#include "app/val_map.h"
#include "models/task.h"
#include "runtime/memory.h"

typedef struct ps_labelled {
    const char *path;
    int32_t class_id; /* of the whole image, for classifiers; -1 otherwise */
    const uint8_t *rgb; /* its w * h pixels, where they are not in a file of their own */
    int32_t w, h;
} ps_labelled;

typedef struct ps_dataset {
    ps_labelled *images;
    ps_truth *truths; /* of images 0..n_images-1 */
    int n_images, cap_images, n_truths, cap_truths;
    int missing;      /* images that are listed but not there; their objects are left out */
    bool relative;    /* coordinates are 0..1 of the image, and area of the box times 0.53 is meant */
    bool keypoints;   /* some object has keypoints */
    ps_heap heap;
    ps_npz pixels; /* of images that have no file */
    const ps_classes *wanted; /* objects of other classes are left out; NULL = of none */
} ps_dataset;

/* Reads the labels in `path` for a network with this task; of objects, those of the `wanted` classes, or of all where it is
 * NULL, and then one that the network does not know is an error.  One line of error that names the file. */
poise_status ps_dataset_open(const char *path, const ps_task *t, const ps_classes *wanted, ps_dataset *out);
void ps_dataset_close(ps_dataset *d);

/* For the readers: grow the lists. */
poise_status ps_dataset_image(ps_dataset *d, const char *path, int32_t class_id);
poise_status ps_dataset_truth(ps_dataset *d, const ps_truth *t);

/* The reader of COCO annotation files (val_coco.c); POISE_UNSUPPORTED when built without a JSON reader. */
poise_status ps_dataset_coco(ps_dataset *d, const char *path, const ps_task *t);

/* Puts relative coordinates into pixels of the image with index `image`, now that its size is known. */
void ps_dataset_scale(ps_dataset *d, int image, int w, int h);

#endif
