/* nn/tuning.c - the text of tuning files, and what has to agree before one is believed.
 *
 *     poise tuning 1
 *     version 0.1.0
 *     cpu AuthenticAMD/25/17/7
 *     isa avx512
 *     precision exact
 *     threads 1
 *     network 0123456789abcdef
 *     node 0123456789abcdef direct@avx2 remark for people
 *     end
 *
 * Every line above `node` once and in this order, any number of nodes, and `end`, without which the file was cut. */
#include "nn/tuning.h"

#include "runtime/cpu.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_BYTES = 1 << 20, LONGEST_LINE = 255 };

static const char first_line[] = "poise tuning 1";

static int by_node(const void *a, const void *b)
{
    const ps_tuned *x = a, *y = b;
    return (x->node > y->node) - (x->node < y->node);
}

void ps_tuning_sort(ps_tuning *t)
{
    if (t->n) qsort(t->nodes, (size_t)t->n, sizeof *t->nodes, by_node);
}

void ps_tuning_free(ps_tuning *t)
{
    ps_free(t->nodes);
    *t = (ps_tuning){0};
}

ps_tuning ps_tuning_here(const poise_model *m, const ps_call *calls)
{
    ps_tuning t = {.version = POISE_VERSION, .threads = m->threads};
    ps_cpu_id(t.cpu, sizeof t.cpu);
    snprintf(t.isa, sizeof t.isa, "%s", m->kernels.name);
    snprintf(t.precision, sizeof t.precision, "%s", poise_precision_name(m->precision));
    t.network = ps_network_signature(m, calls);
    return t;
}

/* ---- reading ---- */

typedef struct reader {
    const char *at, *end;
    int line;
    char text[LONGEST_LINE + 1]; /* of the current line */
} reader;

static poise_status next_line(reader *r)
{
    const char *stop = r->at < r->end ? memchr(r->at, '\n', (size_t)(r->end - r->at)) : NULL;
    r->line++;
    PS_REQUIRE(stop, POISE_BAD_MODEL, "tuning file ends in line %d, without 'end'", r->line);
    size_t n = (size_t)(stop - r->at);
    PS_REQUIRE(n <= LONGEST_LINE, POISE_BAD_MODEL, "tuning file, line %d: %zu characters, at most %d are allowed", r->line, n,
               LONGEST_LINE);
    for (size_t i = 0; i < n; i++)
        PS_REQUIRE(r->at[i] >= ' ' && r->at[i] <= '~', POISE_BAD_MODEL, "tuning file, line %d: character %d is not text",
                   r->line, (unsigned char)r->at[i]);
    memcpy(r->text, r->at, n);
    r->text[n] = 0;
    r->at = stop + 1;
    return POISE_OK;
}

/* What is behind "key " on the current line, or NULL. */
static const char *value_of(const reader *r, const char *key)
{
    size_t n = strlen(key);
    return !strncmp(r->text, key, n) && r->text[n] == ' ' ? r->text + n + 1 : NULL;
}

static poise_status read_value(reader *r, const char *key, const char **value)
{
    PS_TRY(next_line(r));
    *value = value_of(r, key);
    PS_REQUIRE(*value && **value, POISE_BAD_MODEL, "tuning file, line %d: '%.40s', must be '%s' and a value", r->line, r->text,
               key);
    return POISE_OK;
}

static poise_status read_word(reader *r, const char *key, char word[PS_TUNING_WORD])
{
    const char *value;
    PS_TRY(read_value(r, key, &value));
    PS_REQUIRE(strlen(value) < PS_TUNING_WORD && !strchr(value, ' '), POISE_BAD_MODEL,
               "tuning file, line %d: '%.40s' is not a word of at most %d characters", r->line, value, PS_TUNING_WORD - 1);
    snprintf(word, PS_TUNING_WORD, "%s", value);
    return POISE_OK;
}

enum { HASH_DIGITS = 16 };

