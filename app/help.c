/* app/help.c - help pages, man page and shell completion from the tables in options.c. */
#include "app/help.h"

#include <string.h>

enum { PAGE = 100 }; /* columns */

/* Text from column `at`, broken between words before column PAGE. */
static void wrap(FILE *f, int at, const char *text)
{
    int column = at;
    while (*text) {
        size_t n = strcspn(text, " ");
        if (column > at && column + (int)n >= PAGE) fprintf(f, "\n%*s", at, ""), column = at;
        fwrite(text, 1, n, f);
        text += n;
        column += (int)n;
        if (*text == ' ') {
            text++;
            if (column + 1 + (int)strcspn(text, " ") < PAGE) fputc(' ', f), column++;
            else fprintf(f, "\n%*s", at, ""), column = at;
        }
    }
    fputc('\n', f);
}

/* "--max-det N" into buf: people type dashes. */
static const char *spelled(const ps_arg *a, char *buf, size_t size)
{
    int n = snprintf(buf, size, "--%s", a->name);
    for (int i = 2; i < n && (size_t)i < size; i++)
        if (buf[i] == '_') buf[i] = '-';
    return buf;
}

void ps_help(FILE *f)
{
    fprintf(f, "poise %s - vision networks on CPUs\n\nusage: poise VERB [options] ...\n\n", poise_version());
    for (const ps_verb *v = ps_verb_table; v->name; v++)
        fprintf(f, "  %-9s%-26s%s\n", v->name, v->words, v->summary);
    fputs("\n  poise help VERB          the options of a verb\n"
          "  poise --version          the version\n"
          "  poise --completion bash  completion for a shell (bash, zsh)\n\n"
          "Options are written --conf 0.3, --conf=0.3 or conf=0.3, those without a value --save, --no-save,\n"
          "save=False or save; POISE_CONF=0.3 in the environment is the weaker form. Results go to stdout,\n"
          "everything else to stderr. Exit status: 0 all went well, 1 failed at run time, 2 wrong usage or a\n"
          "model that Poise cannot run.\n\n"
          "  poise predict yolov8n.onnx bus.jpg save      what is in the picture; a copy with boxes\n"
          "  poise convert yolov8n.onnx yolov8n.poise     opens faster, records the task\n"
          "  poise info yolov8n.poise                     inputs, outputs, nodes, memory\n",
          f);
}

void ps_help_verb(FILE *f, const ps_verb *v)
{
    fprintf(f, "usage: poise %s [options]%s%s\n\n%s: ", v->name, *v->words ? " " : "", v->words, v->name);
    fprintf(f, "%s.\n", v->summary);
    wrap(f, 0, v->more);
    fputs("\noptions:\n", f);
    for (const ps_arg *a = ps_arg_table; a->name; a++) {
        if (!(a->verbs & v->bit)) continue;
        char name[64], env[PS_ENV_TEXT], head[160];
        int n = 0;
        if (a->letter) n = snprintf(head, sizeof head, "-%c, ", a->letter);
        else n = snprintf(head, sizeof head, "    ");
        snprintf(head + n, sizeof head - (size_t)n, "%s%s%s", spelled(a, name, sizeof name), a->value ? " " : "",
                 a->value ? a->value : "");
        fprintf(f, "  %-28s", head);
        if (strlen(head) > 27) fprintf(f, "\n%30s", "");
        char text[400];
        bool env_too = a->kind != PS_ARG_WORD && a->letter != 'h';
        snprintf(text, sizeof text, "%s%s%s%s", a->help, env_too ? " [" : "", env_too ? ps_arg_env(a, env) : "",
                 env_too ? "]" : "");
        wrap(f, 30, text);
    }
}

/* Text for roff: no control characters at the start of a line, dashes that can be copied. */
static void roff(FILE *f, const char *text)
{
    if (*text == '.' || *text == '\'') fputs("\\&", f);
    for (; *text; text++) {
        if (*text == '-') fputs("\\-", f);
        else if (*text == '\\') fputs("\\e", f);
        else fputc(*text, f);
    }
}

