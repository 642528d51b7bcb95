/* tests/test_sort.c - operators that look along an axis for order and position: arg_reduce, top_k, cum_sum,
 * one_hot, trilu, reverse_sequence. */
#include "tests/op_test.h"

#include "nn/params.h"

#include <math.h>
#include <string.h>

extern const ps_op ps_op_arg_reduce, ps_op_top_k, ps_op_cum_sum, ps_op_one_hot, ps_op_trilu,
    ps_op_reverse_sequence;

static const poise_type types[] = {POISE_F32, POISE_I32, POISE_I64, POISE_U8, POISE_I8};

static int random_dims(int32_t *dim, int least)
{
    int rank = ot_between(least, 4);
    for (int d = 0; d < rank; d++) dim[d] = ot_between(1, d == 1 ? 90 : 6);
    return rank;
}

/* Few distinct values, so that there are ties. */
static poise_tensor with_ties(poise_type type, int rank, const int32_t *dim, ot_layout l)
{
    poise_tensor x = ot_random_tensor(type, rank, dim, l, -5, 5);
    size_t n = poise_tensor_count(&x);
    for (size_t i = 0; type == POISE_F32 && i < n; i++) ot_put(&x, i, rint(ot_at(&x, i) * 2) / 2);
    return x;
}

static void arg_oracle(const ot_case *t, const poise_tensor *want)
{
    const ps_arg_reduce_params *p = t->params;
    const poise_tensor *x = t->in[0];
    size_t n = poise_tensor_count(x);
    for (size_t i = 0; i < n; i++) {
        int32_t at[POISE_MAX_DIMS], to[POISE_MAX_DIMS];
        int rank = 0;
        ot_index(x, i, at);
        for (int d = 0; d < x->rank; d++)
            if (d != p->axis || p->keep_dims) to[rank++] = d == p->axis ? 0 : at[d];
        int32_t mine = at[p->axis];
        at[p->axis] = (int32_t)ot_get(want, to);
        double v = ot_at(x, i), best = ot_get(x, at);
        bool wins = p->smallest ? v < best : v > best;
        if (mine == 0)
            ot_set(want, to, 0);
        else if (wins || (v == best && p->select_last))
            ot_set(want, to, mine);
    }
}

static void arg_reduce_all(void **state)
{
    (void)state;
    for (int round = 0; round < 35; round++) {
        int32_t dim[POISE_MAX_DIMS];
        int rank = random_dims(dim, 1);
        ps_arg_reduce_params p = {ot_between(0, rank - 1), round % 2, (int32_t)ot_random(2),
                                  (int32_t)ot_random(2)};
        poise_tensor x = with_ties(types[round % 5], rank, dim, (ot_layout)(round % OT_LAYOUTS));
        ot_case t = {.op = &ps_op_arg_reduce, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}};
        ot_check(&t, arg_oracle);
        p.axis = rank;
        ot_refuse(&t, "of an input of rank");
        ot_free_all();
    }
}

/* Selection sort: k times the best that is left. */
static void top_k_oracle(const ot_case *t, const poise_tensor *want)
{
    const ps_top_k_params *p = t->params;
    const poise_tensor *x = t->in[0];
    size_t n = poise_tensor_count(want);
    for (size_t i = 0; i < n; i++) {
        int32_t at[POISE_MAX_DIMS], taken[128], best = -1;
        ot_index(want, i, at);
        int32_t place = at[p->axis];
        for (int32_t r = 0; r < place; r++) {
            at[p->axis] = r;
            taken[r] = (int32_t)ot_get(&want[1], at);
        }
        double top = 0;
        for (int32_t j = 0; j < x->dim[p->axis]; j++) {
            bool used = false;
            for (int32_t r = 0; r < place; r++) used = used || taken[r] == j;
            at[p->axis] = j;
            double v = ot_get(x, at);
            if (used || (best >= 0 && (p->largest ? v <= top : v >= top))) continue;
            best = j;
            top = v;
        }
        at[p->axis] = place;
        ot_set(&want[0], at, top);
        ot_set(&want[1], at, best);
    }
}

