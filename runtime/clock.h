/* runtime/clock.h - wall time. */
#ifndef PS_RUNTIME_CLOCK_H
#define PS_RUNTIME_CLOCK_H

/* Milliseconds since some fixed moment; never goes back. */
double ps_clock_ms(void);

#endif
