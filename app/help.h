/* app/help.h - pages for people and shells, all made from the tables in options.c. */
#ifndef PS_APP_HELP_H
#define PS_APP_HELP_H

#include "app/args.h"

#include <stdio.h>

void ps_help(FILE *f);                          /* the first page */
void ps_help_verb(FILE *f, const ps_verb *v);   /* one verb and its options */
void ps_help_man(FILE *f);                      /* poise(1) in roff */
bool ps_help_completion(FILE *f, const char *shell); /* "bash" or "zsh"; false for any other */

#endif
