/* tests/fuzz/driver.c - runs a fuzz target without a fuzzing engine: replays files, and with -m N also N damaged
 * versions of each (bit flips, cut ends, repeated and swapped pieces; the same ones every time). */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t seed = 1;

static size_t pick(size_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return n ? (seed >> 7) % n : 0;
}

static size_t damage(uint8_t *p, size_t n, size_t cap)
{
    switch (pick(6)) {
    case 0: p[pick(n)] ^= (uint8_t)(1u << pick(8)); break;
    case 1: p[pick(n)] = (uint8_t)pick(256); break;
    case 2: return 1 + pick(n); /* cut */
    case 3: memset(p + pick(n), pick(2) ? 0xff : 0, 1); break;
    case 4: { /* a piece moves */
        size_t len = 1 + pick(n < 32 ? n : 32), from = pick(n - len + 1), to = pick(n - len + 1);
        memmove(p + to, p + from, len);
        break;
    }
    default: { /* a piece repeats */
        size_t len = 1 + pick(n < 64 ? n : 64), from = pick(n - len + 1);
        if (n + len > cap) break;
        memmove(p + from + len, p + from, n - from);
        return n + len;
    }
    }
    return n;
}

static int replay(const char *path, long mutations)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        fprintf(stderr, "%s: cannot be read\n", path);
        return 1;
    }
    size_t cap = 1 << 22, n;
    uint8_t *whole = malloc(cap), *p = malloc(cap);
    if (!whole || !p) exit(2);
    n = fread(whole, 1, cap, f);
    fclose(f);
    memcpy(p, whole, n);
    LLVMFuzzerTestOneInput(p, n);
    for (long i = 0; i < mutations && n; i++) {
        size_t m = n;
        memcpy(p, whole, n);
        for (size_t k = 0; k <= pick(4) && m; k++) m = damage(p, m, cap);
        LLVMFuzzerTestOneInput(p, m);
    }
    free(whole);
    free(p);
    return 0;
}

int main(int argc, char **argv)
{
    long mutations = 0;
    int bad = 0, files = 0;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "-m") && i + 1 < argc) mutations = strtol(argv[++i], NULL, 10);
        else bad |= replay(argv[i], mutations), files++;
    }
    printf("%s: %d files, %ld damaged versions of each\n", argv[0], files, mutations);
    return bad;
}