static void top_k_all(void **state)
{
    (void)state;
    for (int round = 0; round < 35; round++) {
        int32_t dim[POISE_MAX_DIMS];
        int rank = random_dims(dim, 1);
        ps_top_k_params p = {.axis = ot_between(0, rank - 1), .largest = round % 3 != 0, .sorted = 1};
        p.k = ot_between(0, dim[p.axis]);
        poise_tensor x = with_ties(types[round % 5], rank, dim, (ot_layout)(round % OT_LAYOUTS));
        ot_case t = {.op = &ps_op_top_k, .params = &p, .n_in = 1, .n_out = 2, .in = {&x}};
        ot_check(&t, top_k_oracle);
        p.k = dim[p.axis] + 1;
        ot_refuse(&t, "k is");
        ot_free_all();
    }
}

/* -0 is 0, infinities have their place. */
static void top_k_floats(void **state)
{
    (void)state;
    const double inf = (double)INFINITY;
    for (int32_t largest = 0; largest < 2; largest++) {
        ps_top_k_params p = {0, 8, largest, 1};
        poise_tensor x = ot_tensor_of(POISE_F32, 1, (int32_t[]){8},
                                      (double[]){0.0, -0.0, -inf, 1e-40, inf, -3, -2e-40, 3});
        ot_case t = {.op = &ps_op_top_k, .params = &p, .n_in = 1, .n_out = 2, .in = {&x}};
        ot_check(&t, top_k_oracle);
    }
    ot_free_all();
}

static void cum_sum_oracle(const ot_case *t, const poise_tensor *want)
{
    const ps_cum_sum_params *p = t->params;
    const poise_tensor *x = t->in[0];
    size_t n = poise_tensor_count(x);
    for (size_t i = 0; i < n; i++) {
        int32_t at[POISE_MAX_DIMS];
        ot_index(x, i, at);
        int32_t mine = at[p->axis];
        double sum = 0;
        for (int32_t j = 0; j < x->dim[p->axis]; j++) {
            at[p->axis] = j;
            bool counts = p->reverse ? j > mine : j < mine;
            if (counts || (j == mine && !p->exclusive)) sum += ot_get(x, at);
        }
        if (x->type == POISE_U8) sum = (double)(uint8_t)(int64_t)sum;
        if (x->type == POISE_I8) sum = (double)(int8_t)(int64_t)sum;
        ot_put(want, i, sum);
    }
}

static void cum_sum_all(void **state)
{
    (void)state;
    for (int round = 0; round < 35; round++) {
        int32_t dim[POISE_MAX_DIMS];
        int rank = random_dims(dim, 1);
        ps_cum_sum_params p = {ot_between(0, rank - 1), (int32_t)ot_random(2), (int32_t)ot_random(2)};
        ot_layout l = (ot_layout)(round % OT_LAYOUTS);
        poise_tensor x = ot_random_tensor(types[round % 5], rank, dim, l, -9, 9);
        ot_case t = {
            .op = &ps_op_cum_sum, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}, .abs = 1e-5, .rel = 1e-6};
        ot_check(&t, cum_sum_oracle);
        if (l < OT_OUT_LAYOUTS) ot_check_inplace(&t, 0, cum_sum_oracle);
        ot_free_all();
    }
}

static void one_hot_oracle(const ot_case *t, const poise_tensor *want)
{
    const ps_one_hot_params *p = t->params;
    size_t n = poise_tensor_count(want);
    for (size_t i = 0; i < n; i++) {
        int32_t at[POISE_MAX_DIMS], in[POISE_MAX_DIMS];
        ot_index(want, i, at);
        for (int d = 0; d < t->in[0]->rank; d++) in[d] = at[d < p->axis ? d : d + 1];
        double index = trunc(ot_get(t->in[0], in));
        if (index < 0) index += p->depth;
        ot_put(want, i, ot_at(t->in[1], index == at[p->axis]));
    }
}

