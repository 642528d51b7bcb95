/* tests/fuzz/make_seeds.c - writes the seed corpora DIR/<target>/: small legal inputs of every kind. */
#include "poise.h"

#include "app/npy.h"
#include "runtime/file.h"
#include "runtime/memory.h"
#include "tests/tiny_onnx.h"

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
        poise_image img = {.pixels = pixels, .w = 24, .h = 17, .channels = channels, .stride = 24 * channels};
        for (int i = 0; i < 4; i++) {
            char name[32];
            snprintf(name, sizeof name, "%d%s", channels, names[i]);
            if (poise_image_save(&img, place("fuzz_image", name), 80) != POISE_OK) /* a format left out of this build */
                fprintf(stderr, "make_seeds: %s left out: %s\n", name, poise_error_text());
        }
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
        ps_free(bytes);
        poise_free(poise);
    }
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
    static const char names[] = "{0: 'person', 1: \"traffic light\", 79: 'tooth\\'brush'}";
    put("fuzz_task", "names", names, strlen(names));
    return 0;
}
