/* tests/fake_tree.h - folders that stand for "/", with the files of a board's sysfs. */
#ifndef PS_TESTS_FAKE_TREE_H
#define PS_TESTS_FAKE_TREE_H

typedef struct fake_tree {
    char root[64];
} fake_tree;

void fake_tree_begin(fake_tree *t);
void fake_tree_end(fake_tree *t); /* removes it */
/* Writes a file and the folders above it. */
void fake_tree_file(const fake_tree *t, const char *path, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Core `cpu` with its capacity, clock and part; 0 leaves the file out. */
void fake_tree_core(const fake_tree *t, int cpu, int capacity, int khz, unsigned part);

#endif
