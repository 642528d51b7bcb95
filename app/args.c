/* app/args.c - reads options from the environment and the command line by the table in options.c. */
#include "app/args.h"
#include "app/embedded.h"

#include "runtime/memory.h"
#include "runtime/sysfs.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* '-' and '_' are the same in names, and so are capitals. */
static int fold(char c)
{
    return c == '-' ? '_' : tolower((unsigned char)c);
}

static bool same_name(const char *typed, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!name[i] || fold(typed[i]) != fold(name[i])) return false;
    return !name[n];
}

/* Edit distance between typed[0..n) and name, both cut at 31 letters. */
static int distance(const char *typed, size_t n, const char *name)
{
    enum { CAP = 32 };
    int row[CAP];
    size_t m = strlen(name);
    if (n >= CAP) n = CAP - 1;
    if (m >= CAP) m = CAP - 1;
    for (size_t j = 0; j <= m; j++) row[j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            int change = diagonal + (fold(typed[i - 1]) != fold(name[j - 1]));
            diagonal = row[j];
            int skip = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            row[j] = change < skip ? change : skip;
        }
    }
    return row[m];
}

/* Worth a "did you mean": at most a third of the letters differ, and at least one typo is forgiven. */
static bool is_near(int d, size_t n)
{
    return d <= (n < 6 ? 1 : (int)n / 3) || (n <= 5 && n >= 3 && d <= 2 && d < (int)n - 1);
}

const ps_verb *ps_verb_find(const char *name)
{
    for (const ps_verb *v = ps_verb_table; v->name; v++)
        if (!strcmp(v->name, name)) return v;
    return NULL;
}

const char *ps_verb_near(const char *typed)
{
    const char *best = NULL;
    int least = 1000;
    for (const ps_verb *v = ps_verb_table; v->name; v++) {
        int d = distance(typed, strlen(typed), v->name);
        if (d < least) least = d, best = v->name;
    }
    return is_near(least, strlen(typed)) ? best : NULL;
}

const char *ps_arg_env(const ps_arg *a, char buf[PS_ENV_TEXT])
{
    int n = a->env ? snprintf(buf, PS_ENV_TEXT, "%s", a->env) : snprintf(buf, PS_ENV_TEXT, "POISE_%s", a->name);
    for (int i = 0; i < n && i < PS_ENV_TEXT; i++) buf[i] = (char)toupper((unsigned char)buf[i]);
    return buf;
}

static const ps_arg *find(const ps_verb *verb, const char *typed, size_t n)
{
    for (const ps_arg *a = ps_arg_table; a->name; a++)
        if ((a->verbs & verb->bit) && same_name(typed, n, a->name)) return a;
    return NULL;
}

static const ps_arg *find_letter(const ps_verb *verb, char c)
{
    for (const ps_arg *a = ps_arg_table; a->name; a++)
        if ((a->verbs & verb->bit) && a->letter == c) return a;
    return NULL;
}

static poise_status unknown(const ps_verb *verb, const char *typed, size_t n, const char *dashes)
{
    const char *best = NULL;
    int least = 1000;
    for (const ps_arg *a = ps_arg_table; a->name; a++) {
        if (!(a->verbs & verb->bit)) continue;
        int d = distance(typed, n, a->name);
        if (d < least) least = d, best = a->name;
    }
    int cut = n > 60 ? 60 : (int)n;
    if (best && is_near(least, n))
        return ps_fail(POISE_BAD_ARGUMENT, "%s has no option %s%.*s; did you mean %s%s?", verb->name, dashes, cut,
                       typed, *dashes ? "--" : "", best);
    return ps_fail(POISE_BAD_ARGUMENT, "%s has no option %s%.*s; 'poise help %s' lists them", verb->name, dashes,
                   cut, typed, verb->name);
}

/* ---- values: `from` is how the option was named ("--conf", "POISE_CONF") -------------------------- */

static bool whole_number(const char *s, char **end, double *out)
{
    errno = 0;
    *out = strtod(s, end);
    return *end != s && errno == 0 && isfinite(*out) && !isspace((unsigned char)*s);
}

/* "auto", for options that know it, is -1. */
static bool is_auto(const ps_arg *a, const char *text, double *out)
{
    size_t n = a->value ? strlen(a->value) : 0;
    *out = -1;
    return n > 5 && !strcmp(a->value + n - 5, "|auto") && !strcmp(text, "auto");
}

