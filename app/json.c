/* app/json.c - the JSON writer. */
#include "app/json.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>

ps_json ps_json_begin(FILE *f)
{
    return (ps_json){.f = f};
}

/* Bytes of the UTF-8 sequence at s, 0 when it is not one (overlong and surrogates are not). */
static int sequence(const unsigned char *s)
{
    if (*s < 0x80) return 1;
    int n = *s >= 0xf0 ? 4 : *s >= 0xe0 ? 3 : 2;
    if (*s < 0xc2 || *s > 0xf4) return 0;
    for (int i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    if (*s == 0xe0 && s[1] < 0xa0) return 0;
    if (*s == 0xed && s[1] > 0x9f) return 0;
    if (*s == 0xf0 && s[1] < 0x90) return 0;
    if (*s == 0xf4 && s[1] > 0x8f) return 0;
    return n;
}

static void quoted(FILE *f, const char *text)
{
    fputc('"', f);
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        int n = sequence(s);
        if (!n) fputs("\\ufffd", f), s++;
        else if (*s == '"' || *s == '\\') fprintf(f, "\\%c", *s++);
        else if (*s == '\n') fputs("\\n", f), s++;
        else if (*s == '\t') fputs("\\t", f), s++;
        else if (*s < 0x20 || *s == 0x7f) fprintf(f, "\\u%04x", *s++);
        else fwrite(s, 1, (size_t)n, f), s += n;
    }
    fputc('"', f);
}

static void member(ps_json *j, const char *key)
{
    if (!j->depth) return;
    int d = j->depth - 1;
    assert(j->array[d] == !key);
    if (j->some[d]) fputc(',', j->f);
    j->some[d] = true;
    if (key) quoted(j->f, key), fputc(':', j->f);
}

static void open(ps_json *j, const char *key, bool array)
{
    member(j, key);
    assert(j->depth < PS_JSON_DEPTH);
    j->array[j->depth] = array;
    j->some[j->depth++] = false;
    fputc(array ? '[' : '{', j->f);
}

void ps_json_object(ps_json *j, const char *key)
{
    open(j, key, false);
}

void ps_json_array(ps_json *j, const char *key)
{
    open(j, key, true);
}

void ps_json_end(ps_json *j)
{
    assert(j->depth > 0);
    fputc(j->array[--j->depth] ? ']' : '}', j->f);
}

void ps_json_text(ps_json *j, const char *key, const char *text)
{
    member(j, key);
    if (text) quoted(j->f, text);
    else fputs("null", j->f);
}

void ps_json_int(ps_json *j, const char *key, int64_t v)
{
    member(j, key);
    fprintf(j->f, "%" PRId64, v);
}

void ps_json_number(ps_json *j, const char *key, double v, int digits)
{
    member(j, key);
    if (!isfinite(v)) fputs("null", j->f);
    else fprintf(j->f, "%.*g", digits, v == 0 ? 0.0 : v); /* no "-0" */
}

void ps_json_bool(ps_json *j, const char *key, bool v)
{
    member(j, key);
    fputs(v ? "true" : "false", j->f);
}

void ps_json_null(ps_json *j, const char *key)
{
    member(j, key);
    fputs("null", j->f);
}
