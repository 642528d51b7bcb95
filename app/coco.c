/* app/coco.c - facts of the COCO data set (cocodataset.org, keypoint evaluation for the sigmas). */
#include "app/coco.h"

/* Categories that the published set leaves out: 91 - 1 - 10 = 80 remain. */
static const unsigned char gaps[] = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83};

int ps_coco_category(int class_id)
{
    int id = class_id + 1;
    for (unsigned i = 0; i < sizeof gaps && gaps[i] <= id; i++) id++;
    return id;
}

int ps_coco_class(int category)
{
    int below = 0;
    if (category < 1 || category > 90) return -1;
    for (unsigned i = 0; i < sizeof gaps; i++) {
        if (gaps[i] == category) return -1;
        below += gaps[i] < category;
    }
    return category - 1 - below;
}

const double ps_coco_sigmas[PS_COCO_JOINTS] = {.026, .025, .025, .035, .035, .079, .079, .072, .072,
                                               .062, .062, .107, .107, .087, .087, .089, .089};
