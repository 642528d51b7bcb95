/* nn/op_max_unpool.c - max_unpool: elements put back where a max pool found them, zeros elsewhere. */
#include "nn/indices.h"
#include "nn/move.h"
#include "nn/op.h"
#include "nn/params.h"

#include <string.h>

static poise_status infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    const ps_max_unpool_params *p = params;
    size_t n;
    (void)n_in;
    PS_REQUIRE(in[0]->type == POISE_F32, POISE_UNSUPPORTED, "%s elements: must be f32",
               poise_type_name(in[0]->type));
    PS_REQUIRE(in[1]->type == POISE_I64, POISE_BAD_MODEL, "indices are %s: must be i64",
               poise_type_name(in[1]->type));
    PS_REQUIRE(p->rank >= 3 && p->rank <= POISE_MAX_DIMS && p->rank == in[0]->rank && p->rank == in[1]->rank,
               POISE_BAD_MODEL, "x of rank %d and indices of rank %d into rank %d", in[0]->rank, in[1]->rank,
               p->rank);
    for (int i = 0; i < p->rank; i++)
        PS_REQUIRE(in[0]->dim[i] == in[1]->dim[i], POISE_BAD_MODEL,
                   "dimension %d: %d indices for %d elements", i, in[1]->dim[i], in[0]->dim[i]);
    PS_REQUIRE(p->dim[0] == in[0]->dim[0] && p->dim[1] == in[0]->dim[1] && ps_dims_count(p->rank, p->dim, &n),
               POISE_BAD_MODEL, "%dx%d maps cannot become %dx%d", in[0]->dim[0], in[0]->dim[1], p->dim[0],
               p->dim[1]);
    out[0]->type = in[0]->type;
    out[0]->rank = p->rank;
    memcpy(out[0]->dim, p->dim, sizeof p->dim);
    return POISE_OK;
}

static void run(const ps_call *c)
{
    const poise_tensor *x = c->in[0], *at = c->in[1], *y = c->out[0];
    size_t count = poise_tensor_count(x), room = poise_tensor_count(y);
    static const float zero;
    poise_tensor z = *y;
    z.data = (void *)(uintptr_t)&zero;
    memset(z.stride, 0, sizeof z.stride);
    ps_move(c->k, c->threads, &z, y);
    for (size_t i = 0; i < count; i++) {
        int64_t to = ps_index_read(at, ps_offset(at, at->rank, i));
        if (to < 0 || (uint64_t)to >= room) continue;
        ((float *)y->data)[ps_offset(y, y->rank, (size_t)to)] =
            ((const float *)x->data)[ps_offset(x, x->rank, i)];
    }
}

const ps_op ps_op_max_unpool = {.name = "max_unpool",
                                .min_in = 2,
                                .max_in = 2,
                                .n_out = 1,
                                .order = PS_ORDER_LAST,
                                .param_bytes = sizeof(ps_max_unpool_params),
                                .infer = infer,
                                .run = run};
