/* runtime/sysfs.h - small files of the system: one value or line each, never more than asked for, absent ones are silent. */
#ifndef PS_RUNTIME_SYSFS_H
#define PS_RUNTIME_SYSFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* CPUs by number: bit i is CPU i.  Those from 64 on are left to the scheduler. */
enum { PS_MAX_CPUS = 64 };

/* The first line of the file named by root and fmt, without its end and with '?' for what is not printable ASCII, cut to
 * size - 1 characters.  `root` is "" or a folder that stands for "/".  False: no such file, not readable, or empty. */
bool ps_sysfs_line(char *buf, size_t size, const char *root, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* The number that its first line begins with; false also when it lies outside min..max. */
bool ps_sysfs_number(long *out, long min, long max, const char *root, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* The value behind "key : value" in line `nth` (from 0) of those that begin with key, in the first 256 kB of a file. */
bool ps_sysfs_field(char *buf, size_t size, const char *root, const char *path, const char *key, int nth);

/* "0-3,6" as CPUs; false when it is no such list.  Those from PS_MAX_CPUS on are left out, and *beyond says so. */
bool ps_cpu_list(const char *text, uint64_t *out, bool *beyond);
/* The same list of CPUs into buf. */
enum { PS_CPU_LIST_TEXT = 192 };
const char *ps_cpu_list_text(uint64_t cpus, char buf[PS_CPU_LIST_TEXT]);

#endif
