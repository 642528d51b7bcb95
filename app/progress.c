/* app/progress.c - the progress bar. */
#include "app/progress.h"

#include "runtime/clock.h"

#include <stdio.h>
#include <unistd.h>

enum { BAR = 24 };

ps_progress ps_progress_begin(const char *what, int total, bool quiet)
{
    return (ps_progress){what, total, !quiet && total > 0 && isatty(STDERR_FILENO), ps_clock_ms(), -1e9};
}

void ps_progress_show(ps_progress *p, int done)
{
    double now = ps_clock_ms(), spent = (now - p->start) / 1000;
    if (!p->on || (now - p->shown < 100 && done < p->total)) return;
    p->shown = now;
    double rate = spent > 0 ? done / spent : 0;
    int full = (int)((double)BAR * done / p->total), left = rate > 0 ? (int)((p->total - done) / rate + 0.5) : 0;
    char bar[BAR + 1];
    for (int i = 0; i < BAR; i++) bar[i] = i < full ? '=' : i == full ? '>' : ' ';
    bar[BAR] = 0;
    fprintf(stderr, "\r%s [%s] %d/%d  %.1f/s  %d:%02d left \x1b[K", p->what, bar, done, p->total, rate, left / 60,
            left % 60);
    fflush(stderr);
}

void ps_progress_clear(ps_progress *p)
{
    if (!p->on || p->shown < 0) return;
    fputs("\r\x1b[K", stderr);
    fflush(stderr);
    p->shown = -1e9;
}
