/* runtime/memory.c - the only file that asks the system for memory. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, madvise */
#include "runtime/memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Under AddressSanitizer every block is its own malloc, without room to spare that may be touched. */
#if defined(__SANITIZE_ADDRESS__)
#define PS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PS_ASAN 1
#endif
#endif
#ifdef PS_ASAN
#include <sanitizer/asan_interface.h>
#define HIDE(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#define SHOW(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
static const size_t map_from = SIZE_MAX, gap = 16; /* between pieces of a growing region */
#else
#define HIDE(p, n) ((void)(p), (void)(n))
#define SHOW(p, n) ((void)(p), (void)(n))
static const size_t map_from = 32 * 1024 - PS_ALIGN, gap = 0; /* from here on a block is a mapping of its own and goes back at once */
#endif
static const size_t page_from = 256 * 1024; /* from here on it begins with a page, behind one for its head */

/* A block starts with one line that remembers its size, so that realloc can copy and free can unmap. */
typedef struct block {
    void *base;
    size_t size, mapped, counts; /* counts: in the account */
} block;

static atomic_size_t count, taken, most, limit;
static atomic_long left = -1;

size_t ps_alloc_count(void)
{
    return atomic_load(&count);
}
void ps_alloc_limit(long n)
{
    atomic_store(&left, n);
}

static bool may_take(void)
{
    long l = atomic_load(&left);
    if (l == 0) return false;
    if (l > 0) atomic_store(&left, l - 1);
    atomic_fetch_add(&count, 1);
    return true;
}

/* ---- the account ---- */

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

size_t ps_alloc_size(size_t n)
{
    size_t page = page_size();
    if (n > SIZE_MAX / 2) return SIZE_MAX;
    if (n < map_from) return n + 2 * PS_ALIGN;
    return n < page_from ? ps_round_up(n + PS_ALIGN, page) : ps_round_up(n, page) + page;
}

size_t ps_memory_taken(void)
{
    return atomic_load(&taken);
}
size_t ps_memory_most(void)
{
    return atomic_load(&most);
}
void ps_memory_mark(void)
{
    atomic_store(&most, atomic_load(&taken));
}
void ps_memory_limit(size_t bytes)
{
    atomic_store(&limit, bytes);
}
size_t ps_memory_left(void)
{
    size_t l = atomic_load(&limit), t = atomic_load(&taken);
    return !l ? SIZE_MAX : t < l ? l - t : 0;
}

static bool book(size_t n)
{
    size_t now = atomic_fetch_add(&taken, n) + n, l = atomic_load(&limit), m = atomic_load(&most);
    if (l && now > l) {
        atomic_fetch_sub(&taken, n);
        return false;
    }
    while (now > m && !atomic_compare_exchange_weak(&most, &m, now)) continue;
    return true;
}

/* ---- blocks ---- */

static block *head(void *p)
{
    return (block *)(void *)((uint8_t *)p - PS_ALIGN);
}

/* n bytes, zeroed, behind room for a head. */
static uint8_t *take(size_t n, size_t all, block *b)
{
    if (n < map_from) {
        b->base = calloc(1, all);
        return b->base ? (uint8_t *)ps_round_up((size_t)b->base + PS_ALIGN, PS_ALIGN) : NULL;
    }
    b->base = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (b->base == MAP_FAILED) return NULL;
    b->mapped = all;
    return (uint8_t *)b->base + (n < page_from ? PS_ALIGN : page_size());
}

void *ps_alloc_sparse(size_t n, size_t counts)
{
    size_t all = ps_alloc_size(n);
    block b = {.size = n, .counts = counts};
    if (all == SIZE_MAX || !may_take() || !book(counts)) return NULL;
    uint8_t *p = take(n, all, &b);
    if (!p) {
        atomic_fetch_sub(&taken, counts);
        return NULL;
    }
    if (!b.mapped) HIDE(p + n, (size_t)((uint8_t *)b.base + all - (p + n)));
    *head(p) = b;
    return p;
}

void *ps_alloc(size_t n)
{
    return ps_alloc_sparse(n, ps_alloc_size(n));
}

size_t ps_block_size(const void *p)
{
    return p ? ((const block *)(const void *)((const uint8_t *)p - PS_ALIGN))->counts : 0;
}

