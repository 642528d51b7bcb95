/* tests/peak_rss.c - runs a command and says how much memory it had at most: peak_rss OUT COMMAND...
 *
 * Writes one line into OUT: resident kB at most, of it anonymous kB (heaps, stacks, variables) and kB of files (code, mapped
 * networks), each at its own peak.  The numbers are sampled from /proc/PID/smaps, the first is also what the system counted.
 *
 * With RSS_FROM and RSS_TO (hexadecimal) only mappings in that range of addresses count: under user-mode emulation, where the
 * emulator is given the guest's addresses (qemu -B), they are the guest's own. */
#define _DEFAULT_SOURCE /* wait4 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct rss {
    unsigned long all, anonymous, files; /* kB */
} rss;

static unsigned long long bound(const char *name, unsigned long long otherwise)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 16) : otherwise;
}

/* Memory of a process now; zeros when it is gone. */
static rss look(pid_t pid, unsigned long long from, unsigned long long to)
{
    char path[64], line[512];
    unsigned long long begin, end;
    unsigned long kb;
    rss now = {0}, part = {0};
    int counts = 0;
    snprintf(path, sizeof path, "/proc/%ld/smaps", (long)pid);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) {
        if (sscanf(line, "%llx-%llx ", &begin, &end) == 2) counts = begin >= from && end <= to;
        else if (!counts) continue;
        else if (sscanf(line, "Rss: %lu", &kb) == 1) part.all = kb;
        else if (sscanf(line, "Anonymous: %lu", &kb) == 1) {
            now.all += part.all;
            now.anonymous += kb;
            now.files += part.all - kb;
        }
    }
    if (f) fclose(f);
    return now;
}

static void keep_most(rss *most, const rss *now)
{
    if (now->all > most->all) most->all = now->all;
    if (now->anonymous > most->anonymous) most->anonymous = now->anonymous;
    if (now->files > most->files) most->files = now->files;
}

int main(int argc, char **argv)
{
    unsigned long long from = bound("RSS_FROM", 0), to = bound("RSS_TO", ~0ull);
    struct rusage used;
    rss most = {0};
    int status = 0;
    if (argc < 3) {
        fprintf(stderr, "peak_rss OUT COMMAND...\n");
        return 2;
    }
    pid_t pid = fork();
    if (pid < 0) return 2;
    if (!pid) {
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    while (wait4(pid, &status, WNOHANG, &used) == 0) {
        rss now = look(pid, from, to);
        keep_most(&most, &now);
        nanosleep(&(struct timespec){.tv_nsec = 3000000}, NULL);
    }
    if (to == ~0ull && (unsigned long)used.ru_maxrss > most.all) most.all = (unsigned long)used.ru_maxrss;
    FILE *out = fopen(argv[1], "w");
    if (!out) return 2;
    fprintf(out, "%lu %lu %lu\n", most.all, most.anonymous, most.files);
    fclose(out);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
