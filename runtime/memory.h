/* runtime/memory.h - every byte Poise takes from the system: blocks, arenas, checked size arithmetic. */
#ifndef PS_RUNTIME_MEMORY_H
#define PS_RUNTIME_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PS_ALIGN = 64 }; /* one cache line, one AVX-512 register */

/* Checked size arithmetic: the only way to combine sizes that come from a file.  False on overflow. */
static inline bool ps_size_mul(size_t *out, size_t a, size_t b)
{
    return !__builtin_mul_overflow(a, b, out);
}
static inline bool ps_size_add(size_t *out, size_t a, size_t b)
{
    return !__builtin_add_overflow(a, b, out);
}

/* a*b, SIZE_MAX on overflow: a size no allocation can meet, so that whoever asks for it is refused. */
static inline size_t ps_size_cap(size_t a, size_t b)
{
    size_t n;
    return ps_size_mul(&n, a, b) ? n : SIZE_MAX;
}

/* n rounded up to a multiple of `align` (a power of two). */
static inline size_t ps_round_up(size_t n, size_t align)
{
    return (n + align - 1) & ~(align - 1);
}

/* A zeroed block of n bytes, aligned to PS_ALIGN (page-aligned when large).  NULL when there is none, or
 * when the allocation limit of a test was reached; n == 0 gives a valid block. */
void *ps_alloc(size_t n);
/* The same for a large block of which most is never touched: it counts for so many bytes in the account below. */
void *ps_alloc_sparse(size_t n, size_t counts);
/* Like ps_alloc(a*b), NULL on overflow. */
void *ps_alloc_array(size_t a, size_t b);
/* Grows a block from ps_alloc to n bytes; new bytes are zero.  NULL leaves the old block as it was. */
void *ps_realloc(void *p, size_t n);
/* Releases a block from ps_alloc.  NULL is fine. */
void ps_free(void *p);
char *ps_strdup(const char *s);

/* Gives whole pages inside [p, p+n) back to the system: their contents are lost (anonymous memory) or
 * read again from the file (mappings).  For weights that live on in a packed copy. */
void ps_memory_release(const void *p, size_t n);
/* Bytes of all pages that [p, p+n) touches. */
size_t ps_memory_span(const void *p, size_t n);

/* The account: what ps_alloc takes from the system for a block of n bytes (with its head; SIZE_MAX when there cannot be
 * one), took for the block p (NULL: 0), has taken for all blocks that live now, and the most at a time since ps_memory_mark. */
size_t ps_alloc_size(size_t n);
size_t ps_block_size(const void *p);
size_t ps_memory_taken(void);
size_t ps_memory_most(void);
void ps_memory_mark(void);
/* The block p, whose pages are given back piece by piece (ps_memory_release), does not count any more. */
void ps_block_leaves(void *p);
/* From now on ps_alloc gives NULL rather than to have more than so many bytes taken; 0 = no limit.  And how many are left. */
void ps_memory_limit(size_t bytes);
size_t ps_memory_left(void);

/* Test hooks: how many blocks were taken so far; let only the next `n` allocations succeed (-1 = all). */
size_t ps_alloc_count(void);
void ps_alloc_limit(long n);

/* A growing region: many small pieces, released together.  For graphs while they are built. */
typedef struct ps_heap {
    struct ps_heap_chunk *chunks;
    size_t used; /* in the newest chunk */
} ps_heap;

/* n zeroed bytes, aligned to 16, that live until ps_heap_free; NULL when there is no memory. */
void *ps_heap_push(ps_heap *h, size_t n);
char *ps_heap_string(ps_heap *h, const char *s, size_t n);
size_t ps_heap_size(const ps_heap *h); /* in the account */
void ps_heap_free(ps_heap *h);

/* A fixed block handed out front to back.  `base` NULL only measures: cap is ignored, `used` grows. */
typedef struct ps_arena {
    uint8_t *base;
    size_t cap, used;
} ps_arena;

/* `bytes` at a multiple of PS_ALIGN; NULL when full (or when measuring). */
void *ps_arena_push(ps_arena *a, size_t bytes);

#endif
