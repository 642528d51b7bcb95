/* convert/tune_file.c - tuning whatever can be opened. */
#include "convert/tune_file.h"

poise_status ps_tune_file(const char *path, const poise_convert_options *co, const poise_options *o, int runs,
                          ps_tuned_model *out)
{
    ps_file f;
    *out = (ps_tuned_model){0};
    PS_TRY(ps_file_map(path, &f));
    poise_status s;
    if (ps_format_is(f.bytes, f.size)) {
        s = ps_tune(f.bytes, f.size, o, runs, out);
        if (s != POISE_OK) ps_fail_in(s, "%s", path);
        else out->file = f;
        if (s != POISE_OK) ps_file_unmap(&f);
        return s;
    }
    ps_file_unmap(&f);
    size_t size;
    PS_TRY(poise_convert(path, co, &out->bytes, &size));
    void *bytes = out->bytes;
    s = ps_tune(bytes, size, o, runs, out);
    if (s == POISE_OK) out->bytes = bytes;
    else ps_free(bytes), ps_fail_in(s, "%s", path);
    return s;
}

poise_status poise_model_tune(const char *path, const poise_convert_options *co, const poise_options *o, int runs,
                              const char *file, poise_tuned *result)
{
    PS_REQUIRE(path, POISE_BAD_ARGUMENT, "poise_model_tune: a pointer is NULL");
    PS_REQUIRE(runs >= 0, POISE_BAD_ARGUMENT, "poise_model_tune: %d runs", runs);
    ps_tuned_model t;
    char written[4096];
    PS_TRY(ps_tune_file(path, co, o, runs, &t));
    poise_status s = ps_tune_save(&t, file, written, sizeof written);
    if (s == POISE_OK && result) *result = t.total;
    ps_tune_free(&t);
    return s;
}
