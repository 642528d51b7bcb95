/* app/args.h - what people may type: verbs, options and their values, read from the environment and
 * the command line by one table. */
#ifndef PS_APP_ARGS_H
#define PS_APP_ARGS_H

#include "runtime/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A bit for each verb, so that an option can say where it applies. */
enum {
    PS_VERB_PREDICT = 1 << 0,
    PS_VERB_RUN = 1 << 1,
    PS_VERB_CONVERT = 1 << 2,
    PS_VERB_INFO = 1 << 3,
    PS_VERB_BENCH = 1 << 4,
    PS_VERB_VAL = 1 << 5,
    PS_VERB_DOCTOR = 1 << 6,
    PS_VERB_QUANTIZE = 1 << 7,
    PS_VERB_SCENE = 1 << 8,
    PS_VERB_DEMO = 1 << 9,
    PS_VERB_ANY = (1 << 10) - 1,
};

/* What an option's value is, and the type of the field of ps_args that holds it. */
typedef enum ps_arg_kind {
    PS_ARG_FLAG,   /* bool: --save, --no-save, save=False, save */
    PS_ARG_INT,    /* int32_t, min..max */
    PS_ARG_FLOAT,  /* float, min..max */
    PS_ARG_TEXT,   /* const char * */
    PS_ARG_CHOICE, /* const char *, one of the words in `value` ("a|b|c") */
    PS_ARG_INTS,   /* ps_ints: "1,2,4", each min..max */
    PS_ARG_SIZE,   /* ps_hw: "640" or "480x640" (height x width), each min..max */
    PS_ARG_BYTES,  /* size_t: "64M", "1.5G" */
    PS_ARG_CPUS,   /* uint64_t, a bit for each: "0xf0", "4-7", "0,2" */
    PS_ARG_TEXTS,  /* ps_texts: may be given again and again */
    PS_ARG_WORD,   /* const char *: another way to give a word, "model=net.onnx"; no variable */
} ps_arg_kind;

enum { PS_MAX_INTS = 16 };
typedef struct ps_ints {
    int n;
    int32_t v[PS_MAX_INTS];
} ps_ints;
typedef struct ps_hw {
    int32_t h, w; /* 0 = not given */
} ps_hw;
typedef struct ps_texts {
    int n;
    const char **v; /* texts are the caller's argv or environment */
} ps_texts;

/* All values.  What was not given holds the default of ps_args_init. */
typedef struct ps_args {
    ps_texts words; /* what is not an option: MODEL, SOURCE... */
    /* any verb */
    int32_t threads; /* 0 = all cores, -1 = POISE_THREADS_AUTO */
    size_t max_mem;  /* 0 = no limit */
    bool allow_downscale, frugal;
    uint64_t cpu_mask; /* 0 = by rule */
    const char *isa, *precision, *tuning;
    bool quiet, verbose, help;
    ps_hw imgsz;
    ps_texts shapes;
    /* words by name */
    const char *model, *source;
    /* predict, val */
    float conf, iou; /* -1 = as recorded */
    int32_t max_det; /* 0 = the default */
    const char *classes, *format, *task, *decoder, *project, *name;
    ps_texts boxes;
    bool agnostic_nms, lazy, exist_ok, save, save_txt, save_conf, save_crop, show_labels, show_conf, show_boxes;
    bool fast_decode, rect;
    int32_t line_width; /* 0 = by the size of the picture */
    const char *device; /* and half and show: what there is no choice of */
    /* run */
    ps_texts inputs;
    const char *output;
    /* quantize */
    const char *calib, *ranges, *weights, *target;
    int32_t samples; /* 0 = the default */
    float float_budget; /* percent */
    ps_texts keep_float;
    bool force, int8, only_target;
    /* info */
    bool json;
    const char *svg;
    /* bench */
    ps_ints sweep;
    int32_t runs, soak; /* soak: seconds, 0 = none */
    bool layers, tune;
    const char *report;
    /* scene */
    int32_t seed, people, vehicles, frames; /* people, vehicles: -1 = as the seed says; frames 0 = one, or 100 of a film */
    float fps;
    ps_hw size;
    bool stills;
    const char *truth;
    /* what ps_args_parse allocated */
    const char **store;
} ps_args;

typedef struct ps_arg {
    const char *name; /* --name, name=, POISE_NAME; '_' may be typed as '-' */
    char letter;      /* -x, or 0 */
    ps_arg_kind kind;
    unsigned verbs;
    size_t offset;    /* of the field in ps_args */
    double min, max;  /* of numbers */
    const char *value; /* placeholder for help, or the choices */
    const char *help;  /* one line, with the default */
    const char *env;   /* the variable, where POISE_NAME means something else to another verb; or NULL */
} ps_arg;

typedef struct ps_verb {
    const char *name;
    unsigned bit;
    int min_words, max_words; /* -1 = any number */
    const char *words;        /* "MODEL SOURCE..." */
    const char *summary;      /* one line */
    const char *more;         /* a paragraph or two for its help page */
} ps_verb;

extern const ps_arg ps_arg_table[];   /* ends with name == NULL */
extern const ps_verb ps_verb_table[]; /* ends with name == NULL */

/* The verb of that name, or NULL. */
const ps_verb *ps_verb_find(const char *name);
/* The name in ps_verb_table nearest to what was typed, or NULL when none is near. */
const char *ps_verb_near(const char *typed);

/* Reads the environment, then argv[0..argc), the words behind the verb.  Texts stay the caller's.
 * Failure: POISE_BAD_ARGUMENT or POISE_NO_MEMORY with one line.  Release with ps_args_free either way. */
poise_status ps_args_parse(const ps_verb *verb, int argc, char *const *argv, ps_args *out);
void ps_args_free(ps_args *a);

/* The environment variable of an option ("POISE_MAX_DET") into buf. */
enum { PS_ENV_TEXT = 48 };
const char *ps_arg_env(const ps_arg *a, char buf[PS_ENV_TEXT]);

#endif
