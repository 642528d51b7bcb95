/* app/cli.h - what the verbs share: opening models, reporting failures, the verbs themselves. */
#ifndef PS_APP_CLI_H
#define PS_APP_CLI_H

#include "app/args.h"

#include <stdio.h>

/* Exit codes. */
enum { PS_EXIT_OK = 0, PS_EXIT_FAILED = 1, PS_EXIT_USAGE = 2 };

/* Prints this thread's error text as one line on stderr; gives the exit code for `s`. */
int ps_cli_fail(poise_status s);
/* The same for a failure that is found here. */
int ps_cli_error(poise_status s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A line on stderr, unless --quiet. */
void ps_cli_note(const ps_args *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Opens words[0] with the options of the command line; `threads` 0 = all cores.  Fails when the network's file fixes
 * another image size than --imgsz. */
poise_status ps_cli_open(const ps_args *a, int threads, poise_model **out);
/* The value of --precision, POISE_RECORDED without it. */
poise_status ps_cli_precision(const ps_args *a, poise_precision *out);
/* What ps_cli_open does with a model that was just opened: notes, and whether it has the size that was asked for, else
 * *m is closed. */
poise_status ps_cli_opened(const ps_args *a, poise_model **m);
poise_convert_options ps_cli_convert_options(const ps_args *a);
poise_status ps_cli_check_size(const ps_args *a, const poise_model *m);

/* How the command line wants a model opened. */
poise_status ps_cli_options(const ps_args *a, int threads, poise_options *out);

/* Of a converted network: the same .poise file with what the network means in its metadata (cmd_convert.c). */
poise_status ps_cli_describe(const ps_args *a, void *bytes, size_t size, void **out, size_t *out_size);
/* A line about what the model's file has packed, "" for nothing, into buf. */
enum { PS_PACKED_LINE = 256 };
const char *ps_cli_packed(const poise_model *m, char buf[PS_PACKED_LINE]);
/* Whether --target and --only-target can be done: before anything takes time. */
poise_status ps_cli_check_target(const ps_args *a);
/* Replaces the file by one with its weights also packed, if --target asks for that. */
poise_status ps_cli_pack(const ps_args *a, void **bytes, size_t *size);

/* The last part of a path. */
const char *ps_cli_base(const char *path);
/* A file that appears whole or not at all: written under another name, which ps_cli_commit changes to
 * `path`.  Fails when anything before it went wrong; then no file is left. */
enum { PS_PATH_TEXT = 1024 };
typedef struct ps_outfile {
    FILE *f;
    char path[PS_PATH_TEXT], part[PS_PATH_TEXT + 8];
} ps_outfile;
poise_status ps_cli_create(ps_outfile *o, const char *path);
poise_status ps_cli_commit(ps_outfile *o);
/* Instead: as if it had never been. */
void ps_cli_discard(ps_outfile *o);

/* From hold to release, which may be nested, SIGINT, SIGTERM and SIGHUP wait: whoever interrupts a command finds
 * no file or line half-written.  ps_cli_signals, once in the beginning, makes it so. */
void ps_cli_signals(void);
void ps_cli_hold(void);
void ps_cli_release(void);

/* "12.3 MB" into buf (1 MB = 2^20 bytes). */
enum { PS_BYTES_TEXT = 32 };
const char *ps_cli_bytes(size_t bytes, char *buf);

/* The verbs; each gives an exit code. */
int ps_cmd_predict(const ps_args *a);
int ps_cmd_run(const ps_args *a);
int ps_cmd_convert(const ps_args *a);
int ps_cmd_quantize(const ps_args *a);
int ps_cmd_info(const ps_args *a);
int ps_cmd_bench(const ps_args *a);
int ps_cmd_val(const ps_args *a);
int ps_cmd_doctor(const ps_args *a);
int ps_cmd_scene(const ps_args *a);
int ps_cmd_demo(const ps_args *a);

#endif
