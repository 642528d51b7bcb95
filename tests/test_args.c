/* tests/test_args.c - options from the command line and the environment. */
#include "app/args.h"
#include "app/help.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_WORDS = 16 };

/* Parses up to MAX_WORDS words, the last followed by NULL. */
static poise_status parse(ps_args *a, const char *verb, ...)
{
    static char words[MAX_WORDS][64];
    char *argv[MAX_WORDS];
    int n = 0;
    va_list list;
    va_start(list, verb);
    for (const char *w; (w = va_arg(list, const char *)); n++) {
        assert_true(n < MAX_WORDS);
        strncpy(words[n], w, sizeof words[n] - 1);
        argv[n] = words[n];
    }
    va_end(list);
    return ps_args_parse(ps_verb_find(verb), n, argv, a);
}

static void expect_error(ps_args *a, poise_status s, const char *part)
{
    assert_int_equal(s, POISE_BAD_ARGUMENT);
    if (!strstr(poise_error_text(), part)) fail_msg("'%s' lacks '%s'", poise_error_text(), part);
    assert_null(strchr(poise_error_text(), '\n'));
    ps_args_free(a);
}

static void test_forms(void **state)
{
    (void)state;
    static const char *const forms[][3] = {
        {"--conf", "0.3"}, {"--conf=0.3"}, {"conf=0.3"}, {"--CONF=0.3"}, {"--conf=.3"}, {"--conf=3e-1"}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        ps_args a;
        assert_int_equal(parse(&a, "predict", "m.onnx", "x.jpg", forms[i][0], forms[i][1], NULL), POISE_OK);
        assert_true(fabsf(a.conf - 0.3f) < 1e-6f);
        assert_int_equal(a.words.n, 2);
        assert_string_equal(a.words.v[0], "m.onnx");
        ps_args_free(&a);
    }
}

static void test_letters(void **state)
{
    (void)state;
    ps_args a;
    assert_int_equal(parse(&a, "info", "-t", "2", "m", NULL), POISE_OK);
    assert_int_equal(a.threads, 2);
    ps_args_free(&a);
    assert_int_equal(parse(&a, "info", "-t3", "-qv", "m", NULL), POISE_OK);
    assert_int_equal(a.threads, 3);
    ps_args_free(&a);
    assert_int_equal(parse(&a, "val", "-t", "auto", "m", "d", NULL), POISE_OK);
    assert_int_equal(a.threads, -1);
    ps_args_free(&a);
    assert_int_equal(parse(&a, "bench", "--threads=auto", "m", NULL), POISE_OK);
    assert_int_equal(a.sweep.n, 1);
    assert_int_equal(a.sweep.v[0], -1);
    ps_args_free(&a);
    assert_int_equal(parse(&a, "info", "-t3", "-qv", "m", NULL), POISE_OK);
    assert_true(a.quiet && a.verbose);
    ps_args_free(&a);
    assert_int_equal(parse(&a, "bench", "-t=1,2,4", "-r5", "-o", "json", "m", NULL), POISE_OK);
    assert_int_equal(a.sweep.n, 3);
    assert_int_equal(a.sweep.v[2], 4);
    assert_int_equal(a.runs, 5);
    assert_string_equal(a.format, "json");
    ps_args_free(&a);
}

static void test_flags(void **state)
{
    (void)state;
    ps_args a;
    assert_int_equal(parse(&a, "predict", "m", "s", "--save", "--no-show-labels", "show_conf=False", NULL), POISE_OK);
    assert_true(a.save && !a.show_labels && !a.show_conf && a.show_boxes && !a.save_txt);
    ps_args_free(&a);
    assert_int_equal(parse(&a, "predict", "m", "--save", "False", "s", "save_txt=yes", NULL), POISE_OK);
    assert_true(!a.save && a.save_txt);
    assert_int_equal(a.words.n, 2);
    ps_args_free(&a);
    expect_error(&a, parse(&a, "predict", "m", "s", "save=maybe", NULL), "neither true nor false");
    /* A bare word, as Ultralytics' command allows, unless it is a file. */
    assert_int_equal(parse(&a, "predict", "m", "s", "save", "exist_ok", "other.jpg", NULL), POISE_OK);
    assert_true(a.save && a.exist_ok && !a.save_txt);
    assert_int_equal(a.words.n, 3);
    ps_args_free(&a);
    FILE *f = fopen("save_crop", "wb");
    assert_non_null(f);
    fclose(f);
    poise_status s = parse(&a, "predict", "m", "save_crop", "conf", NULL);
    remove("save_crop");
    assert_int_equal(s, POISE_OK);
    assert_true(!a.save_crop && a.words.n == 3);
    ps_args_free(&a);
}

