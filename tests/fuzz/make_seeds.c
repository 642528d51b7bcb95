/* tests/fuzz/make_seeds.c - writes the seed corpora DIR/<target>/: small legal inputs of every kind. */
#include "poise.h"

#include "app/npy.h"
#include "runtime/file.h"
#include "runtime/memory.h"
#include "tests/tiny_onnx.h"
#include "tests/tiny_tflite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *dir;

static const char *place(const char *target, const char *name)
{
    static char path[1024];
    snprintf(path, sizeof path, "%s/%s", dir, target);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/%s/%s", dir, target, name);
    return path;
}

static void need(poise_status s, const char *what)
{
    if (s == POISE_OK) return;
    fprintf(stderr, "make_seeds: %s: %s\n", what, poise_error_text());
    exit(1);
}

static void put(const char *target, const char *name, const void *bytes, size_t size)
{
    need(ps_file_write(place(target, name), bytes, size), name);
}

static void pictures(void)
{
    static uint8_t pixels[24 * 17 * 3];
    static const char *const names[] = {"a.jpg", "b.png", "c.ppm", "d.bmp"};
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)(i * 37 ^ (i >> 5));
    for (int channels = 1; channels <= 3; channels += 2) {
        poise_image img = {.plane = {pixels}, .stride = {24 * channels}, .w = 24, .h = 17, .format = channels == 1 ? POISE_GRAY : POISE_RGB};
        for (int i = 0; i < 4; i++) {
            char name[32];
            snprintf(name, sizeof name, "%d%s", channels, names[i]);
            if (poise_image_save(&img, place("fuzz_image", name), 80) != POISE_OK) /* a format left out of this build */
                fprintf(stderr, "make_seeds: %s left out: %s\n", name, poise_error_text());
        }
    }
}

/* For fuzz_packed: a network as kernels of C read it, beside its weights and without them. */
static void packed(const char *name, const void *bytes, size_t size)
{
    for (int only = 0; only < 2; only++) {
        char file[48];
        void *poise;
        size_t n;
        snprintf(file, sizeof file, "%s%s", only ? "only-" : "", name);
        need(poise_pack(bytes, size, "x86-64,armv8-a", only, &poise, &n), name);
        put("fuzz_packed", file, poise, n);
        poise_free(poise);
    }
}

static void networks(void)
{
    for (int i = 0; i < TINY_COUNT; i++) {
        char name[32];
        void *bytes, *poise;
        size_t size, n;
        need(tiny_onnx_make(i, &bytes, &size), "tiny network");
        snprintf(name, sizeof name, "%d.onnx", i);
        put("fuzz_onnx", name, bytes, size);
        const char *shape = "x=1x2x8x8"; /* the one with free dimensions */
        poise_convert_options o = {.shapes = &shape, .n_shapes = i == TINY_SHAPES};
        need(poise_convert(place("fuzz_onnx", name), &o, &poise, &n), name);
        snprintf(name, sizeof name, "%d.poise", i);
        put("fuzz_poise", name, poise, n);
        packed(name, poise, n);
        ps_free(bytes);
        poise_free(poise);
    }
}

static void tflite_networks(void)
{
    for (int i = 0; i < TINY_TFLITE_COUNT; i++) {
        char name[32];
        void *bytes, *poise;
        size_t size, n;
        need(tiny_tflite_make(i, &bytes, &size), "tiny TFLite network");
        snprintf(name, sizeof name, "%d.tflite", i);
        put("fuzz_tflite", name, bytes, size);
        need(poise_convert(place("fuzz_tflite", name), NULL, &poise, &n), name); /* integer networks among them */
        snprintf(name, sizeof name, "tflite%d.poise", i);
        put("fuzz_poise", name, poise, n);
        packed(name, poise, n);
        ps_free(bytes);
        poise_free(poise);
    }
}

/* For fuzz_task: a byte that chooses the network's outputs, then lines of "key=value". */
static void tasks(void)
{
    static const char *const text[] = {
        "\1task=detect\nnames={0: 'person', 1: \"traffic light\", 79: 'tooth\\'brush'}\nstride=32\nimgsz=[64, 64]\n",
        "\2task=pose\nkpt_shape=[17, 3]\nnames=['person']\npoise.conf=0.5\n",
        "\3task=classify\nnames=red,green,blue,\\x41\\u00e9\n",
        "\0poise.task=detect\npoise.decoder=yolov5\npoise.anchors=10 13 16 30 33 23 30 61 62 45 59 119 116 90 156 198 "
        "373 326\npoise.mean=[0.1, 0.2, 0.3]\npoise.std=1 1 1\npoise.letterbox=center\npoise.iou=0.7\n",
        "\4poise.units=grid\npoise.scores=logits\npoise.color=bgr\npoise.border=114\npoise.scale=1e-2\n",
        "\5poise.decoder=yunet\n",
    };
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        char name[16];
        snprintf(name, sizeof name, "%zu", i);
        put("fuzz_task", name, text[i], strlen(text[i] + 1) + 1);
    }
}

static void arrays(void)
{
    static float data[24];
    for (int type = POISE_F32; type <= POISE_F64; type++) {
        poise_tensor t = {.data = data, .type = (poise_type)type, .rank = type % 4, .dim = {2, 1, 3}, .stride = {3, 3, 1}};
        char name[16];
        void *bytes;
        size_t size;
        snprintf(name, sizeof name, "%s.npy", poise_type_name(t.type));
        need(ps_npy_bytes(&t, &bytes, &size), name);
        put("fuzz_npy", name, bytes, size);
        ps_free(bytes);
    }
}

/* For fuzz_args: a byte for the verb, then words that end with a line. */
static void arguments(void)
{
    static const char *const text[] = {
        "\0net.onnx\nbus.jpg\n--conf=0.5\n--iou\n0.4\nclasses=0,2\nimgsz=480x640\nsave=True\n--no-save-txt\n",
        "\1net.poise\n-i\nx=a.npy\n-o\nout\n--shape\nx=1x3x8x8\n--max-mem\n1.5G\n",
        "\2in.onnx\nout.poise\n--task\npose\n--imgsz\n640\n",
        "\4net.poise\n-t\n1,2,4\n-r\n10\n-o\njson\n--layers\n--\n--odd\n",
    };
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        char name[16];
        snprintf(name, sizeof name, "%zu", i);
        put("fuzz_args", name, text[i], strlen(text[i] + 1) + 1);
    }
}

static void tunings(void)
{
    static const char text[] = "poise tuning 1\nversion 0.1.0\ncpu AuthenticAMD/25/17/7\nisa avx512\nprecision exact\n"
                               "threads 2\nnetwork 0123456789abcdef\nnode 00000000000000ff direct@avx2\n"
                               "node fedcba9876543210 winograd4 conv 3x3 x2: 0.5 -> 0.4 ms\nend\n";
    put("fuzz_tuning", "two.tune", text, sizeof text - 1);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: make_seeds DIR\n");
        return 2;
    }
    dir = argv[1];
    mkdir(dir, 0777);
    pictures();
    networks();
    tflite_networks();
    tasks();
    arrays();
    arguments();
    tunings();
    return 0;
}
