/* bench/peer_dnnl.c - oneDNN's convolutions (C API of version 2) on shapes that are given on stdin.
 *
 * A line "n c h w  o oh ow  kh kw  sh sw  top left bottom right  dh dw  groups" each; answers with the least milliseconds
 * of the better of its direct and Winograd algorithms, in the layouts it likes best, with a bias and no activation; -1
 * where it has neither.  OMP_NUM_THREADS sets the threads. */
#include "bench/peer_time.h"

#include <dnnl.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct shape {
    int n, c, h, w, o, oh, ow, kh, kw, sh, sw, top, left, bottom, right, dh, dw, groups;
} shape;

typedef struct run {
    dnnl_primitive_t primitive;
    dnnl_stream_t stream;
    dnnl_exec_arg_t arg[4];
} run;

static void need(dnnl_status_t s, const char *what)
{
    if (s == dnnl_success) return;
    fprintf(stderr, "peer_dnnl: %s: status %d\n", what, (int)s);
    exit(1);
}

static void execute(void *ctx)
{
    const run *r = ctx;
    need(dnnl_primitive_execute(r->primitive, r->stream, 4, r->arg), "execute");
    need(dnnl_stream_wait(r->stream), "wait");
}

static dnnl_memory_desc_t any(int rank, const dnnl_dim_t *dim)
{
    dnnl_memory_desc_t d;
    need(dnnl_memory_desc_init_by_tag(&d, rank, dim, dnnl_f32, dnnl_format_tag_any), "memory descriptor");
    return d;
}

/* Memory in the layout that the primitive asks for, with small numbers in it. */
static dnnl_memory_t memory(dnnl_engine_t engine, const_dnnl_primitive_desc_t pd, dnnl_query_t which)
{
    const dnnl_memory_desc_t *d = dnnl_primitive_desc_query_md(pd, which, 0);
    dnnl_memory_t m;
    void *p;
    need(dnnl_memory_create(&m, d, engine, DNNL_MEMORY_ALLOCATE), "memory");
    need(dnnl_memory_get_data_handle(m, &p), "memory");
    for (size_t i = 0; i < dnnl_memory_desc_get_size(d) / sizeof(float); i++) ((float *)p)[i] = (float)(i % 17) / 16 - 0.5f;
    return m;
}

/* -1 where the algorithm does not do the shape. */
static double time_of(dnnl_engine_t engine, dnnl_stream_t stream, const shape *s, dnnl_alg_kind_t algorithm)
{
    int g = s->groups;
    dnnl_memory_desc_t x = any(4, (dnnl_dims_t){s->n, s->c, s->h, s->w}), y = any(4, (dnnl_dims_t){s->n, s->o, s->oh, s->ow});
    dnnl_memory_desc_t b = any(1, (dnnl_dims_t){s->o});
    dnnl_memory_desc_t w = g == 1 ? any(4, (dnnl_dims_t){s->o, s->c, s->kh, s->kw})
                                  : any(5, (dnnl_dims_t){g, s->o / g, s->c / g, s->kh, s->kw});
    dnnl_convolution_desc_t d;
    dnnl_primitive_desc_t pd;
    if (dnnl_dilated_convolution_forward_desc_init(&d, dnnl_forward_inference, algorithm, &x, &w, &b, &y,
                                                   (dnnl_dims_t){s->sh, s->sw}, (dnnl_dims_t){s->dh - 1, s->dw - 1},
                                                   (dnnl_dims_t){s->top, s->left}, (dnnl_dims_t){s->bottom, s->right}))
        return -1;
    if (dnnl_primitive_desc_create(&pd, &d, NULL, engine, NULL)) return -1;
    run r = {.stream = stream};
    need(dnnl_primitive_create(&r.primitive, pd), "primitive");
    const dnnl_query_t which[4] = {dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_weights_md, dnnl_query_dst_md};
    const int arg[4] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_BIAS, DNNL_ARG_DST};
    for (int i = 0; i < 4; i++) r.arg[i].arg = arg[i];
    for (int i = 0; i < 4; i++) {
        if (arg[i] == DNNL_ARG_BIAS) {
            const dnnl_memory_desc_t *bd = dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 1);
            need(dnnl_memory_create(&r.arg[i].memory, bd, engine, DNNL_MEMORY_ALLOCATE), "bias");
        } else {
            r.arg[i].memory = memory(engine, pd, which[i]);
        }
    }
    double ms = least_ms(execute, &r, 60);
    for (int i = 0; i < 4; i++) dnnl_memory_destroy(r.arg[i].memory);
    dnnl_primitive_destroy(r.primitive);
    dnnl_primitive_desc_destroy(pd);
    return ms;
}

int main(void)
{
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    shape s;
    need(dnnl_engine_create(&engine, dnnl_cpu, 0), "engine");
    need(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags), "stream");
    while (scanf("%d %d %d %d %d %d %d %d %d %d %d %d %d %d %d %d %d %d", &s.n, &s.c, &s.h, &s.w, &s.o, &s.oh, &s.ow, &s.kh,
                 &s.kw, &s.sh, &s.sw, &s.top, &s.left, &s.bottom, &s.right, &s.dh, &s.dw, &s.groups) == 18) {
        double direct = time_of(engine, stream, &s, dnnl_convolution_direct);
        double winograd = time_of(engine, stream, &s, dnnl_convolution_winograd);
        printf("%.6f\n", direct < 0 || (winograd >= 0 && winograd < direct) ? winograd : direct);
    }
    return 0;
}
