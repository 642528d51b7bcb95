/* nn/conv_pack.c - weights in the order in which kernels read them. */
#include "nn/conv.h"
#include "ops/bf16.h"

#include <string.h>

static size_t window(const ps_conv *v)
{
    return ps_size_cap((size_t)v->kernel[0], (size_t)v->kernel[1]);
}

/* Floats, or pairs of bfloat16, of one panel: 64-byte aligned, whatever the width. */
static size_t panel_floats(const ps_conv *v)
{
    size_t n = ps_size_cap(window(v), ps_conv_tap(v));
    return n > SIZE_MAX / 8 ? SIZE_MAX : ps_round_up(n, PS_ALIGN / sizeof(float));
}

static size_t panels(const ps_conv *v)
{
    size_t nr = (size_t)ps_conv_tile(v).nr;
    return ((size_t)(v->o / v->group) + nr - 1) / nr;
}

size_t ps_conv_packed(const ps_conv *v)
{
    size_t n;
    if (ps_conv_way_of(v) == PS_CONV_DEPTHWISE)
        n = ps_size_cap(window(v), (size_t)v->c);
    else
        n = ps_size_cap(ps_size_cap(panel_floats(v), panels(v)), (size_t)v->group);
    return n > SIZE_MAX / 8 ? SIZE_MAX : ps_round_up(n, PS_ALIGN / sizeof(float));
}

static float weight(const ps_weights *w, ptrdiff_t at)
{
    return w->half ? ps_bf16_widen(w->at16[at]) : w->at[at];
}

static void pack_depthwise(const ps_conv *v, const ps_weights *w, float *dst)
{
    for (int32_t ky = 0; ky < v->kernel[0]; ky++)
        for (int32_t kx = 0; kx < v->kernel[1]; kx++)
            for (int32_t c = 0; c < v->c; c++)
                *dst++ = w->scale * weight(w, c * w->group + ky * w->kernel[0] + kx * w->kernel[1]);
}

/* Rows of one tap from `at` on: dst[ci*nr + j] = weight of output j, input ci; j < n, the rest zero. */
static void pack_tap(const ps_conv *v, const ps_weights *w, ptrdiff_t at, size_t n, float *dst)
{
    size_t nr = (size_t)v->k->gemm_f32_tile.nr, cg = (size_t)(v->c / v->group);
    if (n < nr) memset(dst, 0, cg * nr * sizeof *dst);
    if (w->o == 1 && !w->half) {
        for (size_t ci = 0; ci < cg; ci++)
            memcpy(dst + ci * nr, w->at + (at + (ptrdiff_t)ci * w->c), n * sizeof *dst);
    } else if (w->c == 1 && !w->half) {
        v->k->transpose_f32(n, cg, w->at + at, w->o, dst, (ptrdiff_t)nr);
    } else {
        for (size_t ci = 0; ci < cg; ci++)
            for (size_t j = 0; j < n; j++)
                dst[ci * nr + j] = weight(w, at + (ptrdiff_t)j * w->o + (ptrdiff_t)ci * w->c);
    }
    if (w->scale == 1.0f) return;
    for (size_t i = 0; i < cg * nr; i++) dst[i] *= w->scale;
}

/* Rows 2p and 2p+1 of a tap side by side: dst[(p*nr + j)*2 + q] = weight of output j, input 2p + q. */
static void pack_tap_half(const ps_conv *v, const ps_weights *w, ptrdiff_t at, size_t n, uint16_t *dst)
{
    size_t nr = (size_t)v->k->gemm_bf16_tile.nr, cg = (size_t)(v->c / v->group);
    bool plain = w->half && w->scale == 1.0f;
    if (n < nr || cg % 2) memset(dst, 0, ps_conv_pixel(v) * nr * sizeof *dst);
    for (size_t ci = 0; ci < cg; ci++) {
        const uint16_t *row = w->at16 + (at + (ptrdiff_t)ci * w->c); /* read only when plain */
        uint16_t *to = dst + ci / 2 * nr * 2 + ci % 2;
        if (plain && w->o == 1)
            for (size_t j = 0; j < n; j++) to[2 * j] = row[j];
        else if (plain)
            for (size_t j = 0; j < n; j++) to[2 * j] = row[(ptrdiff_t)j * w->o];
        else
            for (size_t j = 0; j < n; j++)
                to[2 * j] =
                    ps_bf16_round(w->scale * weight(w, at + (ptrdiff_t)j * w->o + (ptrdiff_t)ci * w->c));
    }
}