static void one_hot_all(void **state)
{
    (void)state;
    for (int round = 0; round < 35; round++) {
        int32_t dim[POISE_MAX_DIMS], two = 2;
        int rank = random_dims(dim, 0);
        ps_one_hot_params p = {ot_between(0, rank), ot_between(1, 9)};
        ot_layout l = (ot_layout)(round % OT_LAYOUTS);
        poise_tensor x = ot_random_tensor(types[round % 5], rank, dim, l, -12, 12);
        poise_tensor v = ot_random_tensor(types[round % 4], 1, &two, ot_random(OT_LAYOUTS), -5, 5);
        ot_case t = {.op = &ps_op_one_hot, .params = &p, .n_in = 2, .n_out = 1, .in = {&x, &v}};
        ot_check(&t, one_hot_oracle);
        p.depth = -1;
        ot_refuse(&t, "depth -1");
        ot_free_all();
    }
}

static void trilu_oracle(const ot_case *t, const poise_tensor *want)
{
    const ps_trilu_params *p = t->params;
    const poise_tensor *x = t->in[0];
    size_t n = poise_tensor_count(want);
    for (size_t i = 0; i < n; i++) {
        int32_t at[POISE_MAX_DIMS];
        ot_index(x, i, at);
        int32_t over = at[x->rank - 1] - at[x->rank - 2] - p->k;
        ot_put(want, i, (p->upper ? over >= 0 : over <= 0) ? ot_at(x, i) : 0);
    }
}

static void trilu_all(void **state)
{
    (void)state;
    for (int round = 0; round < 35; round++) {
        int32_t dim[POISE_MAX_DIMS];
        int rank = random_dims(dim, 2);
        ps_trilu_params p = {round % 2, ot_between(-4, 4)};
        ot_layout l = (ot_layout)(round % OT_LAYOUTS);
        poise_tensor x = ot_random_tensor((poise_type)(1 + round % 8), rank, dim, l, 1, 9);
        ot_case t = {.op = &ps_op_trilu, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}};
        ot_check(&t, trilu_oracle);
        if (l < OT_OUT_LAYOUTS) ot_check_inplace(&t, 0, trilu_oracle);
        ot_free_all();
    }
}

static void reverse_oracle(const ot_case *t, const poise_tensor *want)
{
    const ps_reverse_sequence_params *p = t->params;
    size_t n = poise_tensor_count(want);
    for (size_t i = 0; i < n; i++) {
        int32_t at[POISE_MAX_DIMS];
        ot_index(want, i, at);
        int32_t length = (int32_t)ot_at(t->in[1], (size_t)at[p->batch_axis]), *step = &at[p->time_axis];
        if (length > t->in[0]->dim[p->time_axis]) length = t->in[0]->dim[p->time_axis];
        if (*step < length) *step = length - 1 - *step;
        ot_put(want, i, ot_get(t->in[0], at));
    }
}

static void reverse_all(void **state)
{
    (void)state;
    for (int round = 0; round < 35; round++) {
        int32_t dim[POISE_MAX_DIMS];
        int rank = random_dims(dim, 2);
        ps_reverse_sequence_params p = {round % 2, 1 - round % 2};
        poise_tensor x =
            ot_random_tensor((poise_type)(1 + round % 8), rank, dim, (ot_layout)(round % OT_LAYOUTS), 0, 99);
        poise_tensor lengths =
            ot_random_tensor(POISE_I64, 1, &dim[p.batch_axis], OT_ROW, -1, dim[p.time_axis] + 1);
        ot_case t = {
            .op = &ps_op_reverse_sequence, .params = &p, .n_in = 2, .n_out = 1, .in = {&x, &lengths}};
        ot_check(&t, reverse_oracle);
        p.time_axis = p.batch_axis;
        ot_refuse(&t, "batch and time are both axis");
        ot_free_all();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arg_reduce_all), cmocka_unit_test(top_k_all),   cmocka_unit_test(top_k_floats),
        cmocka_unit_test(cum_sum_all),    cmocka_unit_test(one_hot_all), cmocka_unit_test(trilu_all),
        cmocka_unit_test(reverse_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
