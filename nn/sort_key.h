/* nn/sort_key.h - elements of any numeric type as integers that compare as they do. */
#ifndef PS_NN_SORT_KEY_H
#define PS_NN_SORT_KEY_H

#include "nn/convert_type.h"

#include <string.h>

/* The largest element has the largest key (`reverse`: the smallest element).  -0 and 0 are equal; a NaN is
 * beyond infinity. */
static inline int64_t ps_sort_key(poise_type t, const void *x, int reverse)
{
    int64_t key;
    if (t == POISE_F32) {
        /* The bits of floats of one sign order as integers; those of negative floats the other way round. */
        int32_t bits;
        memcpy(&bits, x, sizeof bits);
        key = bits < 0 ? -(int64_t)(bits & INT32_MAX) : bits;
    } else {
        key = ps_load_whole(t, x);
    }
    return reverse ? ~key : key; /* ~k is -1 - k: no overflow */
}

#endif