static poise_status number(const ps_arg *a, const char *from, const char *text, double *out)
{
    if (is_auto(a, text, out)) return POISE_OK;
    char *end;
    bool whole = a->kind != PS_ARG_FLOAT;
    if (whole_number(text, &end, out) && !*end && *out >= a->min && *out <= a->max && (!whole || *out == floor(*out)))
        return POISE_OK;
    return ps_fail(POISE_BAD_ARGUMENT, "%s: '%.40s' is not a%s number from %g to %g", from, text,
                   whole ? " whole" : "", a->min, a->max);
}

static poise_status flag(const char *from, const char *text, bool *out)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (same_name(text, strlen(text), words[i])) {
            *out = i & 1;
            return POISE_OK;
        }
    return ps_fail(POISE_BAD_ARGUMENT, "%s: '%.40s' is neither true nor false", from, text);
}

static poise_status choice(const ps_arg *a, const char *from, const char *text)
{
    size_t n = strlen(text);
    for (const char *c = a->value; c; c = strchr(c, '|')) {
        if (*c == '|') c++;
        if (n && !strncmp(c, text, n) && (c[n] == '|' || !c[n])) return POISE_OK;
    }
    return ps_fail(POISE_BAD_ARGUMENT, "%s: '%.40s' is not one of %s", from, text, a->value);
}

static poise_status integers(const ps_arg *a, const char *from, const char *text, ps_ints *out)
{
    double v;
    *out = (ps_ints){0};
    if (is_auto(a, text, &v)) *out = (ps_ints){1, {-1}};
    for (const char *s = text; !out->n || out->v[0] >= 0;) {
        char *end;
        if (!whole_number(s, &end, &v) || v != floor(v) || v < a->min || v > a->max || (*end && *end != ','))
            return ps_fail(POISE_BAD_ARGUMENT, "%s: '%.40s' is not a list of whole numbers from %g to %g like 1,2,4",
                           from, text, a->min, a->max);
        PS_REQUIRE(out->n < PS_MAX_INTS, POISE_BAD_ARGUMENT, "%s: more than %d numbers", from, PS_MAX_INTS);
        out->v[out->n++] = (int32_t)v;
        if (!*end) break;
        s = end + 1;
    }
    return POISE_OK;
}

/* Plain digits only: strtod would take the 0x of "0x640" for a hexadecimal number. */
static const char *digits(const char *s, double *out)
{
    *out = 0;
    int n = 0;
    for (; isdigit((unsigned char)*s) && n < 9; s++, n++) *out = *out * 10 + (*s - '0');
    return n ? s : NULL;
}

static poise_status size(const ps_arg *a, const char *from, const char *text, ps_hw *out)
{
    double h = 0, w = 0;
    const char *s = digits(text, &h);
    w = h;
    if (s && (*s == 'x' || *s == ',')) s = digits(s + 1, &w);
    if (!s || *s || h < a->min || w < a->min || h > a->max || w > a->max)
        return ps_fail(POISE_BAD_ARGUMENT, "%s: '%.40s' is not a size like 640 or 480x640 (height x width, %g to %g)",
                       from, text, a->min, a->max);
    *out = (ps_hw){(int32_t)h, (int32_t)w};
    return POISE_OK;
}

static poise_status bytes(const ps_arg *a, const char *from, const char *text, size_t *out)
{
    char *end;
    double v = 0, unit = 1;
    bool ok = whole_number(text, &end, &v);
    if (ok && *end) {
        const char *at = strchr("kmgt", tolower((unsigned char)*end));
        static const double units[] = {1024.0, 1048576.0, 1073741824.0, 1099511627776.0};
        ok = at != NULL;
        if (ok) unit = units[at - "kmgt"], end++;
        if (ok && end[0] == 'i') end++;
        if (ok && (end[0] == 'B' || end[0] == 'b')) end++;
        ok = ok && !*end;
    }
    v *= unit;
    PS_REQUIRE(ok && v >= a->min && v <= a->max, POISE_BAD_ARGUMENT,
               "%s: '%.40s' is not an amount of memory like 64M or 1.5G", from, text);
    *out = (size_t)v;
    return POISE_OK;
}

/* A mask as taskset takes it, but never without 0x: "10" would be CPU 4 or CPU 10. */
static poise_status cpus(const char *from, const char *text, uint64_t *out)
{
    bool beyond = false, ok = false;
    *out = 0;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        size_t n = strspn(text + 2, "0123456789abcdefABCDEF");
        ok = n > 0 && n <= 16 && !text[2 + n];
        if (ok) *out = strtoull(text, NULL, 16);
    } else {
        ok = ps_cpu_list(text, out, &beyond);
    }
    if (ok && !beyond && *out) return POISE_OK;
    return ps_fail(POISE_BAD_ARGUMENT, "%s: '%.40s' is not CPUs like 4-7 or 0xf0 (0 to %d)", from, text, PS_MAX_CPUS - 1);
}

