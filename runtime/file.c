/* runtime/file.c - maps files and writes them atomically. */
#include "runtime/file.h"

#include "runtime/status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *builtin_name;
static ps_file builtin;

void ps_file_builtin(const char *name, const void *bytes, size_t size)
{
    builtin_name = name;
    builtin = (ps_file){bytes, size};
}

poise_status ps_file_map(const char *path, ps_file *out)
{
    static const uint8_t empty[64];
    if (builtin_name && !strcmp(path, builtin_name)) {
        *out = builtin;
        return POISE_OK;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO is refused, not waited for */
    PS_REQUIRE(fd >= 0, POISE_IO, "%s: %s", path, strerror(errno));
    struct stat st;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
        close(fd);
        return ps_fail(POISE_IO, "%s: not a regular file", path);
    }
    size_t size = (size_t)st.st_size;
    void *p = size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    int why = errno;
    close(fd);
    PS_REQUIRE(p != MAP_FAILED, POISE_IO, "%s: cannot map %zu bytes: %s", path, size, strerror(why));
    *out = (ps_file){size ? p : empty, size};
    return POISE_OK;
}

void ps_file_unmap(ps_file *f)
{
    if (f->size && f->bytes != builtin.bytes) munmap((void *)(uintptr_t)f->bytes, f->size);
    *f = (ps_file){0};
}

static bool write_all(int fd, const uint8_t *p, size_t n)
{
    while (n) {
        ssize_t w = write(fd, p, n);
        if (w < 0 && errno == EINTR) continue;
        if (w <= 0) return false;
        p += w, n -= (size_t)w;
    }
    return true;
}

poise_status ps_file_write(const char *path, const void *bytes, size_t size)
{
    char tmp[4096];
    int n = snprintf(tmp, sizeof tmp, "%s.tmp.%ld", path, (long)getpid());
    PS_REQUIRE(n > 0 && (size_t)n < sizeof tmp, POISE_IO, "%s: the path is too long", path);
    int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    PS_REQUIRE(fd >= 0, POISE_IO, "%s: cannot write: %s", path, strerror(errno));
    bool ok = write_all(fd, bytes, size);
    int why = errno;
    if (close(fd)) ok = false, why = errno;
    if (ok && rename(tmp, path)) ok = false, why = errno;
    if (!ok) {
        unlink(tmp);
        return ps_fail(POISE_IO, "%s: cannot write %zu bytes: %s", path, size, strerror(why));
    }
    return POISE_OK;
}

poise_status ps_file_make_directory(const char *path)
{
    char part[4096];
    size_t n = strlen(path);
    PS_REQUIRE(n < sizeof part, POISE_IO, "the path of a directory is too long (%zu characters)", n);
    for (size_t i = 1; i <= n; i++) {
        if (path[i] != '/' && path[i]) continue;
        memcpy(part, path, i);
        part[i] = 0;
        if (mkdir(part, 0777) && errno != EEXIST)
            return ps_fail(POISE_IO, "%s: cannot create the directory: %s", part, strerror(errno));
    }
    struct stat st;
    PS_REQUIRE(!stat(path, &st) && S_ISDIR(st.st_mode), POISE_IO, "%s: not a directory", path);
    return POISE_OK;
}