/* 16 hexadecimal digits in front of a blank or the end. */
static poise_status read_hash(const reader *r, const char *text, uint64_t *out)
{
    size_t n = strspn(text, "0123456789abcdef");
    PS_REQUIRE(n == HASH_DIGITS && (!text[n] || text[n] == ' '), POISE_BAD_MODEL,
               "tuning file, line %d: '%.40s' does not begin with %d hexadecimal digits", r->line, text, HASH_DIGITS);
    *out = strtoull(text, NULL, 16);
    return POISE_OK;
}

static poise_status read_head(reader *r, ps_tuning *t)
{
    const char *value;
    PS_TRY(next_line(r));
    PS_REQUIRE(!strcmp(r->text, first_line), POISE_BAD_MODEL, "not a tuning file: it begins with '%.40s', must be '%s'", r->text,
               first_line);
    PS_TRY(read_word(r, "version", t->version));
    PS_TRY(read_word(r, "cpu", t->cpu));
    PS_TRY(read_word(r, "isa", t->isa));
    PS_TRY(read_word(r, "precision", t->precision));
    PS_TRY(read_value(r, "threads", &value));
    size_t digits = strspn(value, "0123456789");
    t->threads = digits <= 2 ? atoi(value) : 0;
    PS_REQUIRE(!value[digits] && t->threads >= 1 && t->threads <= PS_MAX_THREADS, POISE_BAD_MODEL,
               "tuning file, line %d: '%.40s' is not a number of threads from 1 to %d", r->line, value, PS_MAX_THREADS);
    PS_TRY(read_value(r, "network", &value));
    return read_hash(r, value, &t->network);
}

static poise_status read_node(const reader *r, ps_tuned *node)
{
    const char *value = value_of(r, "node");
    PS_REQUIRE(value, POISE_BAD_MODEL, "tuning file, line %d: '%.40s' is neither a node nor 'end'", r->line, r->text);
    PS_TRY(read_hash(r, value, &node->node));
    const char *way = value + HASH_DIGITS + (value[HASH_DIGITS] == ' ');
    size_t n = strcspn(way, " ");
    PS_REQUIRE(n && n < sizeof node->way, POISE_BAD_MODEL, "tuning file, line %d: no way of computing it behind the node",
               r->line);
    memset(node->way, 0, sizeof node->way);
    memcpy(node->way, way, n);
    return POISE_OK;
}

static poise_status read_nodes(reader *r, ps_tuning *t)
{
    int32_t cap = 0;
    for (;;) {
        PS_TRY(next_line(r));
        if (!strcmp(r->text, "end")) break;
        if (t->n == cap) {
            cap = cap ? 2 * cap : 64;
            ps_tuned *grown = ps_realloc(t->nodes, (size_t)cap * sizeof *grown);
            PS_REQUIRE(grown, POISE_NO_MEMORY, "no memory for %d tuned nodes", cap);
            t->nodes = grown;
        }
        PS_TRY(read_node(r, &t->nodes[t->n]));
        t->n++;
    }
    PS_REQUIRE(r->at == r->end, POISE_BAD_MODEL, "tuning file, line %d: something is behind 'end'", r->line + 1);
    ps_tuning_sort(t);
    for (int32_t i = 1; i < t->n; i++)
        PS_REQUIRE(t->nodes[i].node != t->nodes[i - 1].node, POISE_BAD_MODEL, "tuning file: node %016" PRIx64 " is there twice",
                   t->nodes[i].node);
    return POISE_OK;
}

poise_status ps_tuning_parse(const void *bytes, size_t size, ps_tuning *out)
{
    *out = (ps_tuning){0};
    PS_REQUIRE(size <= MOST_BYTES, POISE_BAD_MODEL, "tuning file of %zu bytes, at most %d are allowed", size, MOST_BYTES);
    reader r = {.at = bytes, .end = (const char *)bytes + size};
    poise_status s = read_head(&r, out);
    if (s == POISE_OK) s = read_nodes(&r, out);
    if (s != POISE_OK) ps_tuning_free(out);
    return s;
}

