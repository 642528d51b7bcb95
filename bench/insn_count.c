/* bench/insn_count.c - a plugin of qemu's user-mode emulation: how often each block of a guest program runs.
 *
 *   qemu-aarch64 -plugin insn_count.so,begin=FUNCTION,end=FUNCTION program ...
 *
 * Between an entry into `begin` and the next one into `end` (which may be the same function) lies a window.  When it closes,
 * lines go to stdout behind what the guest wrote:
 *   window N BEGIN        its number, and where `begin` lies in the guest's memory
 *   block ADDRESS N HITS  N instructions from ADDRESS on ran HITS times; one line for each block
 * bench/guest.py makes instructions, functions and loops of them.  Blocks are counted without locks: one guest thread.
 * Debian has the plugin interface in qemu-aarch64 and qemu-arm, not in their -static twins, and no header for it: what is
 * declared here is version 1 of it, that of qemu 4.2 to 8. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

typedef struct qemu_plugin_tb qemu_plugin_tb;
typedef struct qemu_plugin_insn qemu_plugin_insn;
enum { INLINE_ADD_U64 = 0, NO_REGISTERS = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, void (*on_block)(uint64_t id, qemu_plugin_tb *block));
void qemu_plugin_register_vcpu_tb_exec_inline(qemu_plugin_tb *block, int op, void *counter, uint64_t by);
void qemu_plugin_register_vcpu_insn_exec_cb(qemu_plugin_insn *i, void (*on_run)(unsigned cpu, void *data), int flags,
                                            void *data);
size_t qemu_plugin_tb_n_insns(const qemu_plugin_tb *block);
qemu_plugin_insn *qemu_plugin_tb_get_insn(const qemu_plugin_tb *block, size_t i);
uint64_t qemu_plugin_tb_vaddr(const qemu_plugin_tb *block);
const char *qemu_plugin_insn_symbol(const qemu_plugin_insn *i);

EXPORT extern int qemu_plugin_version;
EXPORT int qemu_plugin_version = 1;
EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv);

typedef struct block {
    uint64_t at, n, hits, before; /* before: hits when the window opened */
    struct block *next;
} block;

static block *blocks;
static char begin[128], end[128];
static uint64_t entry_begin, entry_end; /* where the first block of each was seen: a function is first run from its start */
static bool open;
static unsigned windows;

static void close_window(void)
{
    printf("window %u %" PRIx64 "\n", ++windows, entry_begin);
    for (const block *b = blocks; b; b = b->next)
        if (b->hits != b->before) printf("block %" PRIx64 " %" PRIu64 " %" PRIu64 "\n", b->at, b->n, b->hits - b->before);
    fflush(stdout);
    open = false;
}

static void on_end(unsigned cpu, void *data)
{
    (void)cpu, (void)data;
    if (open) close_window();
}

static void on_begin(unsigned cpu, void *data)
{
    (void)cpu, (void)data;
    for (block *b = blocks; b; b = b->next) b->before = b->hits;
    open = true;
}

static void on_block(uint64_t id, qemu_plugin_tb *tb)
{
    (void)id;
    uint64_t at = qemu_plugin_tb_vaddr(tb), n = qemu_plugin_tb_n_insns(tb);
    block *b = calloc(1, sizeof *b); /* translated twice it has two of them, which nobody minds */
    if (!b) exit(2);
    *b = (block){.at = at, .n = n, .next = blocks};
    blocks = b;
    qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD_U64, &b->hits, 1);
    qemu_plugin_insn *first = qemu_plugin_tb_get_insn(tb, 0);
    const char *name = qemu_plugin_insn_symbol(first);
    if (!name) return;
    if (!entry_end && !strcmp(name, end)) entry_end = at;
    if (!entry_begin && !strcmp(name, begin)) entry_begin = at;
    /* In this order: one function may end a window and begin the next. */
    if (at == entry_end) qemu_plugin_register_vcpu_insn_exec_cb(first, on_end, NO_REGISTERS, NULL);
    if (at == entry_begin) qemu_plugin_register_vcpu_insn_exec_cb(first, on_begin, NO_REGISTERS, NULL);
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (!strncmp(argv[i], "begin=", 6))
            snprintf(begin, sizeof begin, "%s", argv[i] + 6);
        else if (!strncmp(argv[i], "end=", 4))
            snprintf(end, sizeof end, "%s", argv[i] + 4);
    }
    if (!*begin || !*end) {
        fprintf(stderr, "insn_count: needs begin=FUNCTION,end=FUNCTION\n");
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_block);
    return 0;
}
