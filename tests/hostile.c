/* tests/hostile.c - the poise command against damaged and malicious files: hostile BUILD CORPUS
 *
 * Every run must end by itself, within seconds and bounded memory, with exit code 0, 1 or 2; a failure is
 * exactly one line on stderr that begins with "poise", nothing on stdout, and no file.  Files that are certainly
 * bad (cut, of a wrong kind, or named bad-* in the corpus) must fail. */
#include "poise.h"

#include "app/npy.h"
#include "runtime/file.h"
#include "runtime/memory.h"
#include "tests/tiny_onnx.h"
#include "tests/tiny_tflite.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CUTS = 10, FLIPS = 14, SECONDS = 20, PATH_TEXT = 512 };
static const rlim_t most_memory = (rlim_t)6 << 30;

static char command[PATH_TEXT], dir[] = "/tmp/poise-hostile-XXXXXX";
static int runs, failed;
static uint32_t seed = 1;

static size_t pick(size_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

static void need(poise_status s)
{
    if (s == POISE_OK) return;
    fprintf(stderr, "hostile: %s\n", poise_error_text());
    exit(1);
}

static const char *in_dir(const char *name)
{
    static char path[4][PATH_TEXT];
    static int next;
    char *p = path[next++ % 4];
    snprintf(p, PATH_TEXT, "%s/%s", dir, name);
    return p;
}

/* ---- one run ---- */

static void child(const char *const *argv)
{
    int out = open(in_dir("out"), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    int err = open(in_dir("err"), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    struct rlimit time = {SECONDS, SECONDS}, memory = {most_memory, most_memory}, core = {0, 0};
    setrlimit(RLIMIT_CPU, &time);
    setrlimit(RLIMIT_CORE, &core);
#if !defined(__SANITIZE_ADDRESS__) /* which reserves terabytes of addresses */
    setrlimit(RLIMIT_AS, &memory);
#else
    (void)memory;
#endif
    if (out < 0 || err < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0) _exit(126);
    execv(command, (char *const *)(uintptr_t)argv);
    _exit(127);
}

static size_t contents(const char *name, char *buf, size_t cap)
{
    FILE *f = fopen(in_dir(name), "rb");
    size_t n = f ? fread(buf, 1, cap - 1, f) : 0;
    if (f) fclose(f);
    buf[n] = 0;
    return n;
}

/* What is wrong with how the command ended, or NULL. */
static const char *judge(int status, bool must_fail)
{
    static char text[8192];
    struct stat st;
    if (!WIFEXITED(status)) return "was killed";
    int code = WEXITSTATUS(status);
    if (code == 0) return must_fail ? "succeeded" : NULL;
    if (code != 1 && code != 2) return "has another exit code than 1 and 2";
    if (contents("out", text, sizeof text)) return "failed, but printed results";
    size_t n = contents("err", text, sizeof text);
    if (strncmp(text, "poise", 5) != 0 || !n || strchr(text, '\n') != text + n - 1) return "failed without exactly one line";
    if (!stat(in_dir("made.poise"), &st) || !stat(in_dir("made/y.npy"), &st)) return "failed, but left a file";
    return NULL;
}

static void run(const char *what, bool must_fail, const char *const *argv)
{
    int status = 0;
    unlink(in_dir("made.poise"));
    unlink(in_dir("made/y.npy"));
    pid_t pid = fork();
    if (pid == 0) child(argv);
    if (pid < 0 || waitpid(pid, &status, 0) != pid) exit(1);
    const char *wrong = judge(status, must_fail);
    runs++;
    if (!wrong) return;
    char err[400];
    contents("err", err, sizeof err);
    fprintf(stderr, "hostile: FAILED: poise %s %s: %s (status %x)\n    %s\n", argv[1], what, wrong, (unsigned)status, err);
    failed++;
}

/* ---- kinds of files ---- */

typedef void try_fn(const char *what, const char *path, bool must_fail);

static void try_model(const char *what, const char *path, bool must_fail)
{
    run(what, must_fail, (const char *[]){"poise", "info", path, "--quiet", NULL});
}

static void try_onnx(const char *what, const char *path, bool must_fail)
{
    try_model(what, path, must_fail);
    run(what, must_fail, (const char *[]){"poise", "convert", path, in_dir("made.poise"), "--quiet", NULL});
}

static void try_picture(const char *what, const char *path, bool must_fail)
{
    run(what, must_fail, (const char *[]){"poise", "predict", in_dir("detect.onnx"), path, "--quiet", "-t", "1", NULL});
}

static void try_array(const char *what, const char *path, bool must_fail)
{
    char word[PATH_TEXT + 8];
    snprintf(word, sizeof word, "images=%s", path);
    run(what, must_fail,
        (const char *[]){"poise", "run", in_dir("classify.onnx"), "-i", word, "-o", in_dir("made"), "--quiet", NULL});
}

/* Cut ends and flipped bits of one good file.  `certain`: no such damage can go unnoticed. */
static void damage(const char *name, try_fn *try, bool certain)
{
    ps_file f;
    need(ps_file_map(in_dir(name), &f));
    uint8_t *copy = ps_alloc(f.size);
    char bad[64], what[96];
    if (!copy) exit(1);
    snprintf(bad, sizeof bad, "bad-%s", name);
    for (int i = 0; i < CUTS + FLIPS; i++) {
        size_t size = i < CUTS ? f.size * (size_t)i / CUTS : f.size, at = pick(f.size);
        memcpy(copy, f.bytes, f.size);
        if (at >= 48 && at < 64) at = 64; /* a .poise header's reserved bytes */
        if (i >= CUTS) copy[at % f.size] ^= (uint8_t)(1u << pick(8));
        need(ps_file_write(in_dir(bad), copy, size));
        snprintf(what, sizeof what, i < CUTS ? "%s cut to %zu bytes" : "%s with a flipped bit at %zu", name, i < CUTS ? size : at);
        try(what, in_dir(bad), certain);
    }
    ps_free(copy);
    ps_file_unmap(&f);
}

static void models(void)
{
    static const char *const kinds[] = {"detect", "classify", "shapes", "pose", "codes"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char onnx[32], poise[32];
        void *bytes;
        size_t size;
        int free_size = !strcmp(kinds[i], "shapes") ? 16 : 0;
        poise_convert_options o = {.imgsz_h = free_size, .imgsz_w = free_size};
        snprintf(onnx, sizeof onnx, "%s.onnx", kinds[i]);
        snprintf(poise, sizeof poise, "%s.poise", kinds[i]);
        need(tiny_onnx_make(tiny_onnx_kind(kinds[i]), &bytes, &size));
        need(ps_file_write(in_dir(onnx), bytes, size));
        ps_free(bytes);
        need(poise_convert(in_dir(onnx), &o, &bytes, &size));
        need(ps_file_write(in_dir(poise), bytes, size));
        poise_free(bytes);
        damage(onnx, try_onnx, false);
        damage(poise, try_model, true);
    }
}

/* ---- TFLite: sound files, damaged, and files that say what cannot be ---- */

/* Tensors of TINY_TFLITE_INT8: 0 is the input, 1 and 2 weights and bias of the first convolution, 3 its result. */
static void no_scales(tfl *t) { t->tensor[1].n_scales = t->tensor[1].n_zeros = 0; }
static void zero_scale(tfl *t) { t->tensor[3].scale[0] = 0; }
static void huge_zero(tfl *t) { t->tensor[3].zero[0] = INT64_MAX; }
static void wrong_axis(tfl *t) { t->tensor[1].axis = 2; }
static void negative_axis(tfl *t) { t->tensor[1].axis = -1; }
static void negative_dim(tfl *t) { t->tensor[0].dim[1] = -8; }
static void huge_dims(tfl *t) { t->tensor[0].dim[1] = t->tensor[0].dim[2] = INT32_MAX; }
static void huge_weights(tfl *t) { t->tensor[1].dim[1] = 1 << 29; }
static void no_buffer(tfl *t) { t->tensor[1].buffer = 1000; }
static void no_tensor(tfl *t) { t->node[0].in[1] = 1000; }
static void cycle(tfl *t) { t->node[0].in[0] = t->node[2].out[0]; }
static void made_twice(tfl *t) { t->node[1].out[0] = t->node[0].out[0]; }
static void recursion(tfl *t) { t->node[1].code = 119; } /* WHILE of subgraph 0, which holds it */
static void no_output(tfl *t) { t->node[7].n_out = 0; }
static void no_input(tfl *t) { t->node[7].in[1] = -1; }
static void no_stride(tfl *t) { t->node[0].field[1].bits = 0; }
static void huge_stride(tfl *t) { t->node[0].field[1].bits = 0x7fffffff, t->node[0].field[0].bits = 7; }

/* Numbers written over bytes of the file. */
static const struct {
    const char *name;
    size_t at;
    uint32_t value;
} tflite_bytes[] = {
    {"root.tflite", 0, 0xfffffff0},  {"self.tflite", 0, 0},          {"vtable.tflite", 8, 0xffffffff}, {"empty.tflite", 8, 4},
    {"far.tflite", 24, 0x80000000}, {"near.tflite", 24, 0x7fffffff},
};

static void write_tflite(const tfl *t, const char *name, size_t at, uint32_t value)
{
    size_t size;
    uint8_t *bytes = tfl_finish(t, &size);
    if (!bytes) exit(1);
    if (at != SIZE_MAX) memcpy(bytes + at, &value, sizeof value);
    need(ps_file_write(in_dir(name), bytes, size));
    ps_free(bytes);
}

static void tflite(void)
{
    static void (*const spoil[])(tfl *) = {no_scales,    zero_scale, huge_zero, wrong_axis, negative_axis, negative_dim,
                                           huge_dims,    huge_weights, no_buffer, no_tensor, cycle,       made_twice,
                                           recursion,    no_stride,  huge_stride, no_output, no_input};
    static tfl t;
    for (int kind = 0; kind < TINY_TFLITE_COUNT; kind++) {
        char name[32];
        snprintf(name, sizeof name, "%d.tflite", kind);
        tiny_tflite_describe(kind, &t);
        write_tflite(&t, name, SIZE_MAX, 0);
        damage(name, try_onnx, false);
    }
    for (size_t i = 0; i < sizeof spoil / sizeof *spoil; i++) {
        char name[32];
        snprintf(name, sizeof name, "spoilt-%zu.tflite", i);
        tiny_tflite_describe(TINY_TFLITE_INT8, &t);
        spoil[i](&t);
        write_tflite(&t, name, SIZE_MAX, 0);
        try_onnx(name, in_dir(name), true);
    }
    tiny_tflite_describe(TINY_TFLITE_INT8, &t);
    for (size_t i = 0; i < sizeof tflite_bytes / sizeof *tflite_bytes; i++) {
        write_tflite(&t, tflite_bytes[i].name, tflite_bytes[i].at, tflite_bytes[i].value);
        try_onnx(tflite_bytes[i].name, in_dir(tflite_bytes[i].name), true);
    }
}

static void pictures(void)
{
    static uint8_t pixels[40 * 30 * 3];
    static const char *const names[] = {"a.ppm", "b.bmp", "c.jpg", "d.png"};
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)(i * 37 ^ (i >> 5));
    poise_image img = {.plane = {pixels}, .stride = {120}, .w = 40, .h = 30};
    for (int i = 0; i < 4; i++) {
        if (poise_image_save(&img, in_dir(names[i]), 80) == POISE_OK) damage(names[i], try_picture, false);
        else printf("hostile: SKIPPED: %s: %s\n", names[i], poise_error_text());
    }
}

static void arrays(void)
{
    static float data[3 * 16 * 16];
    poise_tensor t = {.data = data, .type = POISE_F32, .rank = 4, .dim = {1, 3, 16, 16}, .stride = {768, 256, 16, 1}};
    void *bytes;
    size_t size;
    need(ps_npy_bytes(&t, &bytes, &size));
    need(ps_file_write(in_dir("x.npy"), bytes, size));
    ps_free(bytes);
    damage("x.npy", try_array, false);
}

/* Hand-made files, as text; each is certainly bad for the kind it claims. */
static void hand_made(void)
{
    static const struct {
        const char *name, *text;
        size_t size;
        try_fn *try;
    } file[] = {
#define TEXT(s) s, sizeof s - 1
        {"empty.onnx", TEXT(""), try_onnx},
        {"text.onnx", TEXT("this is no network\n"), try_onnx},
        {"nest.onnx", TEXT("\x3a\x08\x0a\x06\x2a\x04\x32\x02\x0a\x00"), try_onnx},
        {"long.onnx", TEXT("\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), try_onnx},
        {"head.poise", TEXT("POISE\r\n\x1a\1\0\0\0"), try_model},
        {"huge.ppm", TEXT("P6 2000000000 2000000000 255\n"), try_picture},
        {"zero.ppm", TEXT("P6 0 0 255\n"), try_picture},
        {"minus.ppm", TEXT("P6 -1 -1 255\nxxx"), try_picture},
        {"short.jpg", TEXT("\xff\xd8\xff\xe1\xff\xff" "Exif\0\0II*\0\x08\0\0\0\xff\xff"), try_picture},
        {"huge.png", TEXT("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\x7f\xff\xff\xff\x7f\xff\xff\xff\x08\2\0\0\0"), try_picture},
        {"huge.bmp", TEXT("BM\x7a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\xff\xff\xff\x7f\0\0\0\x80\1\0\x18\0\0\0\0\0\0\0\0\0"),
         try_picture},
        {"huge.npy", TEXT("\x93NUMPY\1\0\x56\0{'descr': '<f4', 'fortran_order': False, 'shape': (65536, 65536, 65536, 65536), }   \n"),
         try_array},
        {"header.npy", TEXT("\x93NUMPY\3\0\xff\xff\xff\xff{"), try_array},
#undef TEXT
    };
    for (size_t i = 0; i < sizeof file / sizeof *file; i++) {
        need(ps_file_write(in_dir(file[i].name), file[i].text, file[i].size));
        file[i].try(file[i].name, in_dir(file[i].name), true);
    }
}

static void corpus(const char *root, const char *target, try_fn *try)
{
    char path[PATH_TEXT];
    snprintf(path, sizeof path, "%s/%s", root, target);
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        char file[2 * PATH_TEXT];
        if (*e->d_name == '.') continue;
        snprintf(file, sizeof file, "%s/%s", path, e->d_name);
        try(e->d_name, file, !strncmp(e->d_name, "bad-", 4));
    }
    if (d) closedir(d);
}

int main(int argc, char **argv)
{
    if (argc != 3 || !mkdtemp(dir)) {
        fprintf(stderr, "usage: hostile BUILD CORPUS\n");
        return 2;
    }
    snprintf(command, sizeof command, "%s/poise", argv[1]);
    mkdir(in_dir("made"), 0777);
    models();
    tflite();
    pictures();
    arrays();
    hand_made();
    corpus(argv[2], "fuzz_onnx", try_onnx);
    corpus(argv[2], "fuzz_tflite", try_onnx);
    corpus(argv[2], "fuzz_poise", try_model);
    corpus(argv[2], "fuzz_image", try_picture);
    corpus(argv[2], "fuzz_npy", try_array);
    char clean[PATH_TEXT];
    snprintf(clean, sizeof clean, "rm -rf '%s'", dir);
    if (system(clean)) failed++;
    printf("hostile: %d runs, %d failed\n", runs, failed);
    return failed != 0;
}
