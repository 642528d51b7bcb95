/* convert/tflite_labels.c - what a TFLite file carries behind its tables: a zip file with labels or an exporter's notes. */
#include "convert/inflate.h"
#include "convert/tflite_import.h"

#include <stdio.h>
#include <string.h>

enum { MOST_TEXT = 4 << 20, MOST_ENTRIES = 64, KEY_TEXT = 64 };

static uint32_t u16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t u32(const uint8_t *p)
{
    return u16(p) | u16(p + 2) << 16;
}

/* ---- zip ---- */

typedef struct entry {
    const char *name; /* not ended by 0 */
    size_t name_size, packed, size;
    const uint8_t *data;
    uint32_t method;
} entry;

/* The directory's end stands in the last bytes of the file, before a comment.  Gives the entries and their number. */
static const uint8_t *directory(const uint8_t *bytes, size_t size, uint32_t *n, size_t *shift)
{
    for (size_t back = 22; back <= size && back < 22 + 65536; back++) {
        const uint8_t *p = bytes + size - back;
        if (u32(p) != 0x06054b50) continue;
        uint64_t end = size - back, length = u32(p + 12), at = u32(p + 16);
        if (at + length > end) return NULL;
        *n = u16(p + 10);
        *shift = (size_t)(end - length - at); /* offsets may count from where the zip file begins */
        return bytes + *shift + at;
    }
    return NULL;
}

/* The entry at *p, which moves behind it; false at damage. */
static bool next_entry(const uint8_t *bytes, size_t size, size_t shift, const uint8_t **p, entry *e)
{
    const uint8_t *h = *p, *end = bytes + size;
    if (end - h < 46 || u32(h) != 0x02014b50) return false;
    size_t name = u16(h + 28), rest = name + u16(h + 30) + u16(h + 32);
    uint64_t local = (uint64_t)shift + u32(h + 42);
    if ((size_t)(end - h) < 46 + rest || local + 30 > size || u32(bytes + local) != 0x04034b50) return false;
    uint64_t data = local + 30 + u16(bytes + local + 26) + u16(bytes + local + 28);
    *e = (entry){(const char *)h + 46, name, u32(h + 20), u32(h + 24), bytes + (data < size ? data : size), u16(h + 10)};
    *p = h + 46 + rest;
    return data <= size && e->packed <= size - data;
}

/* The contents of an entry as text on the heap; NULL when it cannot be read, or is no text. */
static char *contents(ps_heap *heap, const entry *e)
{
    if (e->size > MOST_TEXT || (e->method == 0 && e->packed != e->size)) return NULL;
    char *text = ps_heap_push(heap, e->size + 1);
    if (!text) return NULL;
    if (e->method == 0 && e->size) memcpy(text, e->data, e->size);
    if (e->method != 0 && (e->method != 8 || !ps_inflate(e->data, e->packed, (uint8_t *)text, e->size))) return NULL;
    return memchr(text, 0, e->size) ? NULL : text;
}

static bool ends(const entry *e, const char *tail)
{
    size_t n = strlen(tail);
    return e->name_size >= n && !memcmp(e->name + e->name_size - n, tail, n);
}

/* ---- an exporter's notes: a dictionary of JSON or Python ---- */

static const char *blanks(const char *s)
{
    while (*s == ' ' || *s == '\t' || *s == '\n' || *s == '\r') s++;
    return s;
}

/* Behind the closing quote of the text that s begins; NULL when there is none. */
static const char *quoted(const char *s)
{
    for (char quote = *s++; *s; s++) {
        if (*s == '\\' && s[1]) s++;
        else if (*s == quote) return s + 1;
    }
    return NULL;
}

/* Behind the value at s, whose text goes to `out` without line breaks and without quotes around whole numbers that are
 * keys (class ids in JSON); NULL at damage. */
