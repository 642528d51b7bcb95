/* tests/test_tflite.c - TFLite operators that compute, against numbers computed here. */
#include "tests/tflite_run.h"

/* ---- elementwise ---- */

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}
static double relu(double x)
{
    return x > 0 ? x : 0;
}
static double relu6(double x)
{
    return fmin(relu(x), 6);
}
static double relu1(double x)
{
    return fmax(-1, fmin(x, 1));
}
static double relu01(double x)
{
    return fmax(0, fmin(x, 1));
}
static double hard_swish(double x)
{
    return x * relu6(x + 3) / 6;
}
static double elu(double x)
{
    return x > 0 ? x : exp(x) - 1;
}
static double rsqrt(double x)
{
    return 1 / sqrt(x);
}
static double square(double x)
{
    return x * x;
}
static double negative(double x)
{
    return -x;
}
static double gelu(double x)
{
    return x * 0.5 * (1 + erf(x / sqrt(2.0)));
}
static double sign(double x)
{
    return (x > 0) - (x < 0);
}

static void functions_of_one_tensor(void **state)
{
    (void)state;
    static const struct {
        int code;
        double (*f)(double);
        double low; /* inputs are above it */
    } list[] = {
        {101, fabs, -9}, {104, ceil, -9},      {108, cos, -9},  {47, exp, -9},   {8, floor, -9},     {117, hard_swish, -9},
        {73, log, 0},    {14, sigmoid, -9},    {59, negative, -9}, {116, rint, -9}, {66, sin, -9},  {75, sqrt, 0},
        {28, tanh, -9},  {19, relu, -9},       {20, relu1, -9}, {21, relu6, -9}, {152, relu01, -9}, {111, elu, -9},
        {76, rsqrt, 0},  {92, square, -9},     {150, gelu, -9}, {158, sign, -9},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        double want[24];
        tr_fresh();
        int x = tfl_input(&t, TFL_F32, TFL_DIMS(1, 2, 3, 4));
        tfl_output(&t, tfl_node(&t, list[i].code, TFL_IN(x), TFL_F32, TFL_DIMS(1, 2, 3, 4)));
        for (int k = 0; k < 24; k++) {
            if (tr_in[0][k] <= list[i].low) tr_in[0][k] = 0.25 + k;
            want[k] = list[i].f(tr_in[0][k]);
        }
        tr_expect(24, want, 1e-5);
    }
}

static void leaky_relu_and_prelu(void **state)
{
    (void)state;
    static const float slope[2] = {0.5F, 2};
    tr_fresh();
    int x = tfl_input(&t, TFL_F32, TFL_DIMS(1, 1, 2, 2));
    x = tfl_node(&t, 98, TFL_IN(x), TFL_F32, TFL_DIMS(1, 1, 2, 2));
    tfl_float(&t, 0, 0.25F);
    x = tfl_node(&t, 54, TFL_IN(x, tfl_constant(&t, TFL_F32, TFL_DIMS(1, 1, 2), slope)), TFL_F32, TFL_DIMS(1, 1, 2, 2));
    tfl_output(&t, x);
    for (int i = 0; i < 4; i++) tr_in[0][i] = (const double[]){-4, -8, 3, -2}[i];
    WANT(1e-6, -0.5, -4, 3, -1);
}

static double divide(double a, double b)
{
    return a / b;
}
static double floor_div(double a, double b)
{
    return floor(a / b);
}
static double floor_mod(double a, double b)
{
    return a - floor(a / b) * b;
}
static double add(double a, double b)
{
    return a + b;
}
static double subtract(double a, double b)
{
    return a - b;
}
static double multiply(double a, double b)
{
    return a * b;
}
static double squared_difference(double a, double b)
{
    return (a - b) * (a - b);
}
static double power(double a, double b)
{
    return pow(fabs(a), b);
}
static double equal(double a, double b)
{
    return !(a < b || a > b);
}
static double not_equal(double a, double b)
{
    return a < b || a > b;
}
static double greater(double a, double b)
{
    return a > b;
}
static double greater_equal(double a, double b)
{
    return a >= b;
}
static double less(double a, double b)
{
    return a < b;
}
static double less_equal(double a, double b)
{
    return a <= b;
}

