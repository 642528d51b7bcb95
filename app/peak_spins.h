/* app/peak_spins.h - bursts of multiply-adds that touch no memory, to measure what arithmetic can do at most. */
#ifndef PS_APP_PEAK_SPINS_H
#define PS_APP_PEAK_SPINS_H

typedef void ps_spin_fn(float *out); /* writes at most 16 */

typedef struct ps_spin {
    const char *isa;
    ps_spin_fn *spin; /* NULL: this compiler does not know the instructions */
    double macs; /* of one call */
    int reps;    /* 1 or 2 ms: an interrupt spoils few of the tries */
} ps_spin;

/* Products of floats (or of 16-bit ones, for an ISA of those), and of bytes; both end with isa == NULL.  To be called only
 * where the processor has the ISA. */
extern const ps_spin ps_spins[], ps_spins_u8[];

#endif
