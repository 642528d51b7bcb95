/* detect.c - finds objects in a picture with libpoise:  detect MODEL PICTURE
 *
 *     cc detect.c $(pkg-config --cflags --libs poise) -o detect
 */
#include <poise.h>

#include <stdio.h>

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, poise_error_text());
    return 1;
}

int main(int argc, char **argv)
{
    poise_model *model = NULL;
    poise_session *session = NULL;
    poise_image picture = {0};
    static poise_object found[300];
    int n = 0, bad = 0;

    if (argc != 3) {
        fprintf(stderr, "usage: detect MODEL PICTURE\n");
        return 2;
    }
    if (poise_model_open_any(argv[1], NULL, NULL, &model)) bad = failed("model");
    else if (poise_session_open(model, &session)) bad = failed("session");
    else if (poise_image_open_for(session, argv[2], &picture)) bad = failed("picture");
    else if (poise_detect(session, &picture, NULL, found, 300, &n)) bad = failed("detect");

    for (int i = 0; i < n; i++) {
        const char *name = poise_class_name(session, found[i].class_id);
        printf("%-16s %.2f  %.0f %.0f %.0f %.0f\n", name ? name : "?", (double)found[i].conf, (double)found[i].x1,
               (double)found[i].y1, (double)found[i].x2, (double)found[i].y2);
    }
    poise_image_close(&picture);
    poise_session_close(session);
    poise_model_close(model);
    return bad;
}
