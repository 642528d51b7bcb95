/* nn/gate.c - marks the cells of a detector that passed, and where its gated convolutions are needed for them. */
#include "nn/gate.h"

#include "nn/params.h"
#include "nn/quantised.h"

#include <string.h>

uint64_t ps_gate_macs(const ps_gate *gate, const ps_graph *g)
{
    uint64_t n = 0;
    for (int32_t i = 0; i < gate->n_nodes; i++) n += ps_node_macs(g, &g->nodes[gate->nodes[i].node]);
    return n;
}

void ps_gate_clear(const ps_gate *gate, ps_call *calls)
{
    for (int32_t i = 0; i < gate->n_nodes; i++) calls[gate->nodes[i].node].need = NULL;
}

/* NaN passes: whoever reads the scores decides what to make of it. */
static bool passes(const ps_kernels *k, const float *logits, ptrdiff_t step, int32_t n, float least)
{
    if (step == 1) return !(k->top_f32((size_t)n, logits) <= least);
    for (int32_t c = 0; c < n; c++)
        if (!(logits[c * step] <= least)) return true;
    return false;
}

/* How many of the codes of t do not pass: those from 0 on. */
static int failing_codes(const ps_kernels *k, const poise_tensor *t, float least)
{
    float real[PS_CODES];
    int n = 0;
    ps_all_reals(k, t, real);
    while (n < PS_CODES && real[n] <= least) n++;
    return n;
}

static bool codes_pass(const ps_kernels *k, const uint8_t *codes, ptrdiff_t step, int32_t n, int failing)
{
    enum { PART = 16, PARTS = 64 };
    uint8_t largest[PART];
    int32_t done = 0;
    if (step == 1 && n >= 2 * PART && n / PART <= PARTS) {
        const uint8_t *part[PARTS];
        for (; done + PART <= n; done += PART) part[done / PART] = codes + done;
        k->maxpool_u8(PART, (size_t)(done / PART), part, largest);
        for (int i = 0; i < PART; i++)
            if (largest[i] >= failing) return true;
    }
    for (int32_t c = done; c < n; c++)
        if (codes[c * step] >= failing) return true;
    return false;
}

static int64_t mark_codes(const ps_kernels *k, const ps_gate_level *l, float least, const poise_tensor *t, uint8_t *mask)
{
    int64_t n = 0;
    int failing = failing_codes(k, t, least);
    const uint8_t *base = (const uint8_t *)t->data + l->first * t->stride[1];
    for (int32_t y = 0; y < l->h; y++)
        for (int32_t x = 0; x < l->w; x++) {
            bool yes = codes_pass(k, base + y * t->stride[2] + x * t->stride[3], t->stride[1], l->n, failing);
            mask[(ptrdiff_t)y * l->w + x] = yes;
            n += yes;
        }
    return n;
}

static int64_t mark_cells(const ps_kernels *k, const ps_gate_level *l, float least, const poise_tensor *t, uint8_t *mask)
{
    if (ps_is_quantised(t)) return mark_codes(k, l, least, t, mask);
    int64_t n = 0;
    const float *base = (const float *)t->data + l->first * t->stride[1];
    for (int32_t y = 0; y < l->h; y++)
        for (int32_t x = 0; x < l->w; x++) {
            bool yes = passes(k, base + y * t->stride[2] + x * t->stride[3], t->stride[1], l->n, least);
            mask[(ptrdiff_t)y * l->w + x] = yes;
            n += yes;
        }
    return n;
}

/* Adds the inputs that the marked outputs of a window of `p` see. */
static void widen(const ps_gate_level *l, const ps_conv_params *p, const uint8_t *out, uint8_t *in)
{
    for (int32_t y = 0; y < l->h; y++)
        for (int32_t x = 0; x < l->w; x++) {
            if (!out[(ptrdiff_t)y * l->w + x]) continue;
            for (int32_t ky = 0; ky < p->kernel[0]; ky++)
                for (int32_t kx = 0; kx < p->kernel[1]; kx++) {
                    int32_t iy = y - p->pad[0] + ky * p->dilation[0], ix = x - p->pad[1] + kx * p->dilation[1];
                    if (iy >= 0 && iy < l->h && ix >= 0 && ix < l->w) in[(ptrdiff_t)iy * l->w + ix] = 1;
                }
        }
}

