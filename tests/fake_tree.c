/* tests/fake_tree.c - writes and removes folders that stand for "/". */
#define _XOPEN_SOURCE 700 /* nftw */
#include "fake_tree.h"

#include "runtime/file.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

void fake_tree_begin(fake_tree *t)
{
    strcpy(t->root, "/tmp/poise-tree-XXXXXX");
    assert_non_null(mkdtemp(t->root));
}

static int drop(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    return remove(path);
}

void fake_tree_end(fake_tree *t)
{
    assert_int_equal(nftw(t->root, drop, 8, FTW_DEPTH | FTW_PHYS), 0);
}

void fake_tree_file(const fake_tree *t, const char *path, const char *fmt, ...)
{
    char whole[256], text[4096];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    snprintf(whole, sizeof whole, "%s%s", t->root, path);
    char *slash = strrchr(whole, '/');
    *slash = 0;
    assert_int_equal(ps_file_make_directory(whole), POISE_OK);
    *slash = '/';
    assert_int_equal(ps_file_write(whole, text, (size_t)n), POISE_OK);
}

void fake_tree_core(const fake_tree *t, int cpu, int capacity, int khz, unsigned part)
{
    char path[128], *end = path + snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/", cpu);
    size_t left = sizeof path - (size_t)(end - path);
    snprintf(end, left, "cpu_capacity");
    if (capacity) fake_tree_file(t, path, "%d\n", capacity);
    snprintf(end, left, "cpufreq/cpuinfo_max_freq");
    if (khz) fake_tree_file(t, path, "%d\n", khz);
    snprintf(end, left, "regs/identification/midr_el1");
    if (part) fake_tree_file(t, path, "0x00000000%08x\n", 0x410f0004 | part << 4);
}