static void test_words(void **state)
{
    (void)state;
    ps_args a;
    assert_int_equal(parse(&a, "predict", "source=x.jpg", "model=m.onnx", NULL), POISE_OK);
    assert_int_equal(a.words.n, 2);
    assert_string_equal(a.words.v[0], "m.onnx");
    assert_string_equal(a.words.v[1], "x.jpg");
    ps_args_free(&a);
    assert_int_equal(parse(&a, "run", "m", "images=x.npy", "-i", "b=y.npy", "--shape", "b=1x3", NULL), POISE_OK);
    assert_int_equal(a.words.n, 2);
    assert_int_equal(a.inputs.n, 1);
    assert_string_equal(a.shapes.v[0], "b=1x3");
    ps_args_free(&a);
    assert_int_equal(parse(&a, "predict", "m", "--", "--odd-name.jpg", NULL), POISE_OK);
    assert_string_equal(a.words.v[1], "--odd-name.jpg");
    ps_args_free(&a);
    expect_error(&a, parse(&a, "predict", "m.onnx", NULL), "needs [MODEL] SOURCE");
#if PS_WITH_EMBED /* the network in the command, where pictures come first */
    static const char *const pictures[] = {"photo.jpg", "photos/*", "tests"};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(parse(&a, "predict", pictures[i], "other.png", NULL), POISE_OK);
        assert_int_equal(a.words.n, 3);
        assert_string_equal(a.words.v[0], "default");
        assert_string_equal(a.words.v[1], pictures[i]);
        ps_args_free(&a);
    }
    assert_int_equal(parse(&a, "predict", "anything", NULL), POISE_OK);
    assert_int_equal(a.words.n, 2);
    ps_args_free(&a);
#endif
    expect_error(&a, parse(&a, "info", "m", "n", NULL), "takes no 'n'");
    assert_int_equal(parse(&a, "predict", "-h", NULL), POISE_OK);
    assert_true(a.help);
    ps_args_free(&a);
}

