/* tests/fuzz/fuzz_task.c - metadata of a network: names, numbers and words, and the task that follows from them.
 * A byte chooses the shapes of the outputs, every line behind it is KEY=VALUE. */
#include "tests/fuzz/fuzz.h"

#include "models/task.h"

#include <stdlib.h>
#include <string.h>

enum { PAIRS = 64 };
typedef struct pairs {
    char *key[PAIRS], *value[PAIRS];
    int n;
} pairs;

static const char *look_up(const void *ctx, const char *key)
{
    const pairs *p = ctx;
    for (int i = 0; i < p->n; i++)
        if (!strcmp(p->key[i], key)) return p->value[i];
    return NULL;
}

static void split(char *text, pairs *p)
{
    for (char *at = text; *at && p->n < PAIRS;) {
        char *line = at, *equals;
        at += strcspn(at, "\n");
        if (*at) *at++ = 0;
        equals = strchr(line, '=');
        if (!equals) continue;
        *equals = 0;
        p->key[p->n] = line;
        p->value[p->n++] = equals + 1;
    }
}

/* Outputs that decoders look for, for an input of 64 x 64. */
static const int32_t shapes[][4][5] = {
    {{4, 1, 3, 8, 8}}, /* rank first */
    {{3, 1, 84, 84}},
    {{3, 1, 56, 84}},
    {{2, 1, 3}},
    {{3, 1, 84, 85}},
    {{4, 1, 64, 8, 8}, {4, 1, 1, 8, 8}, {4, 1, 4, 8, 8}, {4, 1, 10, 8, 8}},
    {{3, 1, 300, 6}},
    {{4, 1, 17, 16, 16}},
};

static poise_status keep(void *ctx, const char *key, const char *value)
{
    size_t *bytes = ctx;
    *bytes += strlen(key) + strlen(value);
    return POISE_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pairs p = {.n = 0};
    ps_task t;
    size_t bytes = 0;
    if (!size || size > 1 << 20) return 0;
    char *text = ps_alloc(size);
    ps_io *io = ps_alloc(sizeof *io);
    if (!text || !io) abort();
    memcpy(text, data + 1, size - 1); /* ends with a zero: ps_alloc clears */
    split(text, &p);
    *io = (ps_io){.n_inputs = 1, .meta = look_up, .ctx = &p};
    io->input = (poise_tensor){.type = POISE_F32, .rank = 4, .dim = {1, 3, 64, 64}};
    const int32_t(*shape)[5] = shapes[data[0] % (sizeof shapes / sizeof *shapes)];
    for (; io->n_outputs < 4 && shape[io->n_outputs][0]; io->n_outputs++) {
        poise_tensor *o = &io->out[io->n_outputs];
        *o = (poise_tensor){.type = POISE_F32, .rank = shape[io->n_outputs][0]};
        memcpy(o->dim, &shape[io->n_outputs][1], 4 * sizeof *o->dim);
    }
    if (ps_task_resolve_io(io, NULL, &t) == POISE_OK) {
        ps_task_store(&t, keep, &bytes);
        ps_task_free(&t);
    }
    ps_free(io);
    ps_free(text);
    return 0;
}