/* [1,2,3,2] with [3,1], of floats and of whole numbers. */
static void functions_of_two_tensors(void **state)
{
    (void)state;
    static const struct {
        int code;
        double (*f)(double, double);
        bool truth, whole;
    } list[] = {
        {0, add, 0, 1},       {41, subtract, 0, 1},       {18, multiply, 0, 1}, {42, divide, 0, 0},  {55, fmax, 0, 1},
        {57, fmin, 0, 1},     {78, power, 0, 0},          {99, squared_difference, 0, 1}, {90, floor_div, 0, 1}, {95, floor_mod, 0, 1},
        {71, equal, 1, 1},    {72, not_equal, 1, 1},      {61, greater, 1, 1},  {62, greater_equal, 1, 1}, {58, less, 1, 1},
        {63, less_equal, 1, 1},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        for (int whole = 0; whole <= list[i].whole; whole++) {
            double want[12];
            int type = whole ? TFL_I32 : TFL_F32;
            tr_fresh();
            int x = tfl_input(&t, type, TFL_DIMS(1, 2, 3, 2)), y = tfl_input(&t, type, TFL_DIMS(3, 1));
            tfl_output(&t, tfl_node(&t, list[i].code, TFL_IN(x, y), list[i].truth ? TFL_BOOL : type, TFL_DIMS(1, 2, 3, 2)));
            for (int k = 0; k < 3; k++) tr_in[1][k] = (const double[]){-3, 2, 5}[k];
            for (int k = 0; k < 12; k++) {
                tr_in[0][k] = whole ? k * 5 % 13 - 6 : k == 4 ? 2 : tr_in[0][k];
                if (list[i].code == 78) tr_in[0][k] = fabs(tr_in[0][k]) + 0.5;
                want[k] = list[i].f(tr_in[0][k], tr_in[1][k / 2 % 3]);
            }
            tr_expect(12, want, 1e-5);
        }
}

static void fused_activations(void **state)
{
    (void)state;
    static const double want[5][4] = {{-3, 0.5, 7, 2}, {0, 0.5, 7, 2}, {-1, 0.5, 1, 1}, {0, 0.5, 6, 2}, {0}};
    for (int act = 0; act < 5; act++) {
        tr_fresh();
        int x = tfl_input(&t, TFL_F32, TFL_DIMS(4)), y = tfl_input(&t, TFL_F32, TFL_DIMS(4));
        tfl_output(&t, tfl_node(&t, 0, TFL_IN(x, y), TFL_F32, TFL_DIMS(4)));
        tfl_byte(&t, 0, act);
        for (int i = 0; i < 4; i++) tr_in[0][i] = want[0][i] - 1, tr_in[1][i] = 1;
        if (act < 4) tr_expect(4, want[act], 1e-6);
        else WANT(1e-6, tanh(-3), tanh(0.5), tanh(7), tanh(2));
    }
}

static void truths_and_choices(void **state)
{
    (void)state;
    tr_fresh();
    int a = tfl_input(&t, TFL_BOOL, TFL_DIMS(3)), b = tfl_input(&t, TFL_BOOL, TFL_DIMS(3));
    int both = tfl_node(&t, 86, TFL_IN(a, b), TFL_BOOL, TFL_DIMS(3)), one = tfl_node(&t, 84, TFL_IN(a, b), TFL_BOOL, TFL_DIMS(3));
    int not = tfl_node(&t, 87, TFL_IN(a), TFL_BOOL, TFL_DIMS(3)), x = tfl_input(&t, TFL_F32, TFL_DIMS(3, 2));
    int y = tfl_input(&t, TFL_F32, TFL_DIMS(3, 2)), picked = tfl_node(&t, 64, TFL_IN(a, x, y), TFL_F32, TFL_DIMS(3, 2));
    tfl_output(&t, both), tfl_output(&t, one), tfl_output(&t, not), tfl_output(&t, picked);
    for (int i = 0; i < 3; i++) tr_in[0][i] = i != 1, tr_in[1][i] = i == 2;
    for (int i = 0; i < 6; i++) tr_in[2][i] = i, tr_in[3][i] = 10 + i;
    WANT(0, 0, 0, 1, 1, 0, 1, 0, 1, 0, 0, 1, 12, 13, 4, 5);
    tr_fresh(); /* SELECT_V2 broadcasts */
    a = tfl_input(&t, TFL_BOOL, TFL_DIMS(2)), x = tfl_input(&t, TFL_F32, TFL_DIMS(3, 2)), y = tfl_input(&t, TFL_F32, TFL_SCALAR);
    tfl_output(&t, tfl_node(&t, 123, TFL_IN(a, x, y), TFL_F32, TFL_DIMS(3, 2)));
    tr_in[0][0] = 1, tr_in[0][1] = 0, tr_in[2][0] = -9;
    for (int i = 0; i < 6; i++) tr_in[1][i] = i;
    WANT(0, 0, -9, 2, -9, 4, -9);
}

static void casts_and_sums_of_many(void **state)
{
    (void)state;
    tr_fresh();
    int x = tfl_input(&t, TFL_F32, TFL_DIMS(3)), y = tfl_input(&t, TFL_F32, TFL_DIMS(3));
    x = tfl_node(&t, 106, TFL_IN(x, y, x), TFL_F32, TFL_DIMS(3));
    tfl_output(&t, tfl_node(&t, 53, TFL_IN(x), TFL_I32, TFL_DIMS(3)));
    for (int i = 0; i < 3; i++) tr_in[0][i] = i - 1.3, tr_in[1][i] = 0.5;
    WANT(0, -2, 0, 1);
    tr_fresh(); /* codes are cast as integers */
    x = tfl_input(&t, TFL_I8, TFL_DIMS(3));
    tfl_quantise(&t, x, 0.3F, -5);
    tfl_output(&t, tfl_node(&t, 53, TFL_IN(x), TFL_F32, TFL_DIMS(3)));
    for (int i = 0; i < 3; i++) tr_in[0][i] = i * 100 - 90;
    WANT(1e-6, -90, 10, 110);
}

/* ---- windows and products ---- */

typedef struct window {
    int h, w, c, o, kh, kw, stride, dilation, same, group; /* group 0: depthwise, o channels of it */
} window;

static int pads(int n, int k, int stride, int dilation, int same, int *out)
{
    int span = dilation * (k - 1) + 1;
    *out = same ? (n + stride - 1) / stride : (n - span) / stride + 1;
    int total = (*out - 1) * stride + span - n;
    return same && total > 0 ? total / 2 : 0;
}

/* x [h,w,c] with weights [o,kh,kw,c/group] or [kh,kw,o], bias[i] = i: direct sums. */
static int convolve(const window *v, const double *x, const float *weights, double *y)
{
    int oh, ow, top = pads(v->h, v->kh, v->stride, v->dilation, v->same, &oh);
    int left = pads(v->w, v->kw, v->stride, v->dilation, v->same, &ow), each = v->group ? v->c / v->group : 1;
    for (int i = 0; i < oh * ow * v->o; i++) {
        int o = i % v->o, col = i / v->o % ow, row = i / v->o / ow;
        y[i] = o;
        for (int a = 0; a < v->kh; a++)
            for (int b = 0; b < v->kw; b++)
                for (int c = 0; c < each; c++) {
                    int py = row * v->stride - top + a * v->dilation, px = col * v->stride - left + b * v->dilation;
                    if (py < 0 || px < 0 || py >= v->h || px >= v->w) continue;
                    int from = v->group ? o / (v->o / v->group) * each + c : o / (v->o / v->c);
                    float w = weights[v->group ? ((o * v->kh + a) * v->kw + b) * each + c : (a * v->kw + b) * v->o + o];
                    y[i] += x[(py * v->w + px) * v->c + from] * (double)w;
                }
    }
    return oh * ow * v->o;
}

static float numbers[2048]; /* for weights */
static float first[16];     /* 0, 1, 2 ... for biases */

static void fill_numbers(void)
{
    for (int i = 0; i < 2048; i++) numbers[i] = (float)((i * 37 + 11) % 41 - 20) / 16;
    for (int i = 0; i < 16; i++) first[i] = (float)i;
}

static void convolutions(void **state)
{
    (void)state;
    static const window list[] = {
        {5, 6, 3, 4, 3, 3, 1, 1, 1, 1}, {5, 6, 3, 4, 3, 2, 2, 1, 1, 1}, {6, 6, 4, 4, 3, 3, 2, 1, 0, 1}, {7, 5, 4, 6, 3, 3, 1, 2, 1, 2},
        {5, 6, 3, 3, 3, 3, 1, 1, 1, 0}, {6, 5, 2, 4, 3, 3, 2, 1, 1, 0}, {7, 7, 3, 3, 3, 3, 1, 2, 0, 0}, {1, 1, 8, 5, 1, 1, 1, 1, 0, 1},
    };
    fill_numbers();
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        const window *v = &list[i];
        double want[TR_MOST];
        tr_fresh();
        int count = convolve(v, tr_in[0], numbers, want), at = v->group ? 3 : 4;
        int x = tfl_input(&t, TFL_F32, TFL_DIMS(1, v->h, v->w, v->c));
        int w = v->group ? tfl_constant(&t, TFL_F32, TFL_DIMS(v->o, v->kh, v->kw, v->c / v->group), numbers)
                         : tfl_constant(&t, TFL_F32, TFL_DIMS(1, v->kh, v->kw, v->o), numbers);
        int y = tfl_node(&t, v->group ? 3 : 4, TFL_IN(x, w, tfl_constant(&t, TFL_F32, TFL_DIMS(v->o), first)), TFL_F32,
                         TFL_DIMS(1, 1, 1, 1));
        tfl_byte(&t, 0, !v->same);
        tfl_int(&t, 1, v->stride);
        tfl_int(&t, 2, v->stride);
        tfl_int(&t, at + 1, v->dilation);
        tfl_int(&t, at + 2, v->dilation);
        tfl_output(&t, y);
        tr_expect(count, want, 1e-5);
    }
}