static void test_values(void **state)
{
    (void)state;
    ps_args a;
    assert_int_equal(parse(&a, "info", "m", "imgsz=480x640", "--max-mem", "1.5G", NULL), POISE_OK);
    assert_int_equal(a.imgsz.h, 480);
    assert_int_equal(a.imgsz.w, 640);
    assert_true(a.max_mem == 1610612736u);
    ps_args_free(&a);
    assert_int_equal(parse(&a, "run", "m", "--cpu-mask", "4-6,0", NULL), POISE_OK);
    assert_true(a.cpu_mask == 0x71);
    ps_args_free(&a);
    assert_int_equal(parse(&a, "bench", "m", "cpu_mask=0xF0", NULL), POISE_OK);
    assert_true(a.cpu_mask == 0xf0);
    ps_args_free(&a);
    assert_int_equal(parse(&a, "info", "m", "--imgsz=320", "--max_mem=64MiB", NULL), POISE_OK);
    assert_true(a.imgsz.h == 320 && a.imgsz.w == 320 && a.max_mem == 64u << 20);
    ps_args_free(&a);
    static const char *const bad[][2] = {
        {"--conf=1.5", "from 0 to 1"},   {"--conf=abc", "'abc'"},      {"--conf=nan", "from 0 to 1"},
        {"--conf=", "from 0 to 1"},      {"--imgsz=0", "480x640"},     {"--imgsz=64x", "480x640"},
        {"--imgsz=0x640", "480x640"},    {"--imgsz=-1", "480x640"},    {"--max-mem=64Q", "64M"},
        {"--cpu-mask=0x", "4-7"},        {"--cpu-mask=0x0", "4-7"},    {"--cpu-mask=0x1ffffffffffffffff", "4-7"},
        {"--cpu-mask=f0", "4-7"},        {"--cpu-mask=63-64", "0 to 63"},
        {"--max-mem=-5M", "64M"},        {"--max-det=2.5", "whole"},   {"--max-det=0", "from 1"},
        {"--format=xml", "jsonl|coco"},  {"--format=", "jsonl|coco"},  {"--threads=1e9", "from 1 to 64"}, {"--threads=-1", "from 1 to 64"}, {"--conf=auto", "is not a number"},
        {"--threads=automatic", "from 1 to 64"},
        {"--format=json", "jsonl|coco"}, {"--classes=", "missing"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_error(&a, parse(&a, "predict", "m", "s", bad[i][0], NULL), bad[i][1]);
    expect_error(&a, parse(&a, "bench", "m", "-t", "1,,2", NULL), "1,2,4");
    expect_error(&a, parse(&a, "bench", "m", "-t", "1,65", NULL), "1,2,4");
    expect_error(&a, parse(&a, "bench", "m", "-t", NULL), "needs a value");
}

static void test_unknown(void **state)
{
    (void)state;
    ps_args a;
    expect_error(&a, parse(&a, "predict", "m", "s", "--cnf", "1", NULL), "did you mean --conf?");
    expect_error(&a, parse(&a, "predict", "m", "s", "cnf=0.3", NULL), "did you mean conf?");
    expect_error(&a, parse(&a, "predict", "m", "s", "--max-dett=3", NULL), "did you mean --max_det?");
    expect_error(&a, parse(&a, "predict", "m", "s", "--zebra", NULL), "poise help predict");
    expect_error(&a, parse(&a, "predict", "m", "s", "-z", NULL), "no option -z");
    expect_error(&a, parse(&a, "info", "m", "--conf=0.2", NULL), "no option --conf");
    assert_null(ps_verb_find("detect"));
    assert_string_equal(ps_verb_near("predcit"), "predict");
    assert_null(ps_verb_near("xylophone"));
}

static void test_environment(void **state)
{
    (void)state;
    ps_args a;
    setenv("POISE_CONF", "0.5", 1);
    setenv("POISE_SAVE", "1", 1);
    assert_int_equal(parse(&a, "predict", "m", "s", NULL), POISE_OK);
    assert_true(a.conf == 0.5f && a.save);
    ps_args_free(&a);
    assert_int_equal(parse(&a, "predict", "m", "s", "conf=0.75", "--no-save", NULL), POISE_OK);
    assert_true(a.conf == 0.75f && !a.save);
    ps_args_free(&a);
    setenv("POISE_CONF", "high", 1);
    expect_error(&a, parse(&a, "predict", "m", "s", NULL), "POISE_CONF: 'high'");
    assert_int_equal(parse(&a, "info", "m", NULL), POISE_OK); /* not an option of info */
    ps_args_free(&a);
    unsetenv("POISE_CONF");
    unsetenv("POISE_SAVE");
}

/* Every verb's options can be told apart, have a page, and their flags need no value. */
static void test_tables(void **state)
{
    (void)state;
    for (const ps_verb *v = ps_verb_table; v->name; v++)
        for (const ps_arg *a = ps_arg_table; a->name; a++) {
            if (!(a->verbs & v->bit)) continue;
            assert_true(a->offset < sizeof(ps_args) && a->help);
            assert_true(a->kind == PS_ARG_FLAG ? a->value == NULL : a->value != NULL);
            for (const ps_arg *b = a + 1; b->name; b++) {
                if (!(b->verbs & v->bit)) continue;
                assert_string_not_equal(a->name, b->name);
                assert_true(!a->letter || a->letter != b->letter);
            }
        }
}

static void test_pages(void **state)
{
    (void)state;
    FILE *f = tmpfile();
    assert_non_null(f);
    for (const ps_verb *v = ps_verb_table; v->name; v++) ps_help_verb(f, v);
    ps_help(f);
    ps_help_man(f);
    assert_true(ps_help_completion(f, "bash") && ps_help_completion(f, "zsh"));
    assert_false(ps_help_completion(f, "fish"));
    assert_true(ftell(f) > 10000);
    rewind(f);
    for (char line[4096]; fgets(line, sizeof line, f);) assert_null(strstr(line, "(null)"));
    fclose(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),  cmocka_unit_test(test_letters), cmocka_unit_test(test_flags),
        cmocka_unit_test(test_words),  cmocka_unit_test(test_values),  cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_environment), cmocka_unit_test(test_tables), cmocka_unit_test(test_pages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