static const char *value(const char *s, char *out)
{
    int depth = 0;
    for (;;) {
        if (*s == '"' || *s == '\'') {
            const char *end = quoted(s);
            if (!end) return NULL;
            size_t n = (size_t)(end - s), digits = strspn(s + 1, "0123456789");
            bool id = digits > 0 && digits + 2 == n && *blanks(end) == ':';
            memcpy(out, id ? s + 1 : s, id ? digits : n);
            out += id ? digits : n;
            s = end;
        } else if (!*s) {
            return NULL;
        } else {
            if (!depth && (*s == ',' || *s == '}')) break;
            depth += *s == '{' || *s == '[' || *s == '(';
            depth -= *s == '}' || *s == ']' || *s == ')';
            if (*s != '\n' && *s != '\r') *out++ = *s;
            s++;
        }
    }
    *out = 0;
    return s;
}

static poise_status keep(ps_graph *g, const char *key, char *text)
{
    size_t n = strlen(text);
    while (n && text[n - 1] == ' ') text[--n] = 0;
    if (n >= 2 && (*text == '"' || *text == '\'') && quoted(text) == text + n) { /* a text alone, which has no escapes here */
        text[n - 1] = 0;
        text++;
    }
    return ps_graph_set_meta(g, key, text);
}

static poise_status read_notes(ps_graph *g, ps_heap *heap, const char *s)
{
    char *text = ps_heap_push(heap, strlen(s) + 1), key[KEY_TEXT];
    PS_REQUIRE(text, POISE_NO_MEMORY, "no memory for the file's notes");
    s = blanks(s);
    if (*s++ != '{') return POISE_OK;
    for (s = blanks(s); *s == '"' || *s == '\''; s = blanks(s)) {
        const char *end = quoted(s);
        if (!end || *blanks(end) != ':') break;
        size_t n = (size_t)(end - s) - 2;
        bool fits = n > 0 && n < sizeof key;
        if (fits) memcpy(key, s + 1, n), key[n] = 0;
        s = value(blanks(blanks(end) + 1), text);
        if (!s) break;
        if (fits) PS_TRY(keep(g, key, text));
        if (*s++ != ',') break;
    }
    return POISE_OK;
}

/* ---- a list of labels, one a line ---- */

static poise_status read_labels(ps_graph *g, ps_heap *heap, const char *s)
{
    char *text = ps_heap_push(heap, 2 * strlen(s) + 8 * (strlen(s) + 1) + 8), *to = text;
    PS_REQUIRE(text, POISE_NO_MEMORY, "no memory for the file's labels");
    *to++ = '[';
    while (*s) {
        size_t n = strcspn(s, "\r\n");
        if (to > text + 1) *to++ = ',', *to++ = ' ';
        *to++ = '"';
        for (size_t i = 0; i < n; i++) {
            if (s[i] == '"' || s[i] == '\\') *to++ = '\\';
            *to++ = s[i];
        }
        *to++ = '"';
        s += n;
        if (*s == '\r') s++;
        if (*s == '\n') s++;
    }
    *to++ = ']';
    *to = 0;
    return ps_graph_set_meta(g, "names", text);
}

poise_status ps_tflite_read_labels(ps_graph *g, ps_heap *heap, const uint8_t *bytes, size_t size)
{
    uint32_t n = 0;
    size_t shift = 0;
    const uint8_t *p = directory(bytes, size, &n, &shift);
    const char *labels = NULL;
    entry e;
    for (uint32_t i = 0; p && i < n && i < MOST_ENTRIES && next_entry(bytes, size, shift, &p, &e); i++) {
        bool notes = ends(&e, "metadata.json") || ends(&e, "temp_meta.txt"), list = !notes && ends(&e, ".txt");
        const char *text = notes || (list && !labels) ? contents(heap, &e) : NULL;
        if (text && notes) PS_TRY(read_notes(g, heap, text));
        if (text && list) labels = text;
    }
    if (labels && !ps_graph_get_meta(g, "names")) return read_labels(g, heap, labels);
    return POISE_OK;
}
