/* app/main.c - the poise command: finds the verb and exits with its code. */
#include "app/cli.h"
#include "app/downscale.h"
#include "app/embedded.h"
#include "app/help.h"
#include "runtime/cores.h"

#include <stdio.h>
#include <string.h>

static int left_out(const ps_verb *v)
{
    return ps_cli_error(POISE_UNSUPPORTED, "this poise was built without the verb '%s'", v->name);
}

static int run(const ps_verb *v, const ps_args *a)
{
    switch (v->bit) { /* PARTS of make may leave verbs out */
    case PS_VERB_PREDICT: return ps_cmd_predict(a);
    case PS_VERB_RUN: return ps_cmd_run(a);
    case PS_VERB_CONVERT: return ps_cmd_convert(a);
    case PS_VERB_QUANTIZE: return PS_WITH_QUANTIZE ? ps_cmd_quantize(a) : left_out(v);
    case PS_VERB_INFO: return ps_cmd_info(a);
    case PS_VERB_BENCH: return PS_WITH_BENCH ? ps_cmd_bench(a) : left_out(v);
    case PS_VERB_VAL: return PS_WITH_VAL ? ps_cmd_val(a) : left_out(v);
    case PS_VERB_SCENE: return PS_WITH_SCENE ? ps_cmd_scene(a) : left_out(v);
    case PS_VERB_DEMO: return PS_WITH_SCENE ? ps_cmd_demo(a) : left_out(v);
    default: return ps_cmd_doctor(a);
    }
}

static int verb(const ps_verb *v, int argc, char *const *argv)
{
    ps_args a;
    poise_status s = ps_args_parse(v, argc, argv, &a);
    int code = PS_EXIT_OK;
    if (s) code = ps_cli_fail(s);
    else if (a.help) ps_help_verb(stdout, v);
    else {
        ps_cpus_pin(a.cpu_mask); /* pictures are read there too */
        code = ps_cli_fail(ps_downscale(v, &a));
        if (code == PS_EXIT_OK) code = run(v, &a);
    }
    ps_args_free(&a);
    return code;
}

static int help(const char *name)
{
    const ps_verb *v = name ? ps_verb_find(name) : NULL;
    if (name && !v) return ps_cli_error(POISE_BAD_ARGUMENT, "there is no verb '%.40s'; 'poise help' lists them", name);
    if (v) ps_help_verb(stdout, v);
    else ps_help(stdout);
    return PS_EXIT_OK;
}

static int completion(const char *shell)
{
    if (shell && ps_help_completion(stdout, shell)) return PS_EXIT_OK;
    return ps_cli_error(POISE_BAD_ARGUMENT, "--completion takes bash or zsh, not '%.40s'", shell ? shell : "");
}

static int dispatch(int argc, char **argv)
{
    const char *first = argc > 1 ? argv[1] : NULL, *second = argc > 2 ? argv[2] : NULL;
    if (!first) {
        ps_help(stderr);
        return PS_EXIT_USAGE;
    }
    if (!strcmp(first, "help") || !strcmp(first, "--help") || !strcmp(first, "-h")) return help(second);
    if (!strcmp(first, "version") || !strcmp(first, "--version") || !strcmp(first, "-V")) {
        printf("poise %s\n", poise_version());
        return PS_EXIT_OK;
    }
    if (!strcmp(first, "--completion")) return completion(second);
    if (!strncmp(first, "--completion=", 13)) return completion(first + 13);
    if (!strcmp(first, "--man")) {
        ps_help_man(stdout);
        return PS_EXIT_OK;
    }
    const ps_verb *v = ps_verb_find(first);
    if (v) return verb(v, argc - 2, argv + 2);
    const char *near = ps_verb_near(first);
    return ps_cli_error(POISE_BAD_ARGUMENT, "there is no verb '%.40s'; %s%s%s", first, near ? "did you mean " : "",
                        near ? near : "'poise help' lists them", near ? "?" : "");
}

int main(int argc, char **argv)
{
    ps_cli_signals();
    ps_embedded_begin();
    int code = dispatch(argc, argv);
    if ((fflush(stdout) || ferror(stdout)) && code == PS_EXIT_OK)
        code = ps_cli_error(POISE_IO, "results could not be written to stdout");
    return code;
}