static void add_mask(size_t n, const uint8_t *from, uint8_t *to)
{
    for (size_t i = 0; i < n; i++) to[i] |= from[i];
}

/* Winograd's algorithm computes blocks of 4x4 pixels and mixes the inputs of a block before they cancel: all of them
 * must be right, or the rest differs in the last bit.  So where it may run, all of a block is needed or nothing. */
static void fill_blocks(const ps_gate_level *l, uint8_t *mask)
{
    enum { SIDE = 4 };
    for (int32_t y = 0; y < l->h; y += SIDE)
        for (int32_t x = 0; x < l->w; x += SIDE) {
            int32_t rows = l->h - y < SIDE ? l->h - y : SIDE, cols = l->w - x < SIDE ? l->w - x : SIDE;
            uint8_t *at = mask + (ptrdiff_t)y * l->w + x;
            bool any = false;
            for (int32_t i = 0; i < rows; i++) any = any || memchr(at + (ptrdiff_t)i * l->w, 1, (size_t)cols);
            for (int32_t i = 0; any && i < rows; i++) memset(at + (ptrdiff_t)i * l->w, 1, (size_t)cols);
        }
}

/* Where gated node i is needed: at the cells that passed, and where those of the level behind it look. */
static void mark_node(const ps_gate *gate, const ps_graph *g, int32_t i, const uint8_t *cells, uint8_t *masks)
{
    const ps_gate_node *mine = &gate->nodes[i];
    const ps_gate_level *l = &gate->level[mine->level];
    size_t n = (size_t)l->h * (size_t)l->w;
    uint8_t *mask = masks + mine->mask;
    int32_t out = g->nodes[mine->node].out[0];
    if (mine->read) memcpy(mask, cells, n);
    else memset(mask, 0, n);
    for (int32_t j = i + 1; j < gate->n_nodes; j++) {
        const ps_node *reader = &g->nodes[gate->nodes[j].node];
        const uint8_t *theirs = masks + gate->nodes[j].mask;
        if (reader->in[0] == out) widen(l, reader->params, theirs, mask);
        if (reader->n_in > 3 && reader->in[3] == out) add_mask(n, theirs, mask);
    }
    const ps_conv_params *p = g->nodes[mine->node].params;
    if (p->kernel[0] > 1 || p->kernel[1] > 1) fill_blocks(l, mask);
}

static size_t count(size_t n, const uint8_t *mask)
{
    size_t yes = 0;
    for (size_t i = 0; i < n; i++) yes += mask[i];
    return yes;
}

int64_t ps_gate_mark(const ps_gate *gate, const ps_graph *g, int32_t node, float logit, const poise_tensor *tensors,
                     uint8_t *masks, ps_call *calls)
{
    int64_t marked = 0;
    for (int32_t k = 0; k < gate->n_levels; k++) {
        const ps_gate_level *l = &gate->level[k];
        if (l->node != node) continue;
        size_t n = (size_t)l->h * (size_t)l->w;
        uint8_t *cells = masks + gate->cells;
        marked += mark_cells(calls[node].k, l, logit, &tensors[l->value], cells);
        for (int32_t i = gate->n_nodes; i-- > 0;) {
            if (gate->nodes[i].level != k) continue;
            uint8_t *mask = masks + gate->nodes[i].mask;
            mark_node(gate, g, i, cells, masks);
            bool most = count(n, mask) > n / 2;
            if (most) memset(mask, 1, n);
            calls[gate->nodes[i].node].need = most ? NULL : mask;
        }
    }
    return marked;
}
