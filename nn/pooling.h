/* nn/pooling.h - what the parts of op_pool.c share: geometry of windows, one pooling under way. */
#ifndef PS_NN_POOLING_H
#define PS_NN_POOLING_H

#include "nn/op.h"
#include "nn/params.h"

/* Sizes and strides as [n,c,h,w], also for rank 3. */
typedef struct ps_pool_box {
    char *data;
    int32_t n, c, h, w;
    ptrdiff_t sn, sc, sh, sw;
} ps_pool_box;
ps_pool_box ps_pool_box_of(const poise_tensor *t);

/* Taps [t0, t1) of window o lie inside, the first is at `at`; taps up to `counted` lie inside or in a border. */
typedef struct ps_pool_taps {
    int32_t t0, t1, counted;
    ptrdiff_t at;
} ps_pool_taps;
/* Of window o along dimension d (0 rows, 1 columns) of n elements. */
ps_pool_taps ps_pool_taps_of(const ps_pool_params *p, int d, int32_t o, int32_t n);

typedef struct ps_pool {
    const ps_call *c;
    const ps_pool_params *p;
    ps_pool_box x, y;
    int32_t band, bands; /* rows a chunk, chunks an image */
    char *scratch;       /* of thread 0 */
    size_t per_thread;   /* bytes */
    bool rows;           /* whole pixels at a time (ps_pool_in_rows) */
    bool ring, half;     /* separable; widened rows: both live in scratch, in this order */
} ps_pool;

/* What the sum of a window is divided by. */
float ps_pool_divisor(const ps_pool_params *p, ps_pool_taps v, ps_pool_taps h);
/* From a sum of codes less their zero points to the number, for quantised inputs. */
float ps_pool_factor(const ps_pool *q, ps_pool_taps v, ps_pool_taps h);

/* ---- nn/pool_rows.c: channels-last f32, 16 bits and codes ---- */

/* Whether a call works on whole pixels, and on separable windows. */
bool ps_pool_in_rows(const ps_call *c);
bool ps_pool_separable(const ps_call *c);
/* Bytes of working space of a thread. */
size_t ps_pool_room(const ps_call *c);
/* Output rows [from, to) of image n; room is the thread's. */
void ps_pool_rows(const ps_pool *q, int32_t n, int32_t from, int32_t to, void *room);

#endif
