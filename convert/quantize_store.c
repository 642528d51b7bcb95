/* convert/quantize_store.c - weights stored in fewer bytes, for networks that go on computing in floats. */
#include "convert/quantizer.h"
#include "nn/convert_type.h"

#include <math.h>
#include <string.h>

/* The node reads w instead of its weights and, as in[4], their scales (-1: none). */
static poise_status read_instead(ps_graph *g, ps_node *n, int32_t w, int32_t scales)
{
    int32_t *in = ps_heap_push(&g->heap, 5 * sizeof *in), n_in = scales < 0 ? n->n_in : 5;
    PS_REQUIRE(in, POISE_NO_MEMORY, "no memory for node '%s'", n->name);
    for (int i = 0; i < 5; i++) in[i] = i < n->n_in ? n->in[i] : -1;
    in[1] = w;
    if (scales >= 0) in[4] = scales;
    n->in = in;
    n->n_in = n_in;
    return ps_graph_infer(g, (int32_t)(n - g->nodes));
}

static poise_status store_half(ps_graph *g, ps_node *n)
{
    const ps_value w = g->values[n->in[1]];
    const float largest = 65504; /* of an f16 */
    int32_t half;
    for (size_t i = 0; i < ps_value_count(&w); i++)
        PS_REQUIRE(!(fabsf(((const float *)w.data)[i]) > largest), POISE_UNSUPPORTED,
                   "node '%s' has a weight of %g, more than f16 can hold (65504)", n->name, (double)((const float *)w.data)[i]);
    PS_TRY(ps_graph_constant(g, w.name, POISE_F16, w.rank, w.dim, NULL, &half));
    ps_convert(POISE_F32, POISE_F16, ps_value_count(&w), w.data, (void *)(uintptr_t)g->values[half].data);
    return read_instead(g, n, half, -1);
}

/* One output's weights as floats side by side into codes as they lie. */
static float store_row(const ps_product *p, const float *w, int32_t j, float *row, int8_t *codes, int8_t *to)
{
    for (int32_t i = 0; i < p->c; i++)
        for (int32_t t = 0; t < p->taps; t++) row[t * p->c + i] = w[j * p->so + i * p->sc + t * p->st];
    float scale = ps_quantize_row(row, p->taps, p->c, false, true, codes);
    for (int32_t i = 0; i < p->c; i++)
        for (int32_t t = 0; t < p->taps; t++) to[j * p->so + i * p->sc + t * p->st] = codes[t * p->c + i];
    return scale;
}

static poise_status store_bytes(ps_graph *g, ps_node *n, const ps_product *p)
{
    const ps_value w = g->values[n->in[1]];
    int32_t bytes, scales;
    size_t k = (size_t)p->c * (size_t)p->taps;
    PS_TRY(ps_graph_constant(g, w.name, POISE_I8, w.rank, w.dim, NULL, &bytes));
    PS_TRY(ps_graph_constant(g, NULL, POISE_F32, 1, &p->o, NULL, &scales));
    float *row = ps_alloc_array(k, sizeof *row), *scale = (float *)(uintptr_t)g->values[scales].data;
    int8_t *codes = ps_alloc(k), *to = (int8_t *)(uintptr_t)g->values[bytes].data;
    bool ok = row && codes;
    for (int32_t j = 0; ok && j < p->o; j++) scale[j] = store_row(p, w.data, j, row, codes, to);
    ps_free(row);
    ps_free(codes);
    PS_REQUIRE(ok, POISE_NO_MEMORY, "no memory for weights of %zu bytes", k);
    return read_instead(g, n, bytes, scales);
}

static poise_status store(ps_graph *g, poise_type type)
{
    int found = 0;
    PS_TRY(ps_quantize_check_float(g));
    for (int32_t i = 0; i < g->n_nodes; i++) {
        ps_product p;
        if (!ps_product_of(g, &g->nodes[i], &p)) continue;
        PS_TRY(type == POISE_F16 ? store_half(g, &g->nodes[i]) : store_bytes(g, &g->nodes[i], &p));
        found++;
    }
    PS_REQUIRE(found, POISE_UNSUPPORTED, "no convolution or matrix product with constant float weights");
    return POISE_OK;
}

poise_status poise_store_weights(const void *bytes, size_t size, poise_type type, void **out, size_t *out_size)
{
    PS_REQUIRE(bytes && out && out_size, POISE_BAD_ARGUMENT, "poise_store_weights: a pointer is NULL");
    PS_REQUIRE(type == POISE_I8 || type == POISE_F16, POISE_BAD_ARGUMENT, "weights are stored as i8 or f16, not as %s",
               poise_type_name(type));
    ps_graph g = {0};
    *out = NULL;
    poise_status s = ps_format_read(&g, bytes, size);
    if (s == POISE_OK) s = store(&g, type);
    if (s == POISE_OK) s = ps_format_write(&g, out, out_size);
    ps_graph_free(&g);
    return s;
}