/* ---- writing ---- */

poise_status ps_tuning_write(const ps_tuning *t, const char *const *what, void **bytes, size_t *size)
{
    size_t cap = ((size_t)t->n + 16) * (LONGEST_LINE + 1), at = 0;
    char *text = ps_alloc(cap), line[LONGEST_LINE + 1];
    PS_REQUIRE(text, POISE_NO_MEMORY, "no memory for a tuning file of %d nodes", t->n);
    at += (size_t)snprintf(text, cap, "%s\nversion %s\ncpu %s\nisa %s\nprecision %s\nthreads %d\nnetwork %016" PRIx64 "\n",
                           first_line, t->version, t->cpu, t->isa, t->precision, t->threads, t->network);
    for (int32_t i = 0; i < t->n; i++) {
        snprintf(line, sizeof line, "node %016" PRIx64 " %s %s", t->nodes[i].node, t->nodes[i].way, what[i]);
        for (char *c = line; *c; c++)
            if (*c < ' ' || *c > '~') *c = '?';
        at += (size_t)snprintf(text + at, cap - at, "%s\n", line);
    }
    at += (size_t)snprintf(text + at, cap - at, "end\n");
    *bytes = text;
    *size = at;
    return POISE_OK;
}

/* ---- applying ---- */

static poise_status same(const char *what, const char *file, const char *here)
{
    PS_REQUIRE(!strcmp(file, here), POISE_BAD_ARGUMENT, "the tuning is for %s %s, this is %s", what, file, here);
    return POISE_OK;
}

static poise_status check(const ps_tuning *t, const ps_tuning *here)
{
    PS_TRY(same("poise", t->version, here->version));
    PS_TRY(same("CPU", t->cpu, here->cpu));
    PS_TRY(same("ISA", t->isa, here->isa));
    PS_TRY(same("precision", t->precision, here->precision));
    PS_REQUIRE(t->network == here->network, POISE_BAD_ARGUMENT,
               "the tuning is for another network (%016" PRIx64 ", this is %016" PRIx64 ")", t->network, here->network);
    return POISE_OK;
}

/* The node's choice of that name. */
static bool find_way(const poise_model *m, const ps_node *n, const ps_call *c, const char *way, ps_choice *out)
{
    char text[PS_CHOICE_TEXT];
    for (int i = 0; ps_choice_at(m, n, c, i, out); i++)
        if (!strcmp(ps_choice_text(m, out, text), way)) return true;
    return false;
}

static poise_status look_up(const ps_tuning *t, const poise_model *m, int32_t node, const ps_call *c, ps_choice *out)
{
    const ps_node *n = &m->graph.nodes[node];
    ps_tuned key = {.node = ps_node_signature(n, c)};
    const ps_tuned *found = t->n && n->op->variant ? bsearch(&key, t->nodes, (size_t)t->n, sizeof key, by_node) : NULL;
    if (!found) return POISE_OK;
    PS_REQUIRE(find_way(m, n, c, found->way, out), POISE_BAD_ARGUMENT, "the tuning computes node '%s' (%s) by '%s', which it has not",
               n->name, n->op->name, found->way);
    return POISE_OK;
}

poise_status ps_tuning_apply(const ps_tuning *t, poise_model *m, const ps_call *calls)
{
    ps_tuning here = ps_tuning_here(m, calls);
    ps_choice choice;
    PS_TRY(check(t, &here));
    for (int32_t i = 0; i < m->graph.n_nodes; i++) PS_TRY(look_up(t, m, i, &calls[i], &choice));
    for (int32_t i = 0; i < m->graph.n_nodes; i++) look_up(t, m, i, &calls[i], &m->choices[i]);
    return POISE_OK;
}
