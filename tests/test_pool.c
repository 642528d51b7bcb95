/* tests/test_pool.c - pool and max_unpool against direct sums over the window. */
#include "tests/op_test.h"

#include "nn/params.h"

#include <math.h>
#include <string.h>

/* The place in x of tap t of window o along d; true when it lies inside. */
static bool tap(const ps_pool_params *p, int d, int32_t o, int32_t t, int32_t n, int32_t *at)
{
    *at = o * p->stride[d] - p->pad[d] + t * p->dilation[d];
    return *at >= 0 && *at < n;
}

static void pooled(const ot_case *t, const poise_tensor *want)
{
    const ps_pool_params *p = t->params;
    const poise_tensor *x = t->in[0];
    int r = x->rank;
    int32_t height = r == 4 ? x->dim[2] : 1, width = x->dim[r - 1];
    for (size_t i = 0; i < poise_tensor_count(&want[0]); i++) {
        int32_t at[4], h, w;
        ot_index(&want[0], i, at);
        int32_t oy = r == 4 ? at[2] : 0, ox = at[r - 1];
        double sum = 0, top = x->type == POISE_F32 ? -(double)INFINITY : x->type == POISE_U8 ? 0 : -128;
        int64_t count = 0, all = 0, plane = ((int64_t)at[0] * x->dim[1] + at[1]) * height * width,
                best = plane;
        bool any = false;
        for (int32_t a = 0; a < p->kernel[0]; a++)
            for (int32_t b = 0; b < p->kernel[1]; b++) {
                bool in = tap(p, 0, oy, a, height, &h);
                in = tap(p, 1, ox, b, width, &w) && in;
                all += h < height + p->pad[2] && w < width + p->pad[3];
                if (!in) continue;
                int32_t from[4] = {at[0], at[1], h, w};
                if (r == 3) from[2] = w;
                double v = ot_get(x, from);
                count++;
                sum += p->kind == PS_POOL_LP ? pow(fabs(v), p->p) : v;
                if (!any || v > top)
                    top = v, best = plane + (p->column_major ? w * height + h : h * width + w);
                any = true;
            }
        if (p->count_include_pad) count = all;
        double y = p->kind == PS_POOL_MAX  ? top
                   : p->kind == PS_POOL_LP ? pow(sum, 1.0 / p->p)
                   : count                 ? sum / (double)count
                                           : 0;
        ot_put(&want[0], i, y);
        if (t->n_out > 1) ot_put(&want[1], i, (double)best);
    }
}

static ps_pool_params random_window(int kind, int rank)
{
    ps_pool_params p = {.kind = kind,
                        .p = ot_between(1, 3),
                        .ceil_mode = ot_between(0, 1),
                        .count_include_pad = ot_between(0, 1),
                        .column_major = ot_between(0, 1)};
    for (int d = 0; d < 2; d++) {
        bool one = rank == 3 && d == 0;
        p.kernel[d] = one ? 1 : ot_between(1, 5);
        p.stride[d] = one ? 1 : ot_between(1, 3);
        p.dilation[d] = one || ot_random(3) ? 1 : 2;
        p.pad[d] = one ? 0 : ot_between(0, p.kernel[d] - 1);
        p.pad[d + 2] = one ? 0 : ot_between(0, p.kernel[d] - 1);
    }
    return p;
}

static void check(ps_pool_params p, int n_out, poise_type type, int rank, const int32_t *dim,
                  ot_layout layout)
{
    poise_tensor x = ot_random_tensor(type, rank, dim, layout, -100, 100);
    ot_case t = {
        .op = &ps_op_pool, .params = &p, .n_in = 1, .n_out = n_out, .in = {&x}, .abs = 1e-4, .rel = 1e-5};
    if (p.kind == PS_POOL_MAX) t.abs = t.rel = 0;
    ot_check(&t, pooled);
    ot_free_all();
}

static void random_pools(void **state)
{
    (void)state;
    for (int r = 0; r < 40; r++) {
        int rank = 3 + (r % 3 != 0), kind = r % 4 % 3;
        int32_t dim[4] = {ot_between(1, 2), ot_between(1, 19), ot_between(9, 12), ot_between(9, 14)};
        poise_type type = kind == PS_POOL_MAX && r % 5 == 0 ? r % 2 ? POISE_U8 : POISE_I8 : POISE_F32;
        check(random_window(kind, rank), kind == PS_POOL_MAX ? ot_between(1, 2) : 1, type, rank, dim,
              (ot_layout)ot_random(OT_LAYOUTS));
    }
}