static void roff_option(FILE *f, const ps_arg *a)
{
    char name[64], env[PS_ENV_TEXT];
    fputs(".TP\n", f);
    if (a->letter) fprintf(f, "\\fB\\-%c\\fR, ", a->letter);
    fputs("\\fB", f);
    roff(f, spelled(a, name, sizeof name));
    fputs("\\fR", f);
    if (a->value) fputs(" \\fI", f), roff(f, a->value), fputs("\\fR", f);
    fputc('\n', f);
    roff(f, a->help);
    if (a->kind != PS_ARG_WORD && a->letter != 'h') fprintf(f, " [%s]", ps_arg_env(a, env));
    fputc('\n', f);
}

void ps_help_man(FILE *f)
{
    fprintf(f,
            ".TH POISE 1 \"\" \"poise %s\" \"User Commands\"\n.SH NAME\npoise \\- vision networks on CPUs\n"
            ".SH SYNOPSIS\n",
            poise_version());
    for (const ps_verb *v = ps_verb_table; v->name; v++)
        fprintf(f, "%s\\fBpoise %s\\fR [\\fIoptions\\fR] \\fI%s\\fR\n", v == ps_verb_table ? "" : ".br\n", v->name,
                v->words);
    fputs(".SH DESCRIPTION\nRuns trained vision networks: detection, pose, classification and raw tensors.\n"
          "Options are written \\fB\\-\\-conf 0.3\\fR, \\fB\\-\\-conf=0.3\\fR or \\fBconf=0.3\\fR, those without a value\n"
          "\\fB\\-\\-save\\fR, \\fB\\-\\-no\\-save\\fR, \\fBsave=False\\fR or \\fBsave\\fR. Every option has an\n"
          "environment variable, named in brackets, that the option overrides.\n.PP\n"
          "\\fBpoise help \\fIVERB\\fR, \\fBpoise \\-\\-version\\fR, \\fBpoise \\-\\-completion bash\\fR|\\fBzsh\\fR and\n"
          "\\fBpoise \\-\\-man\\fR print the options of a verb, the version, a shell's completion and this page.\n",
          f);
    for (const ps_verb *v = ps_verb_table; v->name; v++) {
        fprintf(f, ".SH \"POISE %s\"\n", v->name);
        roff(f, v->summary);
        fputs("\n.PP\n", f);
        roff(f, v->more);
        fputc('\n', f);
        for (const ps_arg *a = ps_arg_table; a->name; a++)
            if (a->verbs & v->bit) roff_option(f, a);
    }
    fputs(".SH EXIT STATUS\n.TP\n0\nall went well\n.TP\n1\nfailed at run time, or an image could not be read\n"
          ".TP\n2\nwrong usage, or a model that Poise cannot run\n"
          ".SH EXAMPLES\n"
          ".TP\n\\fBpoise predict yolov8n.onnx bus.jpg save\\fR\n"
          "what is in the picture, as JSON, and a copy with boxes in runs/detect/predict\n"
          ".TP\n\\fBpoise predict yolov8n.onnx photos/ classes=person \\-\\-format csv\\fR\n"
          "persons in a directory of photos, as a table\n"
          ".TP\n\\fBpoise convert yolov8n.onnx yolov8n.poise\\fR\n"
          "one file that opens faster and records the task\n"
          ".TP\n\\fBpoise bench yolov8n.poise \\-t 1,2 \\-\\-layers\\fR\n"
          "how fast it runs here, node by node\n",
          f);
}

/* ---- completion ------------------------------------------------------------------------------------ */

