/* app/cmd_convert.c - poise convert: a foreign checkpoint into one .poise file. */
#include "app/cli.h"
#include "runtime/file.h"

#include <stdio.h>
#include <string.h>

static poise_status convert(const ps_args *a)
{
    const char *in = a->words.v[0], *out = a->words.v[1];
    size_t n = strlen(out);
    PS_REQUIRE(n > 6 && !strcmp(out + n - 6, ".poise"), POISE_BAD_ARGUMENT,
               "%s: the name of the result must end in .poise", out);
    if (a->precision && strcmp(a->precision, "exact"))
        return ps_fail(POISE_UNSUPPORTED, "--precision %s is not in this version; exact is", a->precision);
    poise_convert_options co = ps_cli_convert_options(a);
    void *bytes;
    size_t size;
    PS_TRY(poise_convert(in, &co, &bytes, &size));
    poise_status s = ps_file_write(out, bytes, size);
    poise_free(bytes);
    char text[PS_BYTES_TEXT];
    if (!s) ps_cli_note(a, "%s: %s\n", out, ps_cli_bytes(size, text));
    return s;
}

int ps_cmd_convert(const ps_args *a)
{
    return ps_cli_fail(convert(a));
}