static poise_status set(const ps_arg *a, const char *from, const char *text, ps_args *out)
{
    void *at = (char *)out + a->offset;
    double v = 0;
    switch (a->kind) {
    case PS_ARG_FLAG: return flag(from, text, at);
    case PS_ARG_INTS: return integers(a, from, text, at);
    case PS_ARG_SIZE: return size(a, from, text, at);
    case PS_ARG_BYTES: return bytes(a, from, text, at);
    case PS_ARG_CPUS: return cpus(from, text, at);
    case PS_ARG_INT:
        PS_TRY(number(a, from, text, &v));
        *(int32_t *)at = (int32_t)v;
        return POISE_OK;
    case PS_ARG_FLOAT:
        PS_TRY(number(a, from, text, &v));
        *(float *)at = (float)v;
        return POISE_OK;
    case PS_ARG_CHOICE:
        PS_TRY(choice(a, from, text));
        *(const char **)at = text;
        return POISE_OK;
    case PS_ARG_TEXTS: {
        ps_texts *t = at;
        t->v[t->n++] = text;
        return POISE_OK;
    }
    case PS_ARG_TEXT:
    case PS_ARG_WORD:
        PS_REQUIRE(*text, POISE_BAD_ARGUMENT, "%s: a value is missing", from);
        *(const char **)at = text;
        return POISE_OK;
    }
    return POISE_OK;
}

/* ---- where values come from ------------------------------------------------------------------------ */

static poise_status environment(const ps_verb *verb, ps_args *out)
{
    for (const ps_arg *a = ps_arg_table; a->name; a++) {
        char env[PS_ENV_TEXT];
        if (!(a->verbs & verb->bit) || a->kind == PS_ARG_WORD || a->letter == 'h') continue;
        const char *text = getenv(ps_arg_env(a, env));
        if (text && *text) PS_TRY(set(a, env, text, out));
    }
    return POISE_OK;
}

typedef struct reader {
    const ps_verb *verb;
    int argc, at;
    char *const *argv;
    ps_args *out;
} reader;

/* The value of an option whose value was not joined to it by '='. */
static poise_status next_value(reader *r, const ps_arg *a, const char *from)
{
    const char *next = r->at < r->argc ? r->argv[r->at] : NULL;
    if (a->kind == PS_ARG_FLAG) {
        bool given = next && (same_name(next, strlen(next), "true") || same_name(next, strlen(next), "false"));
        if (given) r->at++;
        return set(a, from, given ? next : "true", r->out);
    }
    if (!next)
        return ps_fail(POISE_BAD_ARGUMENT, "%s needs a value: %s %s", from, from, a->value ? a->value : "TEXT");
    r->at++;
    return set(a, from, next, r->out);
}

static poise_status long_option(reader *r, const char *word)
{
    const char *name = word + 2, *equal = strchr(name, '=');
    size_t n = equal ? (size_t)(equal - name) : strlen(name);
    const ps_arg *a = find(r->verb, name, n);
    char from[64];
    snprintf(from, sizeof from, "--%.*s", n > 60 ? 60 : (int)n, name);
    if (!a && n > 3 && same_name(name, 3, "no_")) {
        a = find(r->verb, name + 3, n - 3);
        if (a && a->kind == PS_ARG_FLAG && !equal) return set(a, from, "false", r->out);
        a = NULL;
    }
    if (!a) return unknown(r->verb, name, n, "--");
    return equal ? set(a, from, equal + 1, r->out) : next_value(r, a, from);
}

/* -t 2, -t2, -t=2; flags may be joined: -qv. */
static poise_status short_options(reader *r, const char *word)
{
    for (const char *c = word + 1; *c; c++) {
        char from[3] = {'-', *c, 0};
        const ps_arg *a = find_letter(r->verb, *c);
        if (!a)
            return ps_fail(POISE_BAD_ARGUMENT, "%s has no option %s; 'poise help %s' lists them", r->verb->name, from,
                           r->verb->name);
        if (a->kind == PS_ARG_FLAG) {
            PS_TRY(set(a, from, "true", r->out));
            continue;
        }
        if (c[1] == '=') c++;
        return c[1] ? set(a, from, c + 1, r->out) : next_value(r, a, from);
    }
    return POISE_OK;
}

