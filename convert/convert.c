/* convert/convert.c - the public way in: a foreign file becomes the bytes of a .poise file, or an open model. */
#include "convert/input_codes.h"
#include "convert/onnx.h"
#include "convert/optimize.h"
#include "convert/refit.h"
#include "convert/tflite.h"
#include "nn/model.h"
#include "runtime/file.h"

#include <string.h>

static bool begins(const ps_file *f, size_t at, const char *magic, size_t n)
{
    return f->size >= at + n && !memcmp(f->bytes + at, magic, n);
}

/* Formats that people try and that we cannot read: say which, rather than what protobuf dislikes about them. */
static poise_status check_kind(const ps_file *f)
{
    PS_REQUIRE(!ps_format_is(f->bytes, f->size), POISE_BAD_ARGUMENT, "it is a .poise file already");
    PS_REQUIRE(!begins(f, 0, "PK\3\4", 4), POISE_UNSUPPORTED,
               "it is a PyTorch checkpoint or another zip file; export it to ONNX first");
    PS_REQUIRE(!begins(f, 0, "\x89PNG", 4) && !begins(f, 0, "\xff\xd8\xff", 3), POISE_BAD_MODEL,
               "it is a picture, not a network");
    return POISE_OK;
}

/* The image size that was asked for, where the file fixes another. */
static poise_status refit(ps_graph *g, const poise_convert_options *o)
{
    int32_t h, w;
    bool asked = o && o->imgsz_h > 0 && o->imgsz_w > 0 && !o->n_shapes && ps_refit_size(g, &h, &w);
    return asked ? ps_refit(g, o->imgsz_h, o->imgsz_w) : POISE_OK;
}

/* The formats whose readers are built in (PARTS of make). */
static poise_status read_foreign(ps_graph *g, const ps_file *f, const poise_convert_options *o)
{
    bool tflite = ps_tflite_is(f->bytes, f->size);
    PS_REQUIRE(tflite ? PS_WITH_TFLITE : PS_WITH_ONNX, POISE_UNSUPPORTED, "this poise was built without its reader of %s files",
               tflite ? "TFLite" : "ONNX");
    if (PS_WITH_TFLITE && tflite) return ps_tflite_read(g, f->bytes, f->size, o);
    return PS_WITH_ONNX ? ps_onnx_read(g, f->bytes, f->size, o) : POISE_UNSUPPORTED;
}

static poise_status convert(const ps_file *f, const poise_convert_options *o, void **bytes, size_t *size)
{
    ps_graph g = {.mapped = f->size ? f->bytes : NULL, .mapped_size = f->size, .last_use = true};
    poise_status s = check_kind(f);
    if (s == POISE_OK) s = read_foreign(&g, f, o);
    if (!PS_WITH_ONNX && !PS_WITH_TFLITE) return s; /* as the compiler should know: it leaves out what follows */
    ps_memory_release(f->bytes, f->size); /* what is still used is read again */
    if (s == POISE_OK) s = ps_optimize(&g);
    if (s == POISE_OK) s = ps_input_codes(&g);
    ps_memory_release(f->bytes, f->size);
    if (s == POISE_OK) s = refit(&g, o);
    if (s == POISE_OK) s = ps_format_write(&g, bytes, size);
    ps_graph_free(&g);
    return s;
}

/* Opens a .poise file for another image size, from the mapped file itself; *out stays NULL where it has the size that was asked
 * for. */
static poise_status open_resized(ps_file *f, const char *path, const poise_convert_options *co, const poise_options *o,
                                 poise_model **out)
{
    ps_graph g = {.mapped = f->bytes, .mapped_size = f->size};
    int32_t h, w;
    if (!co || co->imgsz_h <= 0 || co->imgsz_w <= 0) return POISE_OK;
    poise_status s = ps_format_read(&g, f->bytes, f->size);
    if (s == POISE_OK && ps_refit_size(&g, &h, &w) && (h != co->imgsz_h || w != co->imgsz_w)) {
        s = refit(&g, co);
        if (s == POISE_OK) return ps_model_adopt_graph(&g, f, path, o, out);
    }
    ps_graph_free(&g);
    return s;
}

poise_status poise_convert(const char *path, const poise_convert_options *o, void **bytes, size_t *size)
{
    PS_REQUIRE(path && bytes && size, POISE_BAD_ARGUMENT, "poise_convert: a pointer is NULL");
    ps_file f;
    *bytes = NULL;
    *size = 0;
    PS_TRY(ps_file_map(path, &f));
    poise_status s = convert(&f, o, bytes, size);
    ps_file_unmap(&f);
    return s == POISE_OK ? s : ps_fail_in(s, "%s", path);
}

poise_status poise_model_open_any(const char *path, const poise_convert_options *co, const poise_options *o,
                                  poise_model **out)
{
    PS_REQUIRE(path && out, POISE_BAD_ARGUMENT, "poise_model_open_any: a pointer is NULL");
    ps_file f;
    void *bytes;
    size_t size;
    *out = NULL;
    PS_TRY(ps_file_map(path, &f));
    bool ours = ps_format_is(f.bytes, f.size);
    poise_status s = ours ? open_resized(&f, path, co, o, out) : POISE_OK;
    ps_file_unmap(&f);
    if (s != POISE_OK) return ps_fail_in(s, "%s", path);
    if (ours) return *out ? s : poise_model_open(path, o, out);
    PS_TRY(poise_convert(path, co, &bytes, &size)); /* the file is unmapped before weights are packed */
    s = ps_model_adopt(bytes, size, path, o, out);
    return s == POISE_OK ? s : ps_fail_in(s, "%s", path);
}
