/* nn/conv_pack.c - weights in the order in which kernels read them. */
#include "nn/conv_pack.h"

#include "nn/convert_type.h"

#include <string.h>

static size_t window(const ps_conv *v)
{
    return ps_size_cap((size_t)v->kernel[0], (size_t)v->kernel[1]);
}

/* Words of one panel: 64-byte aligned, whatever the width. */
static size_t panel_floats(const ps_conv *v)
{
    size_t n = ps_size_cap((size_t)v->kernel[0], ps_conv_window_row(v));
    return n > SIZE_MAX / 8 ? SIZE_MAX : ps_round_up(n, PS_ALIGN / sizeof(float));
}

static size_t panels(const ps_conv *v)
{
    size_t nr = (size_t)ps_conv_tile(v).nr;
    return ((size_t)(v->o / v->group) + nr - 1) / nr;
}

enum { WORDS = PS_ALIGN / sizeof(float) };

/* Without what follows them. */
static size_t weight_words(const ps_conv *v)
{
    size_t n;
    if (ps_conv_way_of(v) == PS_CONV_DEPTHWISE && v->x_type == POISE_U8)
        n = ps_size_cap(window(v), (size_t)v->c) / sizeof(float) + 1;
    else if (ps_conv_way_of(v) == PS_CONV_DEPTHWISE)
        n = ps_size_cap(window(v), (size_t)v->c);
    else
        n = ps_size_cap(ps_size_cap(panel_floats(v), panels(v)), (size_t)v->group);
    return n > SIZE_MAX / 8 ? SIZE_MAX : ps_round_up(n, WORDS);
}

static size_t fits_words(const ps_conv *v)
{
    return ps_conv_way_of(v) == PS_CONV_DEPTHWISE ? 1 : ps_size_cap(panels(v), (size_t)v->group);
}

size_t ps_conv_packed(const ps_conv *v)
{
    size_t n = weight_words(v), sums[] = {(size_t)v->o, (size_t)v->o, (size_t)v->o, fits_words(v)};
    if (n > SIZE_MAX / 8) return SIZE_MAX;
    if (v->x_type != POISE_U8) return n;
    for (int i = 0; i < 4; i++)
        if (!ps_size_add(&n, n, ps_round_up(sums[i], WORDS)) || n > SIZE_MAX / 8) return SIZE_MAX;
    return n;
}

ps_conv_sums ps_conv_sums_of(const ps_conv *v, const float *set)
{
    size_t at = weight_words(v), each = ps_round_up((size_t)v->o, WORDS);
    char *base = (char *)(uintptr_t)set;
    return (ps_conv_sums){.add = (int32_t *)(void *)(base + at * sizeof(float)),
                          .scale = (float *)(void *)(base + (at + each) * sizeof(float)),
                          .sum = (int32_t *)(void *)(base + (at + 2 * each) * sizeof(float)),
                          .fits = (int32_t *)(void *)(base + (at + 3 * each) * sizeof(float))};
}

/* The weight at an offset, of output channel o. */
static float weight(const ps_weights *w, ptrdiff_t at, ptrdiff_t o)
{
    switch (w->type) {
    case POISE_F32: return ((const float *)w->at)[at];
    case POISE_BF16:
    case POISE_F16: return ps_half_widen(w->type, ((const uint16_t *)w->at)[at]);
    case POISE_I8: return (float)((const int8_t *)w->at)[at] * w->each[o * w->each_step];
    default: return (float)ps_load_real(w->type, (const uint16_t *)w->at + at);
    }
}

static void pack_depthwise(const ps_conv *v, const ps_weights *w, float *dst)
{
    for (int32_t ky = 0; ky < v->kernel[0]; ky++)
        for (int32_t kx = 0; kx < v->kernel[1]; kx++)
            for (int32_t c = 0; c < v->c; c++)
                *dst++ = w->scale * weight(w, c * w->group + ky * w->kernel[0] + kx * w->kernel[1], c);
}

/* Rows of one tap from `at` on, output channels from o on: dst[ci*nr + j] = weight of output o + j, input ci; j < n, the
 * rest zero. */
