/* runtime/status.c - the error text of each thread. */
#include "runtime/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Long enough for a file name, a node name and two shapes; the list of unsupported nodes is longer
 * than any other text and needs most of it. */
enum { TEXT_SIZE = 4096 };

static _Thread_local char text[TEXT_SIZE];

const char *poise_error_text(void)
{
    return text;
}

const char *poise_version(void)
{
    return POISE_VERSION;
}

poise_status ps_fail(poise_status code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return code;
}

poise_status ps_fail_in(poise_status code, const char *fmt, ...)
{
    char prefix[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(prefix, sizeof prefix, fmt, ap);
    va_end(ap);
    size_t p = strlen(prefix), room = sizeof text - p - 3, n = strlen(text);
    if (n > room) n = room;
    memmove(text + p + 2, text, n);
    memcpy(text, prefix, p);
    memcpy(text + p, ": ", 2);
    text[p + 2 + n] = 0;
    return code;
}