/* A PAD before a convolution without borders becomes its borders; read by others too, it stays. */
static void padded_convolution(void **state)
{
    (void)state;
    static const int32_t borders[8] = {0, 0, 1, 1, 1, 1, 0, 0};
    window v = {4, 4, 2, 3, 3, 3, 1, 1, 1, 1};
    double want[TR_MOST];
    fill_numbers();
    for (int others = 0; others < 2; others++) {
        tr_fresh();
        int count = convolve(&v, tr_in[0], numbers, want);
        int x = tfl_input(&t, TFL_F32, TFL_DIMS(1, 4, 4, 2)), w = tfl_constant(&t, TFL_F32, TFL_DIMS(3, 3, 3, 2), numbers);
        x = tfl_node(&t, 34, TFL_IN(x, tfl_constant(&t, TFL_I32, TFL_DIMS(4, 2), borders)), TFL_F32, TFL_DIMS(1, 6, 6, 2));
        int y = tfl_node(&t, 3, TFL_IN(x, w, tfl_constant(&t, TFL_F32, TFL_DIMS(3), first)), TFL_F32, TFL_DIMS(1, 4, 4, 3));
        tfl_byte(&t, 0, 1);
        tfl_int(&t, 1, 1);
        tfl_int(&t, 2, 1);
        tfl_output(&t, y);
        if (others) {
            for (int i = 0; i < 6 * 6 * 2; i++) {
                int c = i % 2, col = i / 2 % 6 - 1, row = i / 12 - 1;
                bool inside = col >= 0 && row >= 0 && col < 4 && row < 4;
                want[count + i] = inside ? tr_in[0][(row * 4 + col) * 2 + c] : 0;
            }
            tfl_output(&t, x);
        }
        tr_expect(count + (others ? 72 : 0), want, 1e-5);
        assert_int_equal(tr_has(&ps_op_pad), others);
    }
}

