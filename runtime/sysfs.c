/* runtime/sysfs.c - reads small files of the system; the only file that knows how far their contents are believed. */
#include "runtime/sysfs.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH = 1280, FIELDS_BYTES = 256 * 1024 };

static int open_file(const char *path)
{
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO is not waited for */
}

/* Root and path in one; false when they are too long. */
static bool join(char path[PATH], const char *root, const char *fmt, va_list args)
{
    int n = snprintf(path, PATH, "%s", root);
    if (n < 0 || n >= PATH) return false;
    int m = vsnprintf(path + n, (size_t)(PATH - n), fmt, args);
    return m >= 0 && m < PATH - n;
}

/* Ends the text at its first line's end; control characters and what is not ASCII could do things to a terminal. */
static void clean(char *text)
{
    text[strcspn(text, "\n")] = 0;
    for (char *c = text; *c; c++)
        if (*c < ' ' || *c > '~') *c = '?';
}

static bool first_line(const char *path, char *buf, size_t size)
{
    int fd = open_file(path);
    if (fd < 0) return false;
    ssize_t n = read(fd, buf, size - 1);
    close(fd);
    buf[n > 0 ? n : 0] = 0;
    clean(buf);
    return *buf != 0;
}

bool ps_sysfs_line(char *buf, size_t size, const char *root, const char *fmt, ...)
{
    char path[PATH];
    va_list args;
    va_start(args, fmt);
    bool ok = join(path, root, fmt, args);
    va_end(args);
    *buf = 0;
    return ok && first_line(path, buf, size);
}

bool ps_sysfs_number(long *out, long min, long max, const char *root, const char *fmt, ...)
{
    char path[PATH], text[32], *end;
    va_list args;
    va_start(args, fmt);
    bool ok = join(path, root, fmt, args);
    va_end(args);
    if (!ok || !first_line(path, text, sizeof text)) return false;
    errno = 0;
    long v = strtol(text, &end, 10);
    if (end == text || errno || v < min || v > max) return false;
    *out = v;
    return true;
}

/* The next "key : value" line; the value begins behind blanks. */
static char *next_field(FILE *f, const char *key, char *line, int size)
{
    while (ftell(f) < FIELDS_BYTES && fgets(line, size, f)) {
        char *colon = strchr(line, ':');
        if (!colon || strncmp(line, key, strlen(key))) continue;
        do colon++;
        while (*colon == ' ' || *colon == '\t');
        return colon;
    }
    return NULL;
}

bool ps_sysfs_field(char *buf, size_t size, const char *root, const char *path, const char *key, int nth)
{
    char whole[PATH], line[1024], *value = NULL;
    *buf = 0;
    int n = snprintf(whole, sizeof whole, "%s%s", root, path);
    int fd = n > 0 && n < PATH ? open_file(whole) : -1;
    FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;
    if (!f) {
        if (fd >= 0) close(fd);
        return false;
    }
    do value = next_field(f, key, line, sizeof line);
    while (value && nth-- > 0);
    if (value) {
        clean(value);
        snprintf(buf, size, "%s", value);
    }
    fclose(f);
    return *buf != 0;
}

static const char *cpu_number(const char *s, unsigned *out)
{
    if (!isdigit((unsigned char)*s)) return NULL;
    for (*out = 0; isdigit((unsigned char)*s); s++)
        if (*out < PS_MAX_CPUS) *out = *out * 10 + (unsigned)(*s - '0');
    return s;
}

bool ps_cpu_list(const char *text, uint64_t *out, bool *beyond)
{
    unsigned from, to;
    *beyond = false;
    for (*out = 0;; text++) {
        text = cpu_number(text, &from);
        to = from;
        if (text && *text == '-') text = cpu_number(text + 1, &to);
        if (!text || to < from) return false;
        for (unsigned i = from; i <= to && i < PS_MAX_CPUS; i++) *out |= (uint64_t)1 << i;
        *beyond = *beyond || to >= PS_MAX_CPUS;
        if (!*text) return true;
        if (*text != ',') return false;
    }
}

const char *ps_cpu_list_text(uint64_t cpus, char buf[PS_CPU_LIST_TEXT])
{
    int n = 0;
    *buf = 0;
    for (int i = 0; i < PS_MAX_CPUS; i++) {
        if (!(cpus >> i & 1)) continue;
        int last = i;
        while (last + 1 < PS_MAX_CPUS && cpus >> (last + 1) & 1) last++;
        n += snprintf(buf + n, (size_t)(PS_CPU_LIST_TEXT - n), "%s%d", n ? "," : "", i);
        if (last > i) n += snprintf(buf + n, (size_t)(PS_CPU_LIST_TEXT - n), "-%d", last);
        i = last;
    }
    return buf;
}
