/* convert/onnx_einsum.c - Einsum: products of two tensors become transposes around a matrix product, whatever
 * else the equation says goes to the general operator. */
#include "convert/onnx_import.h"

#include <string.h>

enum { INPUTS = 3, LABELS = 26 };

/* One side of the equation: the label of every dimension. */
typedef struct term {
    int32_t rank;
    int8_t label[POISE_MAX_DIMS];
} term;

typedef struct equation {
    int n_in;
    term in[INPUTS], out;
    int32_t dim[LABELS]; /* size of each label, 0 = not used */
    char name[LABELS];
    int labels, dots; /* labels in use; of them, at the front, dimensions of an ellipsis */
} equation;

static int label_of(ps_onnx_call *n, equation *e, char c)
{
    for (int i = e->dots; i < e->labels; i++)
        if (e->name[i] == c) return i;
    if (e->labels == LABELS) {
        PS_ONNX_FAIL(n, POISE_UNSUPPORTED, "more than %d labels", LABELS);
        return 0;
    }
    e->name[e->labels] = c;
    return e->labels++;
}

/* Reads labels up to ',' or '-' or the end.  An ellipsis stands for `dots` dimensions, the last ones of all
 * that ellipses stand for. */
static const char *read_term(ps_onnx_call *n, equation *e, const char *s, int dots, term *t)
{
    t->rank = 0;
    while (*s && *s != ',' && *s != '-' && n->status == POISE_OK) {
        bool ellipsis = !strncmp(s, "...", 3);
        bool letter = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z');
        if (*s == ' ') {
            s++;
            continue;
        }
        int more = ellipsis ? dots : 1;
        if ((!ellipsis && !letter) || t->rank + more > POISE_MAX_DIMS) {
            PS_ONNX_FAIL(n, POISE_BAD_MODEL, "its equation cannot be read at '%.20s'", s);
            break;
        }
        for (int i = 0; i < more; i++)
            t->label[t->rank++] = (int8_t)(ellipsis ? e->dots - dots + i : label_of(n, e, *s));
        s += ellipsis ? 3 : 1;
    }
    return s;
}

/* Letters and ellipses of a term, to learn how many dimensions the ellipsis stands for. */
static const char *measure(const char *s, int *letters, bool *ellipsis)
{
    *letters = 0, *ellipsis = false;
    for (; *s && *s != ',' && *s != '-'; s++) {
        if (*s == '.')
            *ellipsis = true;
        else
            *letters += *s != ' ';
    }
    return s;
}

/* Without "->": the ellipsis, then every letter that appears once, in alphabetical order. */
static void implicit_output(equation *e)
{
    for (int i = 0; i < e->dots; i++) e->out.label[e->out.rank++] = (int8_t)i;
    for (int c = 'A'; c <= 'z'; c++) {
        int seen = 0, label = -1;
        for (int k = 0; k < e->n_in; k++)
            for (int i = 0; i < e->in[k].rank; i++)
                if (e->in[k].label[i] >= e->dots && e->name[e->in[k].label[i]] == c)
                    seen++, label = e->in[k].label[i];
        if (seen == 1 && e->out.rank < POISE_MAX_DIMS) e->out.label[e->out.rank++] = (int8_t)label;
    }
}

static void parse(ps_onnx_call *n, equation *e)
{
    const char *text = ps_onnx_text(n, "equation", ""), *s = text;
    int letters, dots[INPUTS] = {0};
    bool ellipsis;
    for (int k = 0; k < e->n_in; k++) {
        s = measure(s, &letters, &ellipsis);
        int32_t rank = ps_onnx_value(n, ps_onnx_in(n, k)).rank;
        PS_ONNX_REQUIRE(n, ellipsis ? rank >= letters : rank == letters, POISE_BAD_MODEL,
                        "term %d of '%.60s' does not fit %d dimensions", k, text, rank);
        dots[k] = ellipsis ? rank - letters : 0;
        if (dots[k] > e->dots) e->dots = dots[k];
        PS_ONNX_REQUIRE(n, k == e->n_in - 1 ? *s != ',' : *s == ',', POISE_BAD_MODEL, "'%.60s' for %d inputs",
                        text, e->n_in);
        s++;
    }
    e->labels = e->dots;
    s = text;
    for (int k = 0; k < e->n_in; k++) {
        s = read_term(n, e, s, dots[k], &e->in[k]);
        if (*s == ',') s++;
    }
    int before = e->labels;
    if (*s == '-') {
        PS_ONNX_REQUIRE(n, s[1] == '>', POISE_BAD_MODEL, "its equation cannot be read at '%.20s'", s);
        s = read_term(n, e, s + 2, e->dots, &e->out);
        PS_ONNX_REQUIRE(n, !*s && e->labels == before, POISE_BAD_MODEL, "the result of '%.60s'", text);
    } else {
        implicit_output(e);
    }
}