static void transposed_convolution(void **state)
{
    (void)state;
    enum { K = 3, C = 2, O = 2, H = 3 };
    fill_numbers();
    for (int same = 0; same < 2; same++) {
        int size = same ? 2 * H : 2 * (H - 1) + K, pad = same ? (2 * (H - 1) + K - size) / 2 : 0;
        double want[TR_MOST] = {0};
        tr_fresh();
        for (int i = 0; i < H * H * K * K; i++) { /* weights [o,kh,kw,c] */
            int b = i % K, a = i / K % K, col = i / K / K % H, row = i / K / K / H;
            int y = row * 2 - pad + a, x = col * 2 - pad + b;
            if (y < 0 || x < 0 || y >= size || x >= size) continue;
            for (int o = 0; o < O; o++)
                for (int c = 0; c < C; c++)
                    want[(y * size + x) * O + o] +=
                        tr_in[0][(row * H + col) * C + c] * (double)numbers[((o * K + a) * K + b) * C + c];
        }
        for (int i = 0; i < size * size * O; i++) want[i] += i % O;
        int x = tfl_input(&t, TFL_F32, TFL_DIMS(1, H, H, C)), w = tfl_constant(&t, TFL_F32, TFL_DIMS(O, K, K, C), numbers);
        int y = tfl_node(&t, 67, TFL_IN(INTS(1, size, size, O), w, x, tfl_constant(&t, TFL_F32, TFL_DIMS(O), first)), TFL_F32,
                         TFL_DIMS(1, size, size, O));
        tfl_byte(&t, 0, !same);
        tfl_int(&t, 1, 2);
        tfl_int(&t, 2, 2);
        tfl_output(&t, y);
        tr_expect(size * size * O, want, 1e-5);
    }
}

