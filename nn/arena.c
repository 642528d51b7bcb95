/* nn/arena.c - fits blocks with lifetimes into the smallest arena: greedy placement in several orders.
 * Source of the greedy step: Pisarchyk and Lee, "Efficient memory management for deep neural net
 * inference", 2020, section 5 (greedy by size). */
#include "nn/plan.h"

#include <stdlib.h>
#include <string.h>

enum {
    SHUFFLES = 200, /* random orders tried besides the systematic ones */
};

/* The greedy step is quadratic: as many orders are tried as this many looks at a pair of blocks allow (about a
 * second).  A graph that is too large for one, 28000 blocks, gets every block behind the other. */
static const uint64_t most_looks = 400000000;

typedef struct fit {
    ps_block *blocks;
    int32_t n;
    int32_t *order, *placed; /* order of placement; blocks placed so far, by offset */
    size_t *offset, *best;
} fit;

static bool together(const ps_block *a, const ps_block *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* Places blocks in the given order, each in the smallest gap that takes it; gives the arena's size. */
static size_t place_all(fit *f, size_t give_up)
{
    size_t top = 0;
    for (int32_t i = 0; i < f->n; i++) {
        const ps_block *b = &f->blocks[f->order[i]];
        size_t end = 0, at = SIZE_MAX, gap = SIZE_MAX;
        for (int32_t k = 0; k < i; k++) {
            int32_t p = f->placed[k];
            if (!together(b, &f->blocks[p])) continue;
            if (f->offset[p] > end && f->offset[p] - end >= b->bytes && f->offset[p] - end < gap)
                gap = f->offset[p] - end, at = end;
            if (f->offset[p] + f->blocks[p].bytes > end) end = f->offset[p] + f->blocks[p].bytes;
        }
        if (at == SIZE_MAX) at = end;
        f->offset[f->order[i]] = at;
        if (at + b->bytes > top) top = at + b->bytes;
        if (top >= give_up) return top;
        int32_t k = i;
        for (; k > 0 && f->offset[f->placed[k - 1]] > at; k--) f->placed[k] = f->placed[k - 1];
        f->placed[k] = f->order[i];
    }
    return top;
}

typedef struct rank {
    size_t key;
    int32_t index;
} rank;

static int by_key(const void *a, const void *b)
{
    const rank *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? 1 : -1;
    return (x->index > y->index) - (x->index < y->index);
}

static void try_order(fit *f, size_t *least)
{
    size_t top = place_all(f, *least);
    if (top >= *least) return;
    *least = top;
    memcpy(f->best, f->offset, (size_t)f->n * sizeof *f->best);
}

static void sort_order(fit *f, rank *r, int how)
{
    for (int32_t i = 0; i < f->n; i++) {
        const ps_block *b = &f->blocks[i];
        size_t life = (size_t)(b->last - b->first + 1);
        size_t key = how == 0 ? b->bytes : how == 1 ? b->bytes * life : how == 2 ? life : (size_t)(f->n - i);
        r[i] = (rank){key, i};
    }
    qsort(r, (size_t)f->n, sizeof *r, by_key);
    for (int32_t i = 0; i < f->n; i++) f->order[i] = r[i].index;
}

/* Swaps neighbours at random distances in the size order: small changes of a good order are better than
 * orders from nowhere.  The generator is fixed, so that a model has one plan. */
static void shuffle(fit *f, const rank *by_size, uint32_t *seed)
{
    for (int32_t i = 0; i < f->n; i++) f->order[i] = by_size[i].index;
    for (int32_t s = 0; s < 1 + f->n / 4; s++) {
        *seed = *seed * 1664525u + 1013904223u;
        int32_t i = (int32_t)((*seed >> 8) % (uint32_t)f->n);
        int32_t k = i + 1 + (int32_t)((*seed >> 4) % 8);
        if (k >= f->n) continue;
        int32_t t = f->order[i];
        f->order[i] = f->order[k];
        f->order[k] = t;
    }
}

static uint64_t looks(int32_t n)
{
    return (uint64_t)n * (uint64_t)n / 2;
}

static void fit_small(fit *f, rank *r, size_t bound)
{
    size_t least = SIZE_MAX;
    uint32_t seed = 1;
    int tries = SHUFFLES + 4;
    while (tries > 1 && (uint64_t)tries * looks(f->n) > most_looks) tries--;
    for (int how = 0; how < 4 && how < tries && least > bound; how++) {
        sort_order(f, r, how);
        try_order(f, &least);
    }
    sort_order(f, r, 0);
    for (int i = 4; i < tries && least > bound; i++) {
        shuffle(f, r, &seed);
        try_order(f, &least);
    }
}

typedef struct event {
    int32_t time, block;
    bool end;
} event;

static int by_time(const void *a, const void *b)
{
    const event *x = a, *y = b;
    if (x->time != y->time) return x->time < y->time ? -1 : 1;
    if (x->end != y->end) return x->end ? 1 : -1; /* at one node all its blocks live together */
    return (x->block > y->block) - (x->block < y->block);
}

static poise_status lower_bound(const ps_block *blocks, int32_t n, size_t *bound)
{
    event *e = ps_alloc_array(2 * (size_t)n + 1, sizeof *e);
    PS_REQUIRE(e, POISE_NO_MEMORY, "no memory to plan %d blocks", n);
    for (int32_t i = 0; i < n; i++) {
        e[2 * i] = (event){blocks[i].first, i, false};
        e[2 * i + 1] = (event){blocks[i].last, i, true};
    }
    qsort(e, 2 * (size_t)n, sizeof *e, by_time);
    size_t now = 0;
    *bound = 0;
    for (int32_t i = 0; i < 2 * n; i++) {
        size_t b = blocks[e[i].block].bytes;
        now = e[i].end ? now - b : now + b;
        if (now > *bound) *bound = now;
    }
    ps_free(e);
    return POISE_OK;
}

/* For graphs that are too large for the greedy step: every block behind the other. */
static void fit_large(fit *f)
{
    size_t at = 0;
    for (int32_t i = 0; i < f->n; i++) {
        f->best[i] = at;
        at += f->blocks[i].bytes;
    }
}

poise_status ps_arena_plan(ps_block *blocks, int32_t n, size_t *bytes, size_t *bound)
{
    size_t total = 0, count = (size_t)n + 1;
    for (int32_t i = 0; i < n; i++)
        PS_REQUIRE(ps_size_add(&total, total, blocks[i].bytes), POISE_NO_MEMORY, "the activations overflow size_t");
    PS_TRY(lower_bound(blocks, n, bound));
    ps_heap heap = {0};
    fit f = {blocks, n, ps_heap_push(&heap, count * 4), ps_heap_push(&heap, count * 4),
             ps_heap_push(&heap, count * sizeof(size_t)), ps_heap_push(&heap, count * sizeof(size_t))};
    rank *r = ps_heap_push(&heap, count * sizeof *r);
    poise_status s = POISE_OK;
    if (!f.order || !f.placed || !f.offset || !f.best || !r) {
        s = ps_fail(POISE_NO_MEMORY, "no memory to plan %d blocks", n);
    } else {
        if (looks(n) <= most_looks) fit_small(&f, r, *bound);
        else fit_large(&f);
        *bytes = 0;
        for (int32_t i = 0; i < n; i++) {
            blocks[i].offset = f.best[i];
            if (f.best[i] + blocks[i].bytes > *bytes) *bytes = f.best[i] + blocks[i].bytes;
        }
    }
    ps_heap_free(&heap);
    return s;
}
