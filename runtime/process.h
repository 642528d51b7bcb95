/* runtime/process.h - what the process itself takes beside what ps_alloc gave out. */
#ifndef PS_RUNTIME_PROCESS_H
#define PS_RUNTIME_PROCESS_H

#include <stddef.h>

/* Bytes of the program and of the shared libraries that are loaded now, in whole pages: code and constants, which the
 * system can drop and read again, and variables.  A small program has nearly all of it in memory. */
size_t ps_process_images(void);
/* The most memory that this process has held so far, as the system counts it (resident pages); 0 where it does not tell. */
size_t ps_process_most(void);

#endif
