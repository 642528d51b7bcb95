/* app/unique.c - a hash set of names, with the next number of each. */
#include "app/unique.h"

#include "runtime/memory.h"

#include <stdio.h>
#include <string.h>

typedef struct ps_unique_entry {
    char *name; /* NULL = free */
    int next;   /* number to try first when it is wanted again */
} entry;

/* The entry of a name, or the free one where it belongs; the table is never full. */
static entry *find(const ps_unique *u, const char *name)
{
    size_t h = 2166136261u; /* FNV-1a */
    for (const char *c = name; *c; c++) h = (h ^ (unsigned char)*c) * 16777619u;
    for (;; h++) {
        entry *e = &u->table[h & (u->cap - 1)];
        if (!e->name || !strcmp(e->name, name)) return e;
    }
}

static poise_status grow(ps_unique *u)
{
    ps_unique more = {.n = u->n, .cap = u->cap ? 2 * u->cap : 64};
    more.table = ps_alloc_array(more.cap, sizeof *more.table);
    PS_REQUIRE(more.table, POISE_NO_MEMORY, "no memory for the names of %zu files", u->n);
    for (size_t i = 0; i < u->cap; i++)
        if (u->table[i].name) *find(&more, u->table[i].name) = u->table[i];
    ps_free(u->table);
    *u = more;
    return POISE_OK;
}

static poise_status copy(char *out, size_t size, const char *name, int number)
{
    int n = number ? snprintf(out, size, "%s-%d", name, number) : snprintf(out, size, "%s", name);
    PS_REQUIRE(n >= 0 && (size_t)n < size, POISE_IO, "%.60s...: the name is too long", name);
    return POISE_OK;
}

poise_status ps_unique_name(ps_unique *u, const char *wanted, char *out, size_t size)
{
    if (2 * (u->n + 1) > u->cap) PS_TRY(grow(u));
    PS_TRY(copy(out, size, wanted, 0));
    entry *first = find(u, wanted), *e = first;
    while (e->name) {
        PS_TRY(copy(out, size, wanted, first->next++));
        e = find(u, out);
    }
    char *name = ps_strdup(out);
    PS_REQUIRE(name, POISE_NO_MEMORY, "no memory for the name of a file");
    *e = (entry){name, 2};
    u->n++;
    return POISE_OK;
}

void ps_unique_free(ps_unique *u)
{
    for (size_t i = 0; i < u->cap; i++) ps_free(u->table[i].name);
    ps_free(u->table);
    *u = (ps_unique){0};
}
