/* tests/test_json.c - the JSON writer. */
#include "app/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What `write` prints. */
static char *written(void (*write)(ps_json *j))
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    ps_json j = ps_json_begin(f);
    write(&j);
    assert_int_equal(j.depth, 0);
    fclose(f);
    return text;
}

static void expect(void (*write)(ps_json *j), const char *want)
{
    char *got = written(write);
    assert_string_equal(got, want);
    free(got);
}

static void nested(ps_json *j)
{
    ps_json_object(j, NULL);
    ps_json_int(j, "a", -7);
    ps_json_array(j, "b");
    ps_json_int(j, NULL, 1);
    ps_json_object(j, NULL);
    ps_json_end(j);
    ps_json_array(j, NULL);
    ps_json_end(j);
    ps_json_bool(j, NULL, true);
    ps_json_end(j);
    ps_json_null(j, "c");
    ps_json_text(j, "d", NULL);
    ps_json_end(j);
}

static void numbers(ps_json *j)
{
    ps_json_array(j, NULL);
    ps_json_number(j, NULL, 0.5, 6);
    ps_json_number(j, NULL, 1234567.0, 4);
    ps_json_number(j, NULL, 1.0 / 3, 4);
    ps_json_number(j, NULL, -0.0, 6);
    ps_json_number(j, NULL, (double)NAN, 6);
    ps_json_number(j, NULL, -HUGE_VAL, 6);
    ps_json_int(j, NULL, INT64_MAX);
    ps_json_end(j);
}

static void texts(ps_json *j)
{
    ps_json_array(j, NULL);
    ps_json_text(j, NULL, "a\"b\\c\n\t\x01\x7f");
    ps_json_text(j, NULL, "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x99\x82");
    ps_json_text(j, NULL, "\xff\xc3");             /* no sequence; cut short */
    ps_json_text(j, NULL, "\xc0\xaf \xed\xa0\x80"); /* overlong; a surrogate */
    ps_json_end(j);
}

static void test_nested(void **state)
{
    (void)state;
    expect(nested, "{\"a\":-7,\"b\":[1,{},[],true],\"c\":null,\"d\":null}");
}

static void test_numbers(void **state)
{
    (void)state;
    expect(numbers, "[0.5,1.235e+06,0.3333,0,null,null,9223372036854775807]");
}

static void test_texts(void **state)
{
    (void)state;
    expect(texts, "[\"a\\\"b\\\\c\\n\\t\\u0001\\u007f\",\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x99\x82\","
                  "\"\\ufffd\\ufffd\",\"\\ufffd\\ufffd \\ufffd\\ufffd\\ufffd\"]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nested), cmocka_unit_test(test_numbers),
                                       cmocka_unit_test(test_texts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
