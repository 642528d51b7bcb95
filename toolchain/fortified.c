/* toolchain/fortified.c - what glibc's headers turn some calls into under _FORTIFY_SOURCE, for programs with musl that link
 * archives compiled against glibc (toolchain/sysroot.sh).  Sizes are checked as there: too much data ends the program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int __vsnprintf_chk(char *to, size_t n, int flag, size_t room, const char *fmt, va_list args)
{
    (void)flag;
    if (n > room) abort();
    return vsnprintf(to, n, fmt, args);
}

int __snprintf_chk(char *to, size_t n, int flag, size_t room, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int written = __vsnprintf_chk(to, n, flag, room, fmt, args);
    va_end(args);
    return written;
}

int __vfprintf_chk(FILE *f, int flag, const char *fmt, va_list args)
{
    (void)flag;
    return vfprintf(f, fmt, args);
}

int __fprintf_chk(FILE *f, int flag, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int written = __vfprintf_chk(f, flag, fmt, args);
    va_end(args);
    return written;
}

int __printf_chk(int flag, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int written = __vfprintf_chk(stdout, flag, fmt, args);
    va_end(args);
    return written;
}

void *__memcpy_chk(void *to, const void *from, size_t n, size_t room)
{
    if (n > room) abort();
    return memcpy(to, from, n);
}

void *__memmove_chk(void *to, const void *from, size_t n, size_t room)
{
    if (n > room) abort();
    return memmove(to, from, n);
}

void *__memset_chk(void *to, int byte, size_t n, size_t room)
{
    if (n > room) abort();
    return memset(to, byte, n);
}

char *__strcpy_chk(char *to, const char *from, size_t room)
{
    if (strlen(from) >= room) abort();
    return strcpy(to, from);
}

char *__strncpy_chk(char *to, const char *from, size_t n, size_t room)
{
    if (n > room) abort();
    return strncpy(to, from, n);
}

size_t __fread_chk(void *to, size_t room, size_t size, size_t n, FILE *f)
{
    if (size && n > room / size) abort();
    return fread(to, size, n, f);
}

_Noreturn void __longjmp_chk(jmp_buf where, int value)
{
    longjmp(where, value);
}
