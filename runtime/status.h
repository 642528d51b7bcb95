/* runtime/status.h - how failures travel: a code up the stack, one line of text at the place it broke. */
#ifndef PS_RUNTIME_STATUS_H
#define PS_RUNTIME_STATUS_H

#include "poise.h"

/* Sets this thread's error text and returns `code`.  The deepest function that knows calls it, once. */
poise_status ps_fail(poise_status code, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));

/* Puts "<prefix>: " before the text that is already set, and returns `code`. */
poise_status ps_fail_in(poise_status code, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));

/* Return the callee's failure, whose text is already set. */
#define PS_TRY(call)                             \
    do {                                         \
        poise_status ps_try_ = (call);           \
        if (ps_try_ != POISE_OK) return ps_try_; \
    } while (0)

/* A rule that input must obey.  assert() is for our own mistakes, PS_REQUIRE for theirs. */
#define PS_REQUIRE(cond, code, ...)                     \
    do {                                                \
        if (!(cond)) return ps_fail(code, __VA_ARGS__); \
    } while (0)

#endif
