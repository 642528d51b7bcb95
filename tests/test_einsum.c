/* tests/test_einsum.c - einsum against sums over all values of all labels. */
#include "tests/op_test.h"

#include "nn/params.h"

#include <string.h>

extern const ps_op ps_op_einsum;

/* "ij,jk->ik" as parameters; the number of inputs is returned. */
static int parse(const char *text, ps_einsum_params *p)
{
    int inputs = 0, at = 0;
    memset(p, 0xff, sizeof *p);
    int32_t *to = p->in[0];
    for (; *text; text++) {
        if (*text >= 'a')
            to[at++] = *text - 'a';
        else if (*text != '>') {
            to = *text == ',' ? p->in[++inputs] : p->out;
            at = 0;
        }
    }
    return inputs + 1;
}

static double term(const ot_case *t, const int32_t *value)
{
    const ps_einsum_params *p = t->params;
    double v = 1;
    for (int i = 0; i < t->n_in; i++) {
        int32_t at[POISE_MAX_DIMS];
        for (int d = 0; d < t->in[i]->rank; d++) at[d] = t->in[i]->dim[d] == 1 ? 0 : value[p->in[i][d]];
        v *= ot_get(t->in[i], at);
    }
    return v;
}

static void oracle(const ot_case *t, const poise_tensor *want)
{
    const ps_einsum_params *p = t->params;
    int32_t size[26] = {0}, value[26];
    size_t terms = 1;
    for (int i = 0; i < t->n_in; i++)
        for (int d = 0; d < t->in[i]->rank; d++)
            if (t->in[i]->dim[d] > size[p->in[i][d]]) size[p->in[i][d]] = t->in[i]->dim[d];
    for (int l = 0; l < 26; l++) terms *= size[l] ? (size_t)size[l] : 1;
    for (size_t r = 0; r < terms; r++) {
        size_t rest = r;
        int32_t to[POISE_MAX_DIMS];
        for (int l = 0; l < 26; l++) {
            size_t n = size[l] ? (size_t)size[l] : 1;
            value[l] = (int32_t)(rest % n);
            rest /= n;
        }
        for (int d = 0; d < want->rank; d++) to[d] = value[p->out[d]];
        ot_set(want, to, ot_get(want, to) + term(t, value));
    }
}

static void forms(void **state)
{
    (void)state;
    static const char *const text[] = {"ij,jk->ik", "bhid,bhjd->bhij", "bij,bjk->bik", "i,j->ij",
                                       "ij->ji",    "ii->i",           "ii->",         "ij->",
                                       "ij->i",     "ab,bc,cd->ad",    "i,i->",        "bchw,bkc->bkhw",
                                       ",->",       "abc,cd->abd",     "aab,b->a",     "ijk,jil->kl"};
    static const poise_type types[] = {POISE_F32, POISE_F32, POISE_I32, POISE_I64};
    for (size_t f = 0; f < sizeof text / sizeof *text; f++)
        for (int round = 0; round < 8; round++) {
            ps_einsum_params p;
            int32_t size[26];
            for (int l = 0; l < 26; l++) size[l] = ot_between(1, 5);
            ot_case t = {.op = &ps_op_einsum,
                         .params = &p,
                         .n_in = parse(text[f], &p),
                         .n_out = 1,
                         .abs = 1e-4,
                         .rel = 1e-5};
            poise_tensor x[3];
            for (int i = 0; i < t.n_in; i++) {
                int32_t dim[POISE_MAX_DIMS];
                int rank = 0;
                for (; p.in[i][rank] >= 0; rank++) dim[rank] = size[p.in[i][rank]];
                if (round == 7 && rank && text[f][0] != 'i' && text[f][0] != 'a') dim[0] = 1; /* broadcasts */
                x[i] = ot_random_tensor(types[round % 4], rank, dim, ot_random(OT_LAYOUTS), -3, 3);
                t.in[i] = &x[i];
            }
            ot_check(&t, oracle);
            ot_free_all();
        }
}

static void rules(void **state)
{
    (void)state;
    ps_einsum_params p;
    poise_tensor a = ot_tensor(POISE_F32, 2, (int32_t[]){2, 3}, OT_ROW),
                 b = ot_tensor(POISE_F32, 2, (int32_t[]){4, 5}, OT_ROW);
    ot_case t = {.op = &ps_op_einsum, .params = &p, .n_in = 2, .n_out = 1, .in = {&a, &b}};
    parse("ij,jk->ik", &p);
    ot_refuse(&t, "label 'j' is 3 and 4");
    parse("i,jk->ik", &p);
    ot_refuse(&t, "input 0 has rank 2 and 1 labels");
    parse("ij,kl->ii", &p);
    ot_refuse(&t, "used twice");
    parse("ij,kl->im", &p);
    ot_refuse(&t, "output label 12 is unknown");
    p.in[0][0] = 26;
    ot_refuse(&t, "label 26, at most 25");
    b.dim[0] = 3;
    parse("ij,jk->ik", &p);
    char text[64];
    ps_op_einsum.describe(&p, text, sizeof text);
    assert_string_equal(text, "ij,jk->ik");
    ps_value v[2] = {{.type = POISE_F32, .rank = 2, .dim = {2, 3}},
                     {.type = POISE_F32, .rank = 2, .dim = {3, 5}}};
    assert_int_equal(ps_op_einsum.macs(&p, 2, (const ps_value *[]){&v[0], &v[1]}, NULL), 30);
    ot_free_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(forms), cmocka_unit_test(rules)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