static void pools(void **state)
{
    (void)state;
    enum { AVERAGE = 1, LARGEST = 17, ROOT = 12 };
    static const int codes[] = {AVERAGE, LARGEST, ROOT};
    for (int i = 0; i < 6; i++) {
        int code = codes[i % 3], same = i < 3, n = 0, oh, ow, k = i == 3 ? 5 : 3;
        double want[TR_MOST];
        tr_fresh();
        int top = pads(5, k, 2, 1, same, &oh), left = pads(5, k, 2, 1, same, &ow);
        for (int p = 0; p < oh * ow * 2; p++) {
            double sum = 0, best = -(double)INFINITY, roots = 0;
            int count = 0;
            for (int a = 0; a < k * k; a++) {
                int y = p / 2 / ow * 2 - top + a / k, x = p / 2 % ow * 2 - left + a % k;
                if (y < 0 || x < 0 || y >= 5 || x >= 5) continue;
                double v = tr_in[0][(y * 5 + x) * 2 + p % 2];
                sum += v, roots += v * v, best = fmax(best, v), count++;
            }
            want[n++] = code == AVERAGE ? sum / count : code == LARGEST ? best : sqrt(roots / count);
        }
        int x = tfl_input(&t, TFL_F32, TFL_DIMS(1, 5, 5, 2));
        tfl_output(&t, tfl_node(&t, code, TFL_IN(x), TFL_F32, TFL_DIMS(1, oh, ow, 2)));
        tfl_byte(&t, 0, !same);
        tfl_int(&t, 1, 2), tfl_int(&t, 2, 2), tfl_int(&t, 3, k), tfl_int(&t, 4, k);
        tr_expect(n, want, 1e-5);
    }
}

