/* convert/tflite_ops.c - finds the translator of a TFLite operator among the families. */
#include "convert/tflite_import.h"

static const ps_tflite_op *const families[] = {
    ps_tflite_ops_math,   ps_tflite_ops_conv,  ps_tflite_ops_reduce, ps_tflite_ops_shape,
    ps_tflite_ops_move,   ps_tflite_ops_space, ps_tflite_ops_index,
};

/* Operators without a translator, so that what cannot be run has a name. */
static const ps_tflite_op unknown[] = {
    {.name = "EMBEDDING_LOOKUP", .code = 7},
    {.name = "HASHTABLE_LOOKUP", .code = 10},
    {.name = "LSH_PROJECTION", .code = 15},
    {.name = "LSTM", .code = 16},
    {.name = "RNN", .code = 24},
    {.name = "SVDF", .code = 27},
    {.name = "CALL", .code = 31},
    {.name = "CUSTOM", .code = 32},
    {.name = "UNIDIRECTIONAL_SEQUENCE_RNN", .code = 35},
    {.name = "UNIDIRECTIONAL_SEQUENCE_LSTM", .code = 44},
    {.name = "BIDIRECTIONAL_SEQUENCE_RNN", .code = 46},
    {.name = "BIDIRECTIONAL_SEQUENCE_LSTM", .code = 52},
    {.name = "SPARSE_TO_DENSE", .code = 68},
    {.name = "FAKE_QUANT", .code = 80},
    {.name = "UNIQUE", .code = 103},
    {.name = "MATRIX_DIAG", .code = 113},
    {.name = "MATRIX_SET_DIAG", .code = 115},
    {.name = "IF", .code = 118},
    {.name = "WHILE", .code = 119},
    {.name = "NON_MAX_SUPPRESSION_V4", .code = 120},
    {.name = "NON_MAX_SUPPRESSION_V5", .code = 121},
    {.name = "DENSIFY", .code = 124},
    {.name = "SEGMENT_SUM", .code = 125},
    {.name = "CALL_ONCE", .code = 129},
    {.name = "RFFT2D", .code = 131},
    {.name = "CONV_3D", .code = 132},
    {.name = "COMPLEX_ABS", .code = 135},
    {.name = "CONV_3D_TRANSPOSE", .code = 141},
    {.name = "VAR_HANDLE", .code = 142},
    {.name = "READ_VARIABLE", .code = 143},
    {.name = "ASSIGN_VARIABLE", .code = 144},
    {.name = "BROADCAST_ARGS", .code = 145},
    {.name = "RANDOM_STANDARD_NORMAL", .code = 146},
    {.name = "BUCKETIZE", .code = 147},
    {.name = "RANDOM_UNIFORM", .code = 148},
    {.name = "DYNAMIC_UPDATE_SLICE", .code = 151},
    {.name = "ATAN2", .code = 156},
    {.name = "BITCAST", .code = 159},
    {.name = "BITWISE_XOR", .code = 160},
    {.name = "RIGHT_SHIFT", .code = 161},
    {.name = NULL},
};

const ps_tflite_op *ps_tflite_op_at(int i)
{
    for (size_t f = 0; f < sizeof families / sizeof *families; f++)
        for (const ps_tflite_op *o = families[f]; o->name; o++)
            if (i-- == 0) return o;
    return NULL;
}

const ps_tflite_op *ps_tflite_op_find(int32_t code)
{
    const ps_tflite_op *o;
    for (int i = 0; (o = ps_tflite_op_at(i)); i++)
        if (o->code == code) return o;
    for (o = unknown; o->name; o++)
        if (o->code == code) return o;
    return NULL;
}
