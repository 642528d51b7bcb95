/* models/nms.c - greedy non-maximum suppression. */
#include "models/nms.h"

float ps_iou(const ps_candidate *a, const ps_candidate *b)
{
    float x1 = a->x1 > b->x1 ? a->x1 : b->x1, y1 = a->y1 > b->y1 ? a->y1 : b->y1;
    float x2 = a->x2 < b->x2 ? a->x2 : b->x2, y2 = a->y2 < b->y2 ? a->y2 : b->y2;
    if (!(x2 > x1 && y2 > y1)) return 0;
    float both = (x2 - x1) * (y2 - y1);
    return both / ((a->x2 - a->x1) * (a->y2 - a->y1) + (b->x2 - b->x1) * (b->y2 - b->y1) - both);
}

int32_t ps_nms(ps_candidate *c, int32_t n, float iou, bool agnostic, int32_t most)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < n && kept < most; i++) {
        int32_t k = 0;
        while (k < kept && !((agnostic || c[k].class_id == c[i].class_id) && ps_iou(&c[k], &c[i]) > iou)) k++;
        if (k == kept) c[kept++] = c[i];
    }
    return kept;
}
