/* app/json.h - writes JSON: commas, escapes and numbers are right by construction. */
#ifndef PS_APP_JSON_H
#define PS_APP_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { PS_JSON_DEPTH = 16 };

typedef struct ps_json {
    FILE *f;
    int depth;
    bool array[PS_JSON_DEPTH]; /* what is open */
    bool some[PS_JSON_DEPTH];  /* it has a member already */
} ps_json;

/* A writer at the beginning of a document. */
ps_json ps_json_begin(FILE *f);

/* Members of the object that is open take their name in `key`; elements of an array, and the document
 * itself, take NULL.  Objects and arrays stay open until ps_json_end. */
void ps_json_object(ps_json *j, const char *key);
void ps_json_array(ps_json *j, const char *key);
void ps_json_end(ps_json *j);
void ps_json_text(ps_json *j, const char *key, const char *text); /* NULL writes null; bad UTF-8 becomes U+FFFD */
void ps_json_int(ps_json *j, const char *key, int64_t v);
void ps_json_number(ps_json *j, const char *key, double v, int digits); /* significant; NaN and infinity: null */
void ps_json_bool(ps_json *j, const char *key, bool v);
void ps_json_null(ps_json *j, const char *key);

#endif
