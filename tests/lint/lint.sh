#!/bin/sh
# lint.sh BUILD "ISAS" - the rules of docs/ARCHITECTURE.md that a machine can hold.
set -u
b=$1 isas=$2
bad=$(mktemp)
trap 'rm -f "$bad"' EXIT
say() { echo "lint: $*" | tee -a "$bad" >&2; }
each() { while IFS= read -r line; do say "$1: $line"; done; } # one complaint for each line that arrives

# 1. Layers: a folder includes only itself and those to its left; convert/ stands beside models/.
may() {
    for inc in $(cat "$1"/*.c "$1"/*.h "$1"/*/*.[ch] "$1"/*/*.inc "$1"/*.def 2>/dev/null |
        sed -nE 's/^ *# *include "([a-z]+)\/.*/\1/p' | sort -u); do
        case " $2 " in *" $inc "*) ;; *) say "$1/ includes $inc/ (may include: $2)" ;; esac
    done
}
may runtime "runtime"
may ops "runtime ops"
may nn "runtime ops nn"
may models "runtime ops nn models"
may convert "runtime ops nn convert"
may app "runtime ops nn models convert app"

# 2. Symbols: poise_ is public, ps_ is shared between files, nothing else leaves an object file.
${NM:-nm} -g --defined-only "$b/libpoise.a" 2>/dev/null |
    awk 'NF == 3 && $2 ~ /[TDBRV]/ && $3 !~ /^_?(ps|poise)_/ { print $3 }' | each "symbol without our prefix"
if [ -e "$b/libpoise.so" ]; then
    ${NM:-nm} -D --defined-only "$b/libpoise.so" | awk 'NF == 3 && $3 !~ /^poise_/ { print $3 }' |
        each "the shared library exports"
fi

# 3. ISA objects export only names that end in their ISA: a shared helper compiled with -mavx2 would crash
#    older processors.
for i in $isas; do
    ${NM:-nm} -g --defined-only "$b"/ops/"$i"/*.o 2>/dev/null |
        awk -v i="_$i" 'NF == 3 && substr($3, length($3) - length(i) + 1) != i { print $3 }' |
        each "ops/$i exports a name without _$i"
done

# 4. One home for each thing that differs between machines.
home() { # pattern, files allowed (egrep), what
    grep -rnE "$1" --include='*.[ch]' runtime ops nn models convert app | grep -vE "^($2)" | cut -c1-120 | each "$3"
}
home '(^|[^_a-z.>])(malloc|calloc|realloc|free|strdup|aligned_alloc|mmap) ?\(' 'runtime/(memory|file)\.[ch]|models/image_(jpeg|png)\.c' 'memory outside runtime/memory.c'
home '# *pragma omp|omp_' 'runtime/threads\.c' 'OpenMP outside runtime/threads.c'
home 'pthread_' 'runtime/pool\.c' 'pthreads outside runtime/pool.c'
home 'cpuid|builtin_cpu|getauxval' 'runtime/cpu(_arm)?\.c' 'CPU detection outside runtime/cpu.c, cpu_arm.c'
home 'clock_gettime|gettimeofday' 'runtime/clock\.c' 'a clock outside runtime/clock.c'
home '(^|[^_a-z])(exit|abort|printf|puts) ?\(' 'app/' 'only app/ prints or exits'
grep -rnE '(^|[^_a-z])alloca ?\(' --include='*.[ch]' . | grep -vE '^./(build|\.cache)/' | each 'alloca'

# 5. Text.
files=$(git ls-files 2>/dev/null '*.c' '*.h' '*.def' '*.inc' '*.sh' '*.py' '*.mk' Makefile)
[ -n "$files" ] || files=$(find . -name build -prune -o \( -name '*.[ch]' -o -name '*.def' -o -name '*.inc' -o -name '*.py' \) -print)
grep -nE '[[:space:]]+$' $files | cut -c1-100 | each 'trailing blanks'
grep -nP '\t' $(echo "$files" | tr ' ' '\n' | grep -E '\.(c|h|def|inc|py)$') | cut -c1-100 | each 'a tab'
grep -nE '\b(TODO|FIXME|XXX)\b' $(echo "$files" | tr ' ' '\n' | grep -v lint.sh) | cut -c1-100 | each 'unfinished'
for f in $files; do
    [ -z "$(tail -c1 "$f")" ] || say "no newline at the end: $f"
done
echo "$files" | tr ' ' '\n' | sed 's,.*/,,' | grep -E '\.([ch]|py)$' | sort | uniq -d | each 'file name used twice'

# Python: lines of at most 132 columns, and a grammar that python3 reads (which imports nothing: torch need not be there).
python=$(echo "$files" | tr ' ' '\n' | grep -E '\.py$')
awk 'length > 132 { print FILENAME ":" FNR ": " length " columns" }' $python | each 'a long line'
if command -v python3 >/dev/null; then
    echo "$python" | python3 -c 'import ast, sys
for path in sys.stdin.read().split():
    try: ast.parse(open(path).read(), path)
    except SyntaxError as e: print(e)' | each 'Python'
else
    echo "lint: SKIPPED: grammar of Python files (no python3)"
fi

# 6. Size: files <= 600 lines, functions <= 80 (kernels of an ISA are exempt from the second).
for f in $(echo "$files" | tr ' ' '\n' | grep -E '\.([ch]|py)$'); do
    n=$(wc -l <"$f")
    [ "$n" -le 600 ] || say "$f has $n lines (600 is the limit)"
done
awk 'FNR == 1 { name = ""; start = 0 }
     /^[a-z].*\)$/ || /^[a-z].*[,(]$/ { if (!start) name = $0 }
     /^\{$/ { start = FNR }
     /^\}/ { if (start && FNR - start > 81) print FILENAME ":" start ": " FNR - start - 1 " lines: " name; start = 0 }' \
    $(echo "$files" | tr ' ' '\n' | grep -E '\.c$' | grep -vE '^ops/(sse4|avx2|avxvnni|avx512|avx512vbmi|avx512vnni|avx512bf16|amx|neon)/') | each 'a long function'

# 7. Nothing of one machine: no path of somebody's own.
grep -nE '/(home|root|Users)/[a-z]' $( (git ls-files 2>/dev/null || echo "$files") | grep -vE 'lint\.sh|LICENSE') 2>/dev/null </dev/null |
    cut -c1-100 | each 'a path of one machine'

[ -s "$bad" ] && { echo "lint: $(wc -l <"$bad") complaints"; exit 1; }
echo "lint: ok"
