/* app/peak.h - what this machine can do at most: multiply-adds in registers, reading from each level of memory.
 * Measured on the spot, for rooflines (poise bench --layers) and kernel benchmarks (make bench-kernels). */
#ifndef PS_APP_PEAK_H
#define PS_APP_PEAK_H

#include "poise.h"

enum { PS_PEAK_LEVELS = 5 };

typedef struct ps_peak_level {
    char name[8];      /* "L1", "L2", "L3", "DRAM" */
    size_t bytes;      /* what it holds for one core; SIZE_MAX for DRAM */
    double gb_s;       /* 10^9 bytes read in a second by all threads together */
} ps_peak_level;

typedef struct ps_peaks {
    double gflops;      /* of floats, 0 = not known for this ISA */
    double gflops_half; /* of products of bf16 or f16, 0 = this ISA has none */
    double gops_u8;     /* of products of bytes with sums in 32 bits, 0 = not known for this ISA */
    int n_levels;
    ps_peak_level level[PS_PEAK_LEVELS]; /* nearest first */
} ps_peaks;

/* GFLOP/s of nothing but multiply-adds in registers, on `threads` cores, as an ISA of ops/ does them; 0 where it is not
 * known.  Takes about 10 ms.  The ISA must be one of this processor. */
double ps_peak_flops(const char *isa, int threads);
/* The same for products of bytes. */
double ps_peak_u8(const char *isa, int threads);

/* 10^9 bytes a second that one core reads again and again from so few bytes (at least 1 kB, else it is 1 kB) with the
 * loads of an ISA; 0 when there is no memory for it. */
double ps_peak_read(const char *isa, size_t bytes);
/* All kinds of peaks; isa_half and isa_u8 may be NULL.  Takes some tenths of a second and, for a moment, memory of three times
 * the last cache. */
poise_status ps_peaks_measure(const char *isa, const char *isa_half, const char *isa_u8, int threads, ps_peaks *p);

/* The bandwidth that a step which moves so many bytes may hope for: that of the smallest level that holds them. */
double ps_peaks_gb_s(const ps_peaks *p, double bytes);

#endif
