/* tests/check_perf.c - the processor's own counters around a benchmark, where the system lets us read them. */
#define _DEFAULT_SOURCE /* syscall */
#include "tests/check.h"

#include <stdio.h>
#include <string.h>

#if defined(__linux__) && __has_include(<linux/perf_event.h>) /* musl's toolchains may lack the kernel's headers */
#include <errno.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CYCLES, INSTRUCTIONS, L1_MISSES, COUNTERS };
static const struct {
    uint32_t type;
    uint64_t config;
} wanted[COUNTERS] = {
    {PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES},
    {PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS},
    {PERF_TYPE_HW_CACHE, PERF_COUNT_HW_CACHE_L1D | PERF_COUNT_HW_CACHE_OP_READ << 8 | PERF_COUNT_HW_CACHE_RESULT_MISS << 16},
};
static int fd[COUNTERS] = {-1, -1, -1};

void check_perf_open(void)
{
    for (int i = 0; i < COUNTERS; i++) {
        struct perf_event_attr a = {.type = wanted[i].type, .size = sizeof a, .config = wanted[i].config, .disabled = 1};
        a.exclude_kernel = 1;
        a.exclude_hv = 1;
        fd[i] = (int)syscall(SYS_perf_event_open, &a, 0, -1, -1, 0);
        if (fd[i] >= 0 || i == L1_MISSES) continue; /* some have no counter of misses */
        printf("counters: not available here (%s)\n", strerror(errno));
        return;
    }
    puts("counters: cycles, instructions and L1 misses of each benchmark, in user space");
}

void check_perf_begin(void)
{
    for (int i = 0; i < COUNTERS; i++)
        if (fd[i] >= 0) ioctl(fd[i], PERF_EVENT_IOC_RESET, 0), ioctl(fd[i], PERF_EVENT_IOC_ENABLE, 0);
}

void check_perf_end(check_counts *c)
{
    uint64_t n[COUNTERS] = {0};
    for (int i = 0; i < COUNTERS; i++) {
        if (fd[i] < 0) continue;
        ioctl(fd[i], PERF_EVENT_IOC_DISABLE, 0);
        if (read(fd[i], &n[i], sizeof n[i]) != sizeof n[i]) n[i] = 0;
    }
    *c = (check_counts){.cycles = (double)n[CYCLES], .instructions = (double)n[INSTRUCTIONS]};
    c->l1_misses = fd[L1_MISSES] < 0 ? -1 : (double)n[L1_MISSES];
}

#else

void check_perf_open(void)
{
    puts("counters: not available here (Linux only)");
}
void check_perf_begin(void)
{
}
void check_perf_end(check_counts *c)
{
    *c = (check_counts){0};
}

#endif
