/* tests/tiny_onnx.h - writes tiny ONNX networks, so that tests need no foreign files. */
#ifndef PS_TESTS_TINY_ONNX_H
#define PS_TESTS_TINY_ONNX_H

#include "poise.h"

enum {
    TINY_DETECT,   /* images [1,3,32,32] -> [1,6,16]: two classes, three boxes whatever the picture (tiny_boxes) */
    TINY_CLASSIFY, /* images [1,3,16,16] -> [1,4]: softmax over mean red, green, blue and 0.5 */
    TINY_SHAPES,   /* x [1,2,?,?] -> Shape, Gather, Concat, Reshape, Resize, Split: what exporters leave behind */
    TINY_POSE,     /* images [1,3,64,48] -> [1,17,16,12]: every joint is where the picture is reddest */
    TINY_CODES,    /* images [1,3,16,16] -> [1,4]: TINY_CLASSIFY without grey, in codes: QDQ, weights by channel, QLinear */
    TINY_COUNT,
    TINY_LARGE = TINY_COUNT, /* x [1,1024,4,4]: 24 MB of weights behind six convolutions and scales; not for loops */
    TINY_OUTLIER /* images [1,3,16,16] -> [1,2,16,16]: one channel between, which nobody needs, is a thousand times the others */
};

/* What TINY_DETECT finds, in pixels of its input: x1 y1 x2 y2, class, score. */
typedef struct tiny_box {
    float x1, y1, x2, y2;
    int class_id;
    float score;
} tiny_box;
enum { TINY_BOXES = 3 };
extern const tiny_box tiny_boxes[TINY_BOXES];

/* "detect", "classify", "shapes", "pose", "codes", "large", "outlier" -> kind, or -1. */
int tiny_onnx_kind(const char *name);
/* The bytes of an .onnx file, from ps_alloc. */
poise_status tiny_onnx_make(int kind, void **bytes, size_t *size);

#endif
