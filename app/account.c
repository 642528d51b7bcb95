/* app/account.c - adds up what a network, the threads and the program itself take. */
#include "app/account.h"

#include "app/cli.h"
#include "models/detector.h"
#include "nn/model.h"
#include "runtime/memory.h"
#include "runtime/process.h"
#include "runtime/threads.h"

/* Measured (tests/memory.sh holds the sum against the system's count): pages of a C library's heap, of standard output's buffer,
 * of the first stack with arguments and environment, and of thread-local variables. */
enum { LIBC_BYTES = 192 * 1024 };

/* A worker's stack as far as kernels use it, and what the C library keeps on it: PS_STACK_BYTES is for callers, who open networks
 * and read pictures. */
enum { THREAD_BYTES = PS_STACK_BYTES / 2 };

static size_t detector_size(const ps_args *a, const poise_model *m)
{
    ps_task_options wanted = {a->task, a->decoder};
    ps_task t;
    if (ps_task_resolve(m, &wanted, &t)) return 0;
    int most = a->max_det ? a->max_det : t.kind == PS_TASK_CLASSIFY ? PS_MOST_CLASSES : PS_MOST_FOUND;
    size_t n = ps_detector_size(m, &t) + ps_alloc_size((size_t)most * sizeof(poise_object));
    ps_task_free(&t);
    return n;
}

static size_t stacks(int threads)
{
    return (size_t)(threads - 1) * THREAD_BYTES;
}

void ps_account_of(const ps_args *a, const poise_model *m, ps_account *out)
{
    *out = (ps_account){.threads = stacks(m->threads), .images = ps_process_images(), .libc = LIBC_BYTES};
    poise_model_memory(m, &out->plan);
    out->detector = detector_size(a, m);
    size_t running = out->plan.peak + out->detector;
    out->total = (running > out->plan.opening ? running : out->plan.opening) + out->threads + out->images + out->libc;
}

poise_status ps_account_limit(const ps_args *a, int threads, size_t *left)
{
    size_t program = ps_process_images() + LIBC_BYTES + stacks(threads > 0 ? threads : ps_cores());
    char needs[PS_BYTES_TEXT], given[PS_BYTES_TEXT];
    *left = 0;
    if (!a->max_mem) return POISE_OK;
    PS_REQUIRE(a->max_mem > program, POISE_NO_MEMORY, "the program alone takes %s, --max-mem is %s", ps_cli_bytes(program, needs),
               ps_cli_bytes(a->max_mem, given));
    *left = a->max_mem - program;
    ps_memory_limit(*left);
    return POISE_OK;
}

poise_status ps_account_check(const ps_args *a, const poise_model *m)
{
    ps_account all;
    char needs[PS_BYTES_TEXT], given[PS_BYTES_TEXT];
    ps_account_of(a, m, &all);
    PS_REQUIRE(!a->max_mem || all.total <= a->max_mem, POISE_NO_MEMORY, "takes %s, --max-mem is %s", ps_cli_bytes(all.total, needs),
               ps_cli_bytes(a->max_mem, given));
    return POISE_OK;
}