static void pack_tap(const ps_conv *v, const ps_weights *w, ptrdiff_t at, size_t o, size_t n, float *dst)
{
    size_t nr = (size_t)v->k->gemm_f32_tile.nr, cg = (size_t)(v->c / v->group);
    const float *plain = w->type == POISE_F32 ? w->at : NULL;
    if (n < nr) memset(dst, 0, cg * nr * sizeof *dst);
    if (w->o == 1 && plain) {
        for (size_t ci = 0; ci < cg; ci++)
            memcpy(dst + ci * nr, plain + (at + (ptrdiff_t)ci * w->c), n * sizeof *dst);
    } else if (w->c == 1 && plain) {
        v->k->transpose_f32(n, cg, plain + at, w->o, dst, (ptrdiff_t)nr);
    } else {
        for (size_t ci = 0; ci < cg; ci++)
            for (size_t j = 0; j < n; j++)
                dst[ci * nr + j] = weight(w, at + (ptrdiff_t)j * w->o + (ptrdiff_t)ci * w->c, (ptrdiff_t)(o + j));
    }
    if (w->scale == 1.0f) return;
    for (size_t i = 0; i < cg * nr; i++) dst[i] *= w->scale;
}

/* kr rows of a tap side by side: dst[(p*nr + j)*kr + q] = weight of output j, input p*kr + q. */
static void pack_tap_half(const ps_conv *v, const ps_weights *w, ptrdiff_t at, size_t o, size_t n, uint16_t *dst)
{
    const poise_type type = ps_conv_multiplies(v);
    const ps_tile tile = ps_half_tile(v->k, type);
    size_t nr = (size_t)tile.nr, kr = (size_t)tile.kr, cg = (size_t)(v->c / v->group);
    bool plain = w->type == type && w->scale == 1.0f;
    if (n < nr || cg < ps_conv_pixel(v)) memset(dst, 0, ps_conv_pixel(v) * nr * sizeof *dst);
    for (size_t ci = 0; ci < cg; ci++) {
        const uint16_t *row = plain ? (const uint16_t *)w->at + (at + (ptrdiff_t)ci * w->c) : NULL;
        uint16_t *to = dst + ci / kr * nr * kr + ci % kr;
        if (plain && w->o == 1)
            for (size_t j = 0; j < n; j++) to[kr * j] = row[j];
        else if (plain)
            for (size_t j = 0; j < n; j++) to[kr * j] = row[(ptrdiff_t)j * w->o];
        else
            for (size_t j = 0; j < n; j++)
                to[kr * j] = ps_half_round(
                    type, w->scale * weight(w, at + (ptrdiff_t)j * w->o + (ptrdiff_t)ci * w->c, (ptrdiff_t)(o + j)));
    }
}

/* The same for split floats: high, low and high parts of every weight, below each other. */
static void pack_tap_split(const ps_conv *v, const ps_weights *w, ptrdiff_t at, size_t o, size_t n, uint16_t *dst)
{
    const ps_tile tile = v->k->gemm_bf16_tile;
    size_t nr = (size_t)tile.nr, kr = (size_t)tile.kr, cg = (size_t)(v->c / v->group), each = ps_conv_pixel(v) / 3 * nr;
    memset(dst, 0, 3 * each * sizeof *dst);
    for (size_t ci = 0; ci < cg; ci++)
        for (size_t j = 0; j < n; j++) {
            float x = w->scale * weight(w, at + (ptrdiff_t)j * w->o + (ptrdiff_t)ci * w->c, (ptrdiff_t)(o + j));
            uint16_t high = ps_bf16_round(x), *to = dst + (ci / kr * nr + j) * kr + ci % kr;
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
    size_t size = poise_type_size(w->type);
    ps_memory_release((const char *)w->at + at * (ptrdiff_t)size, n * (size_t)w->o * size);
}

static void pack_window(const ps_conv *v, const ps_weights *w, ptrdiff_t at, size_t o, size_t n, float *dst)
{
    poise_type type = ps_conv_multiplies(v);
    size_t step = ps_conv_window_row(v) / (size_t)v->kernel[1];
    for (int32_t ky = 0; ky < v->kernel[0]; ky++)
        for (int32_t kx = 0; kx < v->kernel[1]; kx++, dst += step) {
            ptrdiff_t tap = at + ky * w->kernel[0] + kx * w->kernel[1];
            if (ps_conv_splits(v))
                pack_tap_split(v, w, tap, o, n, (uint16_t *)(void *)dst);
            else if (ps_is_half(type))
                pack_tap_half(v, w, tap, o, n, (uint16_t *)(void *)dst);
            else
                pack_tap(v, w, tap, o, n, dst);
        }
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
        if (v->x_type == POISE_U8)
            ps_pack_codes(v, w, at, i % (job->panels * groups), job->dst + set * job->set_floats);
        else
            pack_window(v, w, at, g * og + j, n, dst);
        release_rows(v, w, at, n);
    }
}

void ps_conv_pack(const ps_conv *v, const ps_weights *w, float *dst)
{
    if (ps_conv_way_of(v) == PS_CONV_DEPTHWISE) {
        if (v->x_type == POISE_U8)
            ps_pack_codes_depthwise(v, w, dst);
        else
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
