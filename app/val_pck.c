/* app/val_pck.c - see val_pck.h */
#include "app/val_pck.h"

#include "app/coco.h"

#include <math.h>

enum { LEFT_SHOULDER = 5, RIGHT_SHOULDER = 6, LEFT_HIP = 11, RIGHT_HIP = 12 };
static const double reach = 0.2;

static double apart(const poise_keypoint *a, const poise_keypoint *b)
{
    return hypot((double)a->x - (double)b->x, (double)a->y - (double)b->y);
}

/* 0 = it cannot be told. */
static double torso(const ps_truth *t)
{
    const poise_keypoint *k = t->keypoint;
    if (t->n_keypoints != PS_COCO_JOINTS) return 0;
    if (k[LEFT_SHOULDER].conf > 0 && k[RIGHT_HIP].conf > 0) return apart(&k[LEFT_SHOULDER], &k[RIGHT_HIP]);
    if (k[RIGHT_SHOULDER].conf > 0 && k[LEFT_HIP].conf > 0) return apart(&k[RIGHT_SHOULDER], &k[LEFT_HIP]);
    return 0;
}

ps_pck ps_pck_of(const ps_truth *t, int n_truth)
{
    ps_pck p = {0};
    int labelled = 0, of_found = 0, right = 0;
    for (int i = 0; i < n_truth; i++, t++) {
        double unit = torso(t);
        if (t->crowd || t->ignore || !(unit > 0)) continue;
        p.people++;
        p.found += t->found != NULL;
        for (int k = 0; k < PS_COCO_JOINTS; k++) {
            if (!(t->keypoint[k].conf > 0)) continue;
            labelled++;
            of_found += t->found != NULL;
            right += t->found && apart(&t->keypoint[k], &t->found->keypoint[k]) <= reach * unit;
        }
    }
    p.share = labelled ? (double)right / labelled : -1;
    p.found_share = of_found ? (double)right / of_found : -1;
    return p;
}
