/* nn/ops.c - the list of operators, and finding them by id. */
#include "nn/op.h"

static const struct {
    unsigned id;
    const ps_op *op;
} ops[] = {
#define PS_OP(id, name) {id, &ps_op_##name},
#include "nn/ops.def"
#undef PS_OP
};

enum { N_OPS = sizeof ops / sizeof *ops };

/* A duplicate id does not compile. */
static inline void ids_are_unique(unsigned id)
{
    switch (id) {
#define PS_OP(id, name) case id:
#include "nn/ops.def"
#undef PS_OP
    default: break;
    }
}

const ps_op *ps_op_by_id(unsigned id)
{
    ids_are_unique(id);
    for (int i = 0; i < N_OPS; i++)
        if (ops[i].id == id) return ops[i].op;
    return NULL;
}

const ps_op *ps_op_at(int i)
{
    return i >= 0 && i < N_OPS ? ops[i].op : NULL;
}

unsigned ps_op_id(const ps_op *op)
{
    for (int i = 0; i < N_OPS; i++)
        if (ops[i].op == op) return ops[i].id;
    return 0;
}