static void bash(FILE *f)
{
    fputs("# bash completion for poise: poise --completion bash > /etc/bash_completion.d/poise\n"
          "_poise() {\n    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words=\n"
          "    if [ \"$COMP_CWORD\" = 1 ]; then\n        words='help",
          f);
    for (const ps_verb *v = ps_verb_table; v->name; v++) fprintf(f, " %s", v->name);
    fputs("'\n    else\n        case ${COMP_WORDS[1]}:$prev in\n", f);
    for (const ps_verb *v = ps_verb_table; v->name; v++)
        for (const ps_arg *a = ps_arg_table; a->name; a++) {
            if (!(a->verbs & v->bit) || a->kind != PS_ARG_CHOICE) continue;
            char name[64];
            fprintf(f, "        %s:%s", v->name, spelled(a, name, sizeof name));
            if (a->letter) fprintf(f, "|%s:-%c", v->name, a->letter);
            fputs(") words='", f);
            for (const char *c = a->value; *c; c++) fputc(*c == '|' ? ' ' : *c, f);
            fputs("' ;;\n", f);
        }
    for (const ps_verb *v = ps_verb_table; v->name; v++) {
        fprintf(f, "        %s:*) [[ $cur == -* ]] && words='", v->name); /* else files */
        for (const ps_arg *a = ps_arg_table; a->name; a++) {
            char name[64];
            if ((a->verbs & v->bit) && a->kind != PS_ARG_WORD)
                fprintf(f, "%s ", spelled(a, name, sizeof name));
        }
        fputs("' ;;\n", f);
    }
    fputs("        help:*) words='", f);
    for (const ps_verb *v = ps_verb_table; v->name; v++) fprintf(f, "%s ", v->name);
    fputs("' ;;\n        esac\n    fi\n"
          "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\n"
          "complete -o default -F _poise poise\n",
          f);
}

/* Help text inside an _arguments specification: brackets, colons and quotes have meanings there. */
static void zsh_text(FILE *f, const char *text)
{
    for (; *text; text++) {
        if (*text == '\'') fputs("'\\''", f);
        else if (strchr("[]:\\", *text)) fprintf(f, "\\%c", *text);
        else fputc(*text, f);
    }
}

static void zsh_option(FILE *f, const ps_arg *a)
{
    char name[64];
    fprintf(f, " \\\n        '%s%s[", spelled(a, name, sizeof name), a->kind == PS_ARG_FLAG ? "" : "=");
    zsh_text(f, a->help);
    fputc(']', f);
    if (a->kind == PS_ARG_CHOICE) {
        fprintf(f, ":%s:(", a->name);
        for (const char *c = a->value; *c; c++) fputc(*c == '|' ? ' ' : *c, f);
        fputc(')', f);
    } else if (a->kind != PS_ARG_FLAG) {
        bool file = strstr(a->value, "FILE") || !strcmp(a->value, "DIR");
        fprintf(f, ":%s:%s", a->name, file ? "_files" : "");
    }
    fputc('\'', f);
}

static void zsh(FILE *f)
{
    fputs("#compdef poise\n# zsh completion: poise --completion zsh > _poise, in a directory of $fpath\n"
          "_poise() {\n    if (( CURRENT == 2 )); then\n        local -a verbs=('help:the options of a verb'",
          f);
    for (const ps_verb *v = ps_verb_table; v->name; v++) {
        fprintf(f, " '%s:", v->name);
        zsh_text(f, v->summary);
        fputc('\'', f);
    }
    fputs(")\n        _describe verb verbs\n        return\n    fi\n    local verb=$words[2]\n    shift words\n"
          "    (( CURRENT-- ))\n    case $verb in\n",
          f);
    for (const ps_verb *v = ps_verb_table; v->name; v++) {
        fprintf(f, "    %s) _arguments", v->name);
        for (const ps_arg *a = ps_arg_table; a->name; a++)
            if ((a->verbs & v->bit) && a->kind != PS_ARG_WORD) zsh_option(f, a);
        fputs(" \\\n        '*:file:_files' ;;\n", f);
    }
    fputs("    esac\n}\n_poise \"$@\"\n", f);
}

bool ps_help_completion(FILE *f, const char *shell)
{
    if (!strcmp(shell, "bash")) bash(f);
    else if (!strcmp(shell, "zsh")) zsh(f);
    else return false;
    return true;
}
