/* app/embedded.c - the network that is part of the command: models/zoo/poise-person.poise, as it lies there. */
#include "app/embedded.h"

#include "app/cli.h"
#include "runtime/file.h"

#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#if PS_WITH_EMBED
__asm__(".pushsection .rodata.ps_embedded,\"a\",%progbits\n"
        ".balign 4096\n" /* as a mapped file begins */
        ".global ps_embedded_first\n"
        ".hidden ps_embedded_first\n"
        "ps_embedded_first:\n"
        ".incbin \"models/zoo/poise-person.poise\"\n"
        ".global ps_embedded_last\n"
        ".hidden ps_embedded_last\n"
        "ps_embedded_last:\n"
        ".byte 0\n"
        ".popsection\n");
extern const uint8_t ps_embedded_first[], ps_embedded_last[];

void ps_embedded_begin(void)
{
    ps_file_builtin(PS_DEFAULT_MODEL, ps_embedded_first, (size_t)(ps_embedded_last - ps_embedded_first));
}
#else
void ps_embedded_begin(void)
{
}
#endif

static bool ends_in(const char *path, const char *const *endings)
{
    const char *dot = strrchr(ps_cli_base(path), '.');
    for (; dot && *endings; endings++)
        if (!strcasecmp(dot, *endings)) return true;
    return false;
}

bool ps_embedded_is_meant(const ps_texts *words)
{
    static const char *const networks[] = {".poise", ".onnx", ".tflite", NULL};
    static const char *const pictures[] = {".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm", ".pnm", NULL};
    struct stat st;
    if (!PS_WITH_EMBED || !words->n) return false;
    const char *first = words->v[0];
    if (!strcmp(first, PS_DEFAULT_MODEL) || ends_in(first, networks)) return false;
    if (words->n == 1 || ends_in(first, pictures) || strpbrk(first, "*?[")) return true;
    return !stat(first, &st) && S_ISDIR(st.st_mode);
}
