/* tests/fuzz/fuzz_args.c - command lines: a byte chooses the verb, every line behind it is a word. */
#include "tests/fuzz/fuzz.h"

#include "app/args.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { WORDS = 64 };
    char *word[WORDS + 1] = {NULL};
    int n = 0, verbs = 0;
    ps_args a;
    if (!size || size > 65536) return 0;
    char *text = ps_alloc(size);
    if (!text) return 0;
    memcpy(text, data + 1, size - 1); /* ends with a zero: ps_alloc clears */
    for (char *at = text; *at && n < WORDS; n++) {
        word[n] = at;
        at += strcspn(at, "\n");
        if (*at) *at++ = 0;
    }
    while (ps_verb_table[verbs].name) verbs++;
    ps_args_parse(&ps_verb_table[data[0] % verbs], n, word, &a);
    ps_args_free(&a);
    if (n) ps_verb_near(word[0]);
    ps_free(text);
    return 0;
}
