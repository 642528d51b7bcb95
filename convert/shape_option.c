/* convert/shape_option.c - finds and reads the shapes that options give to inputs. */
#include "convert/shape_option.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The shape after the last '=' of "NAME=1x3x640x640", or NULL; *name gets the length before it. */
static const char *split(const char *binding, size_t *name)
{
    const char *eq = strrchr(binding, '=');
    *name = eq ? (size_t)(eq - binding) : 0;
    return eq ? eq + 1 : NULL;
}

static bool parse_shape(const char *s, int32_t *rank, int32_t *dim)
{
    *rank = 0;
    if (!strcmp(s, "scalar")) return true;
    for (;;) {
        char *end;
        if (*s < '0' || *s > '9' || *rank == POISE_MAX_DIMS) return false;
        long v = strtol(s, &end, 10);
        if (v > INT32_MAX) return false;
        dim[(*rank)++] = (int32_t)v;
        if (!*end) return true;
        if (*end != 'x') return false;
        s = end + 1;
    }
}

static poise_status unknown_input(const char *binding, int32_t n, const char *const *names)
{
    char list[1024];
    size_t used = 0;
    list[0] = 0;
    for (int32_t i = 0; i < n && i < 256 && used + 120 < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%.100s", used ? ", " : "", names[i]);
    return ps_fail(POISE_BAD_ARGUMENT, "shape '%.200s' names no input; the inputs are: %s", binding, list);
}

poise_status ps_shape_options_check(const poise_convert_options *o, int32_t n, const char *const *names)
{
    for (int i = 0; o && i < o->n_shapes; i++) {
        const char *b = o->shapes[i];
        size_t size;
        int32_t rank, dim[POISE_MAX_DIMS];
        const char *shape = split(b, &size);
        PS_REQUIRE(shape && parse_shape(shape, &rank, dim), POISE_BAD_ARGUMENT,
                   "shape '%.200s' is not like NAME=1x3x640x640", b);
        bool found = false;
        for (int32_t k = 0; k < n && !found; k++) found = strlen(names[k]) == size && !memcmp(names[k], b, size);
        if (!found) return unknown_input(b, n, names);
    }
    return POISE_OK;
}

bool ps_shape_option(const poise_convert_options *o, const char *input, int32_t *rank, int32_t *dim)
{
    size_t size;
    for (int i = 0; o && i < o->n_shapes; i++) {
        const char *shape = split(o->shapes[i], &size);
        if (shape && strlen(input) == size && !memcmp(input, o->shapes[i], size)) return parse_shape(shape, rank, dim);
    }
    return false;
}