/* Sizes of labels.  False when an ellipsis broadcasts a dimension of 1. */
static bool sizes(ps_onnx_call *n, equation *e)
{
    bool same = true;
    for (int l = 0; l < LABELS; l++) e->dim[l] = -1;
    for (int k = 0; k < e->n_in; k++) {
        ps_value v = ps_onnx_value(n, ps_onnx_in(n, k));
        for (int i = 0; i < e->in[k].rank; i++) {
            int32_t *d = &e->dim[e->in[k].label[i]], have = v.dim[i];
            if (*d >= 0 && *d != have) {
                same = false;
                if (*d != 1 && have != 1)
                    PS_ONNX_FAIL(n, POISE_BAD_MODEL, "a label stands for %d and for %d", *d, have);
            }
            if (*d < have) *d = have;
        }
    }
    return same;
}

static uint32_t labels_of(const term *t, bool *repeated)
{
    uint32_t set = 0;
    for (int i = 0; i < t->rank; i++) {
        *repeated |= (set >> t->label[i] & 1) != 0;
        set |= 1U << t->label[i];
    }
    return set;
}

/* Appends the labels of `t` that are in `set`. */
static void append(term *to, const term *t, uint32_t set)
{
    for (int i = 0; i < t->rank; i++)
        if (set >> t->label[i] & 1 && to->rank < POISE_MAX_DIMS) to->label[to->rank++] = t->label[i];
}

static int32_t arrange(ps_onnx_call *n, int32_t x, const term *have, const term *want)
{
    int32_t perm[POISE_MAX_DIMS] = {0};
    for (int i = 0; i < want->rank; i++)
        for (int j = 0; j < have->rank; j++)
            if (have->label[j] == want->label[i]) perm[i] = j;
    return ps_onnx_transpose(n, x, want->rank, perm);
}

static int32_t extent(const equation *e, const term *t, uint32_t set)
{
    int64_t p = 1;
    for (int i = 0; i < t->rank; i++)
        if (set >> t->label[i] & 1) p = ps_onnx_clamp32(p * e->dim[t->label[i]]);
    return (int32_t)p;
}

/* [batch, m, k] x [batch, k, n], each of the four a group of labels. */
static int32_t product(ps_onnx_call *n, const equation *e, uint32_t sa, uint32_t sb, uint32_t so)
{
    const term *a = &e->in[0], *b = &e->in[1];
    uint32_t batch = sa & sb & so, k = sa & sb & ~so, m = sa & ~sb, cols = sb & ~sa;
    term ta = {0}, tb = {0}, ty = {0};
    append(&ta, a, batch), append(&ta, a, m), append(&ta, a, k);
    append(&tb, a, batch), append(&tb, a, k), append(&tb, b, cols);
    append(&ty, a, batch), append(&ty, a, m), append(&ty, b, cols);
    int32_t nb = extent(e, a, batch), nm = extent(e, a, m), nk = extent(e, a, k), nn = extent(e, b, cols);
    int32_t x0 = ps_onnx_reshape(n, arrange(n, ps_onnx_in(n, 0), a, &ta), 3, (int32_t[]){nb, nm, nk});
    int32_t x1 = ps_onnx_reshape(n, arrange(n, ps_onnx_in(n, 1), b, &tb), 3, (int32_t[]){nb, nk, nn});
    int32_t y = PS_EMIT(n, &ps_op_matmul, (&(ps_matmul_params){.alpha = 1}), x0, x1);
    int32_t dim[POISE_MAX_DIMS];
    for (int i = 0; i < ty.rank; i++) dim[i] = e->dim[ty.label[i]];
    return arrange(n, ps_onnx_reshape(n, y, ty.rank, dim), &ty, &e->out);
}

static void store(const term *t, int32_t *list)
{
    for (int i = 0; i < POISE_MAX_DIMS; i++) list[i] = i < t->rank ? t->label[i] : -1;
}

static void einsum(ps_onnx_call *n)
{
    equation e = {.n_in = n->node->n_in};
    parse(n, &e);
    bool same = sizes(n, &e), repeated = false;
    if (n->status != POISE_OK) return;
    uint32_t a = labels_of(&e.in[0], &repeated), b = labels_of(&e.in[1], &repeated),
             o = labels_of(&e.out, &repeated);
    bool simple = same && !repeated && ps_onnx_value(n, ps_onnx_in(n, 0)).type == POISE_F32;
    /* every label of one input alone must live on: matrix products sum only what both have */
    if (simple && e.n_in == 2 && !((a ^ b) & ~o)) {
        ps_onnx_result(n, 0, product(n, &e, a, b, o));
        return;
    }
    if (simple && e.n_in == 1 && a == o) {
        ps_onnx_result(n, 0, arrange(n, ps_onnx_in(n, 0), &e.in[0], &e.out));
        return;
    }
    ps_einsum_params p;
    for (int k = 0; k < INPUTS; k++) store(&e.in[k], p.in[k]);
    store(&e.out, p.out);
    ps_onnx_result(n, 0, ps_onnx_emit(n, &ps_op_einsum, &p, e.n_in, n->in));
}

const ps_onnx_op ps_onnx_ops_einsum[] = {
    {"Einsum", 12, 0, 1, INPUTS, einsum, 0, NULL},
    {.name = NULL},
};
