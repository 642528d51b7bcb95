/* app/classes.c - the value of --classes. */
#include "app/classes.h"

#include "runtime/memory.h"
#include "runtime/status.h"

#include <stdlib.h>
#include <string.h>

/* The class that text[0..n) names, by number or by name, in *out. */
static poise_status class_named(const ps_task *t, const char *text, size_t n, int32_t *out)
{
    for (int32_t i = 0; i < t->names.n; i++)
        if (t->names.name[i] && strlen(t->names.name[i]) == n && !memcmp(t->names.name[i], text, n)) {
            *out = i;
            return POISE_OK;
        }
    char *end;
    long v = strtol(text, &end, 10);
    if (n && end == text + n && v >= 0 && v < t->n_classes) {
        *out = (int32_t)v;
        return POISE_OK;
    }
    return ps_fail(POISE_BAD_ARGUMENT,
                   "--classes: '%.*s' is neither a class name of the model nor a number from 0 to %d",
                   n > 40 ? 40 : (int)n, text, t->n_classes - 1);
}

poise_status ps_classes_read(ps_classes *c, const char *text, const ps_task *t, poise_detect_options *o)
{
    if (!text) return POISE_OK;
    c->list = ps_alloc_array(strlen(text) + 1, sizeof *c->list);
    PS_REQUIRE(c->list, POISE_NO_MEMORY, "no memory for the list of classes");
    while (*text) {
        text += strspn(text, "[], ");
        size_t length = strcspn(text, ",]"), next = length;
        if (!length) break;
        while (text[length - 1] == ' ') length--;
        PS_TRY(class_named(t, text, length, &c->list[c->n]));
        c->n++;
        text += next;
    }
    PS_REQUIRE(c->n, POISE_BAD_ARGUMENT, "--classes: the list is empty");
    o->classes = c->list;
    o->n_classes = c->n;
    return POISE_OK;
}

bool ps_classes_has(const ps_classes *c, double class_id)
{
    for (int i = 0; i < c->n; i++)
        if (class_id == (double)c->list[i]) return true;
    return !c->n;
}

void ps_classes_free(ps_classes *c)
{
    ps_free(c->list);
    *c = (ps_classes){0};
}
