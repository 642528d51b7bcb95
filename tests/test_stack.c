/* tests/test_stack.c - how much stack the library uses: everything from opening a network to its objects runs on a stack that
 * was painted before, with every instruction set, and what is no longer painted was used. */
#include "models/detector.h"
#include "nn/session.h"
#include "ops/kernels.h"
#include "runtime/cpu.h"
#include "tests/tiny_onnx.h"
#include "tests/tiny_tflite.h"

#include <pthread.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

enum { PAINTED = 1 << 20, PAINT = 0xa5, PIXELS = 64 };

typedef struct job {
    const char *path, *isa;
    poise_convert_options co;
    poise_status status;
} job;

static uint8_t *stack;

/* Opens, runs and detects where the network says how; all on this thread. */
static void *work(void *arg)
{
    static uint8_t pixels[PIXELS * PIXELS * 3];
    job *j = arg;
    poise_model *m;
    poise_session *s = NULL;
    poise_object found[2]; /* of the caller, 1.6 kB */
    int n;
    j->status = poise_model_open_any(j->path, &j->co, &(poise_options){.threads = 1, .isa = j->isa}, &m);
    if (j->status) return NULL;
    j->status = poise_session_open(m, &s);
    if (!j->status) {
        ps_session_fill_noise(s);
        poise_session_run(s);
        poise_image img = {.plane = {pixels}, .stride = {PIXELS * 3}, .w = PIXELS, .h = PIXELS};
        poise_detect(s, &img, NULL, found, 2, &n); /* networks without a task fail here, and use stack for that */
    }
    poise_session_close(s);
    poise_model_close(m);
    return NULL;
}

static size_t used_by(job *j)
{
    pthread_t id;
    pthread_attr_t attr;
    size_t free_bytes = 0;
    memset(stack, PAINT, PAINTED);
    assert_int_equal(pthread_attr_init(&attr), 0);
    assert_int_equal(pthread_attr_setstack(&attr, stack, PAINTED), 0);
    assert_int_equal(pthread_create(&id, &attr, work, j), 0);
    assert_int_equal(pthread_join(id, NULL), 0);
    pthread_attr_destroy(&attr);
    while (free_bytes < PAINTED && stack[free_bytes] == PAINT) free_bytes++;
    return PAINTED - free_bytes;
}

/* With every instruction set of this machine: the most, and which. */
static void measure(const char *path, const poise_convert_options *co, const char *what)
{
    unsigned have = ps_cpu_flags();
    size_t most = 0;
    const char *which = "";
    for (const ps_isa *isa = ps_isas; isa->name; isa++) {
        if ((isa->need & have) != isa->need) continue;
        job j = {.path = path, .isa = isa->name, .co = co ? *co : (poise_convert_options){0}};
        size_t used = used_by(&j);
        if (j.status) fail_msg("%s on %s: status %d", what, isa->name, (int)j.status);
        if (used > most) most = used, which = isa->name;
    }
    printf("%-32s %4zu kB of %d (%s)\n", what, most / 1024, PS_STACK_BYTES / 1024, which);
    assert_true(most > 4096); /* something did run there */
    if (most > PS_STACK_BYTES) fail_msg("%s: %zu bytes of stack", what, most);
}

static void tiny_networks(void **state)
{
    (void)state;
    if (!PS_WITH_ONNX) skip();
    char path[64], what[32];
    for (int kind = 0; kind < TINY_COUNT + TINY_TFLITE_COUNT; kind++) {
        void *bytes;
        size_t size;
        poise_convert_options co = {.imgsz_h = kind == TINY_SHAPES ? 16 : 0, .imgsz_w = kind == TINY_SHAPES ? 16 : 0};
        poise_status s = kind < TINY_COUNT ? tiny_onnx_make(kind, &bytes, &size) : tiny_tflite_make(kind - TINY_COUNT, &bytes, &size);
        assert_int_equal(s, POISE_OK);
        snprintf(path, sizeof path, "/tmp/poise-stack-%d.onnx", (int)getpid());
        assert_int_equal(ps_file_write(path, bytes, size), POISE_OK);
        ps_free(bytes);
        snprintf(what, sizeof what, "tiny network %d", kind);
        measure(path, &co, what);
        unlink(path);
    }
}

/* Depthwise windows of bytes and floats, heads, attention; foreign data, what is absent is skipped. */
static void real_networks(void **state)
{
    (void)state;
    if (!PS_WITH_ONNX) skip();
    static const char *const names[] = {"tflite/mobilenet_v2_224_u8.tflite", "tflite/movenet_lightning_192_int8.tflite",
                                        "onnx/fastestdet_352.onnx", "onnx/yolox_nano_416.onnx", "onnx/yolo26n-pose_256_qdq_int8.onnx"};
    const char *root = getenv("POISE_ASSETS");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/models/%s", root ? root : "../shared/assets", names[i]);
        if (access(path, R_OK)) printf("SKIP %s\n", path);
        else measure(path, NULL, strrchr(names[i], '/') + 1);
    }
}

int main(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    puts("SKIP: a sanitizer's frames are not ours");
    return 0;
#endif
    stack = aligned_alloc(4096, PAINTED);
    const struct CMUnitTest tests[] = {cmocka_unit_test(tiny_networks), cmocka_unit_test(real_networks)};
    int failed = stack ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
    free(stack);
    return failed;
}