/* The rings of the separable path: square windows with stride 1, and large ones. */
static void separable(void **state)
{
    (void)state;
    for (int r = 0; r < 12; r++) {
        int32_t k = r < 4 ? 5 : ot_between(4, 13),
                dim[4] = {ot_between(1, 2), ot_between(1, 19), ot_between(13, 22), ot_between(13, 20)};
        ps_pool_params p = {
            .kernel = {k, k}, .stride = {1, 1}, .dilation = {1, 1}, .pad = {k / 2, k / 2, k / 2, k / 2}};
        if (r % 3 == 2) p.stride[1] = 2, p.pad[1] = 0, p.ceil_mode = 1;
        if (r % 4 == 3) p.stride[0] = 2, p.dilation[1] = k < 6 ? 2 : 1;
        check(p, 1, POISE_F32, 4, dim, r % 2 ? OT_LAST : OT_LAST_GAP);
    }
}

static void whole_image(void **state)
{
    (void)state;
    for (int kind = PS_POOL_MAX; kind <= PS_POOL_LP; kind++)
        for (ot_layout l = OT_ROW; l <= OT_LAST; l++)
            check(
                (ps_pool_params){
                    .kind = kind, .kernel = {11, 12}, .stride = {1, 1}, .dilation = {1, 1}, .p = 2},
                1, POISE_F32, 4, (int32_t[]){2, 19, 11, 12}, l);
}

static void refuse(ps_pool_params p, poise_type type, int rank, const char *text)
{
    poise_tensor x = ot_tensor(type, rank, (int32_t[]){1, 2, 6, 6, 6}, OT_ROW);
    ot_case t = {
        .op = &ps_op_pool, .params = &p, .n_in = 1, .n_out = p.kind == PS_POOL_LP ? 2 : 1, .in = {&x}};
    ot_refuse(&t, text);
    ot_free_all();
}

static void rules(void **state)
{
    (void)state;
    const ps_pool_params good = {.kernel = {3, 3}, .stride = {1, 1}, .dilation = {1, 1}, .p = 2};
    ps_pool_params p = good;
    p.kernel[1] = 7;
    refuse(p, POISE_F32, 4, "a window of 7 does not fit into 0 + 6 + 0");
    p.kernel[1] = 2147483647, p.dilation[1] = 2147483647;
    refuse(p, POISE_F32, 4, "does not fit");
    p = good, p.stride[0] = 0;
    refuse(p, POISE_F32, 4, "stride 0");
    p = good, p.pad[3] = 3;
    refuse(p, POISE_F32, 4, "pads 0 and 3");
    p = good, p.kind = 3;
    refuse(p, POISE_F32, 4, "kind 3");
    p = good, p.kind = PS_POOL_LP;
    refuse(p, POISE_F32, 4, "only the largest element has an index");
    p = good, p.kind = PS_POOL_AVERAGE;
    refuse(p, POISE_U8, 4, "u8 elements");
    refuse(good, POISE_F32, 5, "rank 5");
    refuse(good, POISE_F32, 3, "a window of 3 rows for rank 3");
}

/* ---- max_unpool ---- */

static void put_back(const ot_case *t, const poise_tensor *want)
{
    for (size_t i = 0; i < poise_tensor_count(t->in[0]); i++) {
        double to = ot_at(t->in[1], i);
        if (to >= 0 && to < (double)poise_tensor_count(want)) ot_put(want, (size_t)to, ot_at(t->in[0], i));
    }
}

static void max_unpool(void **state)
{
    (void)state;
    for (int r = 0; r < 12; r++) {
        int32_t dim[4] = {2, 3, 2, 4};
        ps_max_unpool_params p = {4, {2, 3, 5, 9}};
        poise_tensor x = ot_random_tensor(POISE_F32, 4, dim, (ot_layout)ot_random(OT_LAYOUTS), -1, 1);
        poise_tensor at = ot_tensor(POISE_I64, 4, dim, (ot_layout)ot_random(OT_REVERSED + 1));
        for (size_t i = 0; i < poise_tensor_count(&at); i++) ot_put(&at, i, (double)i * 6 - (r % 3 ? 0 : 7));
        ot_case t = {.op = &ps_op_max_unpool, .params = &p, .n_in = 2, .n_out = 1, .in = {&x, &at}};
        ot_check(&t, put_back);
        p.dim[1] = 4;
        ot_refuse(&t, "2x3 maps cannot become 2x4");
        ot_free_all();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_pools), cmocka_unit_test(separable),  cmocka_unit_test(whole_image),
        cmocka_unit_test(rules),        cmocka_unit_test(max_unpool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