static void products(void **state)
{
    (void)state;
    static const float w[6] = {1, 2, 3, -1, 0, 2}, b[2] = {10, 20};
    tr_fresh(); /* [2,2,3] as 4 rows */
    int x = tfl_input(&t, TFL_F32, TFL_DIMS(2, 2, 3)), m = tfl_constant(&t, TFL_F32, TFL_DIMS(2, 3), w);
    tfl_output(&t, tfl_node(&t, 9, TFL_IN(x, m, tfl_constant(&t, TFL_F32, TFL_DIMS(2), b)), TFL_F32, TFL_DIMS(4, 2)));
    tfl_output(&t, tfl_node(&t, 9, TFL_IN(x, m, -1), TFL_F32, TFL_DIMS(2, 2, 2)));
    tfl_byte(&t, 2, 1);
    for (int i = 0; i < 12; i++) tr_in[0][i] = i;
    WANT(1e-6, 18, 24, 36, 27, 54, 30, 72, 33, 8, 4, 26, 7, 44, 10, 62, 13);
    tr_fresh();
    x = tfl_input(&t, TFL_F32, TFL_DIMS(1, 2, 2)), m = tfl_input(&t, TFL_F32, TFL_DIMS(3, 2, 2));
    tfl_output(&t, tfl_node(&t, 126, TFL_IN(x, m), TFL_F32, TFL_DIMS(3, 2, 2)));
    tfl_byte(&t, 1, 1);
    for (int i = 0; i < 12; i++) tr_in[0][i] = i + 1, tr_in[1][i] = i;
    WANT(1e-6, 2, 8, 4, 18, 14, 20, 32, 46, 26, 32, 60, 74);
}

/* SPACE_TO_BATCH_ND, a convolution and BATCH_TO_SPACE_ND are one dilated convolution; step by step where others read what
 * is between them. */
static void dilation_by_batches(void **state)
{
    (void)state;
    static const int32_t pad[4] = {2, 3, 2, 3}, crop[4] = {0, 1, 0, 1};
    window v = {5, 5, 2, 3, 3, 3, 1, 2, 1, 1};
    double want[TR_MOST];
    fill_numbers();
    for (int others = 0; others < 2; others++) {
        tr_fresh();
        int count = convolve(&v, tr_in[0], numbers, want), x = tfl_input(&t, TFL_F32, TFL_DIMS(1, 5, 5, 2));
        int parts = tfl_node(&t, 38, TFL_IN(x, INTS(2, 2), tfl_constant(&t, TFL_I32, TFL_DIMS(2, 2), pad)), TFL_F32, TFL_DIMS(4, 5, 5, 2));
        int w = tfl_constant(&t, TFL_F32, TFL_DIMS(3, 3, 3, 2), numbers), b = tfl_constant(&t, TFL_F32, TFL_DIMS(3), first);
        int y = tfl_node(&t, 3, TFL_IN(parts, w, b), TFL_F32, TFL_DIMS(4, 3, 3, 3));
        tfl_byte(&t, 0, 1), tfl_int(&t, 1, 1), tfl_int(&t, 2, 1);
        y = tfl_node(&t, 37, TFL_IN(y, INTS(2, 2), tfl_constant(&t, TFL_I32, TFL_DIMS(2, 2), crop)), TFL_F32, TFL_DIMS(1, 5, 5, 3));
        tfl_output(&t, y);
        if (!others) {
            tr_expect(count, want, 1e-5);
            assert_false(tr_has(&ps_op_pad));
            continue;
        }
        tfl_output(&t, parts);
        assert_true(tr_has(&ps_op_pad));
        tr_run(true);
        assert_int_equal(tr_n_got, count + 4 * 5 * 5 * 2);
        for (int i = 0; i < count; i++) assert_true(fabs(tr_got[i] - want[i]) < 1e-4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_of_one_tensor),
        cmocka_unit_test(leaky_relu_and_prelu),
        cmocka_unit_test(functions_of_two_tensors),
        cmocka_unit_test(fused_activations),
        cmocka_unit_test(truths_and_choices),
        cmocka_unit_test(casts_and_sums_of_many),
        cmocka_unit_test(convolutions),
        cmocka_unit_test(padded_convolution),
        cmocka_unit_test(transposed_convolution),
        cmocka_unit_test(pools),
        cmocka_unit_test(products),
        cmocka_unit_test(dilation_by_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
