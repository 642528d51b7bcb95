/* app/account.h - all memory that the command takes for a network: the number of poise info and of --max-mem. */
#ifndef PS_APP_ACCOUNT_H
#define PS_APP_ACCOUNT_H

#include "app/args.h"
#include "poise.h"

/* Room for objects that predict finds, without --max-det. */
enum { PS_MOST_FOUND = 300, PS_MOST_CLASSES = 5 };

typedef struct ps_account {
    poise_memory plan; /* the network and one session */
    size_t detector;   /* reading its answers: candidates, outputs as floats, objects; 0 = they mean nothing to us */
    size_t threads;    /* stacks of all but the first */
    size_t images;     /* the program and its shared libraries; those parts that are never called are not read */
    size_t libc;       /* what the C library has for itself: its heap, buffers, the first stack */
    size_t total;      /* the most resident memory, pictures apart: the larger of running and opening, and the program */
} ps_account;

/* What an opened model takes with the options of the command line. */
void ps_account_of(const ps_args *a, const poise_model *m, ps_account *out);

/* Before anything is opened, with --max-mem: gives what it leaves beside the program with so many threads (0 = all cores'; 0
 * comes out where no limit was given), and lets nothing more be given out.  POISE_NO_MEMORY where the program alone is more. */
poise_status ps_account_limit(const ps_args *a, int threads, size_t *left);
/* Afterwards: whether all of it is within --max-mem. */
poise_status ps_account_check(const ps_args *a, const poise_model *m);

#endif
