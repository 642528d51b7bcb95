/* runtime/process.c - how large the program itself is, and how much memory the system says it has. */
#define _GNU_SOURCE /* dl_iterate_phdr */
#include "runtime/process.h"

#include "runtime/memory.h"

#include <link.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static int add_image(struct dl_phdr_info *info, size_t size, void *ctx)
{
    size_t *sum = ctx, page = (size_t)sysconf(_SC_PAGESIZE);
    (void)size;
    for (int i = 0; i < (int)info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type != PT_LOAD) continue;
        size_t from = (size_t)info->dlpi_phdr[i].p_vaddr & ~(page - 1);
        size_t to = (size_t)info->dlpi_phdr[i].p_vaddr + (size_t)info->dlpi_phdr[i].p_memsz;
        *sum += ps_round_up(to, page) - from;
    }
    return 0;
}

size_t ps_process_images(void)
{
    size_t sum = 0;
    dl_iterate_phdr(add_image, &sum);
    return sum;
}

size_t ps_process_most(void)
{
    char line[128];
    size_t kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmHWM: %zu kB", &kb) == 1) break;
    if (f) fclose(f);
    struct rusage u; /* the second choice: it also counts what forked this process, before it became ours */
    if (!kb && !getrusage(RUSAGE_SELF, &u)) kb = (size_t)u.ru_maxrss;
    return kb * 1024;
}