/* The same for split floats: high, low and high parts of every weight, below each other. */
static void pack_tap_split(const ps_conv *v, const ps_weights *w, ptrdiff_t at, size_t n, uint16_t *dst)
{
    size_t nr = (size_t)v->k->gemm_bf16_tile.nr, cg = (size_t)(v->c / v->group), each = ps_conv_pixel(v) / 3 * nr;
    memset(dst, 0, 3 * each * sizeof *dst);
    for (size_t ci = 0; ci < cg; ci++)
        for (size_t j = 0; j < n; j++) {
            float x = w->scale * weight(w, at + (ptrdiff_t)j * w->o + (ptrdiff_t)ci * w->c);
            uint16_t high = ps_bf16_round(x), *to = dst + (ci / 2 * nr + j) * 2 + ci % 2;
            to[0] = to[2 * each] = high;
            to[each] = ps_bf16_round(x - ps_bf16_widen(high));
        }
}

typedef struct pack_job {
    const ps_conv *v;
    const ps_weights *w;
    float *dst;
    size_t panels, panel_floats, set_floats;
} pack_job;

/* Gives back rows of n outputs that were packed, where they lie side by side with nothing else between them.  A panel of
 * a large layer is some 100 kB: the layer is then never in memory twice. */
static void release_rows(const ps_conv *v, const ps_weights *w, ptrdiff_t at, size_t n)
{
    ptrdiff_t last = (v->c / v->group - 1) * w->c + (v->kernel[0] - 1) * w->kernel[0] + (v->kernel[1] - 1) * w->kernel[1];
    if (!w->last_use || w->o <= last) return;
    size_t size = w->half ? sizeof *w->at16 : sizeof *w->at;
    ps_memory_release((const char *)w->at + at * (ptrdiff_t)size, n * (size_t)w->o * size);
}

static void pack_panels(void *ctx, int begin, int end, int thread)
{
    (void)thread;
    const pack_job *job = ctx;
    const ps_conv *v = job->v;
    const ps_weights *w = job->w;
    size_t nr = (size_t)ps_conv_tile(v).nr, og = (size_t)(v->o / v->group), groups = (size_t)v->group;
    for (size_t i = (size_t)begin; i < (size_t)end; i++) {
        size_t j = i % job->panels * nr, g = i / job->panels % groups, set = i / job->panels / groups;
        size_t n = og - j < nr ? og - j : nr;
        float *dst = job->dst + set * job->set_floats + i % (job->panels * groups) * job->panel_floats;
        ptrdiff_t at = ps_conv_offset(w->set_rank, w->set_dim, set, w->set) + (ptrdiff_t)g * w->group +
                       (ptrdiff_t)j * w->o;
        for (int32_t ky = 0; ky < v->kernel[0]; ky++)
            for (int32_t kx = 0; kx < v->kernel[1]; kx++, dst += ps_conv_tap(v)) {
                ptrdiff_t tap = at + ky * w->kernel[0] + kx * w->kernel[1];
                if (ps_conv_splits(v))
                    pack_tap_split(v, w, tap, n, (uint16_t *)(void *)dst);
                else if (ps_conv_multiplies_half(v))
                    pack_tap_half(v, w, tap, n, (uint16_t *)(void *)dst);
                else
                    pack_tap(v, w, tap, n, dst);
            }
        release_rows(v, w, at, n);
    }
}

void ps_conv_pack(const ps_conv *v, const ps_weights *w, float *dst)
{
    if (ps_conv_way_of(v) == PS_CONV_DEPTHWISE) {
        pack_depthwise(v, w, dst);
        return;
    }
    pack_job job = {v, w, dst, panels(v), panel_floats(v), ps_conv_packed(v)};
    if (!job.set_floats) return;
    size_t sets = 1;
    for (int i = 0; i < w->set_rank; i++) sets *= (size_t)w->set_dim[i];
    bool small =
        sets * job.set_floats < 1 << 16; /* a quarter MB is written in less time than threads are woken */
    ps_parallel(small ? 1 : v->threads, (int)(sets * job.panels * (size_t)v->group), pack_panels, &job);
}