/* Whether text[0..n) could be the name of an option: letters, digits, '_' and '-'. */
static bool like_a_name(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)text[i]) && text[i] != '_' && text[i] != '-') return false;
    return n > 0 && isalpha((unsigned char)text[0]);
}

static poise_status word(reader *r, const char *text)
{
    const char *equal = strchr(text, '=');
    size_t n = equal ? (size_t)(equal - text) : strlen(text);
    const ps_arg *a = find(r->verb, text, n);
    if (a && !equal) { /* "save" is save=True, unless a file has that name */
        if (a->kind == PS_ARG_FLAG && access(text, F_OK)) return set(a, a->name, "true", r->out);
        a = NULL;
    }
    if (a) {
        char from[64];
        snprintf(from, sizeof from, "%s", a->name);
        return set(a, from, equal + 1, r->out);
    }
    /* "cnf=0.3" is a slip, but run takes NAME=FILE words, and a file of that very name wins. */
    if (equal && r->verb->bit != PS_VERB_RUN && like_a_name(text, n) && access(text, F_OK))
        return unknown(r->verb, text, n, "");
    r->out->words.v[r->out->words.n++] = text;
    return POISE_OK;
}

/* model=, source= and data= take their places among the words. */
static void place_words(ps_args *a)
{
    ps_texts *w = &a->words;
    if (a->model) {
        memmove(w->v + 1, w->v, (size_t)w->n * sizeof *w->v);
        w->v[0] = a->model;
        w->n++;
    }
    if (a->source) w->v[w->n++] = a->source;
}

static poise_status count_words(const ps_verb *v, const ps_args *a)
{
    if (a->help) return POISE_OK;
    if (a->words.n < v->min_words)
        return ps_fail(POISE_BAD_ARGUMENT, "%s needs %s; usage: poise %s %s", v->name, v->words, v->name, v->words);
    if (v->max_words >= 0 && a->words.n > v->max_words)
        return ps_fail(POISE_BAD_ARGUMENT, "%s takes no '%.60s'; usage: poise %s %s", v->name,
                       a->words.v[v->max_words], v->name, v->words);
    return POISE_OK;
}

enum { DEMO_SEED = 225 }; /* people apart from each other, whom the network in the command finds */

poise_status ps_args_parse(const ps_verb *verb, int argc, char *const *argv, ps_args *out)
{
    *out = (ps_args){.conf = -1, .iou = -1, .runs = 30, .sweep = {1, {1}}, .show_boxes = true, .show_labels = true,
                     .show_conf = true, .float_budget = 5, .seed = verb->bit == PS_VERB_DEMO ? DEMO_SEED : 1, .people = -1, .vehicles = -1, .fps = 25, .lazy = true,
                     .fast_decode = verb->bit == PS_VERB_PREDICT, .rect = verb->bit == PS_VERB_PREDICT};
    /* Each list holds at most all of argv, one text from the environment, and two or three placed words. */
    size_t each = (size_t)argc + 3;
    out->store = ps_alloc_array(5 * each, sizeof *out->store);
    PS_REQUIRE(out->store, POISE_NO_MEMORY, "no memory for %d words", argc);
    out->words.v = out->store + 1; /* room for the model that predict has when none is given */
    out->shapes.v = out->store + each;
    out->inputs.v = out->store + 2 * each;
    out->boxes.v = out->store + 3 * each;
    out->keep_float.v = out->store + 4 * each;
    PS_TRY(environment(verb, out));
    reader r = {verb, argc, 0, argv, out};
    bool only_words = false;
    while (r.at < argc) {
        const char *text = argv[r.at++];
        if (only_words) out->words.v[out->words.n++] = text;
        else if (!strcmp(text, "--")) only_words = true;
        else if (text[0] == '-' && text[1] == '-') PS_TRY(long_option(&r, text));
        else if (text[0] == '-' && text[1]) PS_TRY(short_options(&r, text));
        else PS_TRY(word(&r, text));
    }
    place_words(out);
    if (verb->bit == PS_VERB_PREDICT && !out->model && ps_embedded_is_meant(&out->words)) {
        *--out->words.v = PS_DEFAULT_MODEL;
        out->words.n++;
    }
    return count_words(verb, out);
}

void ps_args_free(ps_args *a)
{
    ps_free(a->store);
    *a = (ps_args){0};
}