void ps_block_leaves(void *p)
{
    if (!p) return;
    atomic_fetch_sub(&taken, head(p)->counts);
    head(p)->counts = 0;
}

void *ps_alloc_array(size_t a, size_t b)
{
    size_t n;
    return ps_size_mul(&n, a, b) ? ps_alloc(n) : NULL;
}

void *ps_realloc(void *p, size_t n)
{
    if (p && n <= head(p)->size) {
        memset((uint8_t *)p + n, 0, head(p)->size - n);
        return p;
    }
    void *q = ps_alloc(n);
    if (q && p) memcpy(q, p, head(p)->size), ps_free(p);
    return q;
}

void ps_free(void *p)
{
    if (!p) return;
    block b = *head(p);
    SHOW(b.base, b.mapped ? 0 : b.size + 2 * PS_ALIGN);
    atomic_fetch_sub(&taken, b.counts);
    if (b.mapped) munmap(b.base, b.mapped);
    else free(b.base);
}

char *ps_strdup(const char *s)
{
    size_t n = strlen(s) + 1;
    char *p = ps_alloc(n);
    return p ? memcpy(p, s, n) : NULL;
}

size_t ps_memory_span(const void *p, size_t n)
{
    size_t page = page_size();
    return n ? ps_round_up((size_t)p % page + n, page) : 0;
}

void ps_memory_release(const void *p, size_t n)
{
    size_t page = page_size();
    size_t from = ps_round_up((size_t)p, page), to = ((size_t)p + n) & ~(page - 1);
    if (to > from) madvise((void *)from, to - from, MADV_DONTNEED);
}

/* ---- growing region ---- */

typedef struct ps_heap_chunk {
    struct ps_heap_chunk *next;
    size_t cap;
    uint8_t bytes[] __attribute__((aligned(16)));
} ps_heap_chunk;

void *ps_heap_push(ps_heap *h, size_t n)
{
    enum { CHUNK = 32 * 1024 - PS_ALIGN - sizeof(ps_heap_chunk) }; /* with its heads whole pages */
    size_t need;
    if (!ps_size_add(&need, n, 15 + gap)) return NULL;
    need &= ~(size_t)15;
    if (!h->chunks || h->chunks->cap - h->used < need) {
        size_t cap = need > CHUNK / 4 ? need : CHUNK, all;
        if (!ps_size_add(&all, cap, sizeof(ps_heap_chunk))) return NULL;
        ps_heap_chunk *c = ps_alloc(all);
        if (!c) return NULL;
        c->cap = cap;
        if (need > CHUNK / 4 && h->chunks) { /* a large piece gets a chunk behind the one in use */
            c->next = h->chunks->next;
            h->chunks->next = c;
            HIDE(c->bytes + n, need - n);
            return c->bytes;
        }
        c->next = h->chunks;
        h->chunks = c;
        h->used = 0;
    }
    uint8_t *p = h->chunks->bytes + h->used;
    HIDE(p + n, need - n);
    h->used += need;
    return p;
}

char *ps_heap_string(ps_heap *h, const char *s, size_t n)
{
    char *p = n < SIZE_MAX ? ps_heap_push(h, n + 1) : NULL;
    return p && n ? memcpy(p, s, n) : p;
}

size_t ps_heap_size(const ps_heap *h)
{
    size_t n = 0;
    for (const ps_heap_chunk *c = h->chunks; c; c = c->next) n += ps_block_size(c);
    return n;
}

void ps_heap_free(ps_heap *h)
{
    for (ps_heap_chunk *c = h->chunks, *next; c; c = next) {
        next = c->next;
        ps_free(c);
    }
    h->chunks = NULL;
    h->used = 0;
}

/* ---- fixed block ---- */

void *ps_arena_push(ps_arena *a, size_t bytes)
{
    size_t at, end;
    bool fits = ps_size_add(&at, a->used, PS_ALIGN - 1) && ps_size_add(&end, at &= ~(size_t)(PS_ALIGN - 1), bytes);
    if (!a->base) {
        a->used = fits ? end : SIZE_MAX - PS_ALIGN + 1; /* more than there can be, and stays so when rounded */
        return NULL;
    }
    if (!fits) return NULL;
    if (end > a->cap) return NULL;
    a->used = end;
    return a->base + at;
}
