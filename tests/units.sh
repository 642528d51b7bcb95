#!/bin/sh
# units.sh PROGRAM... - runs test programs, as many at a time as there are processors, and shows what each printed; those that
# failed are shown once more at the end, without what passed.  $EMU runs them where they are of another machine.
failed=$(mktemp) || exit 1
trap 'rm -f "$failed"' EXIT
export failed
printf '%s\n' "$@" | xargs -P"$(nproc)" -I{} sh -c '$EMU {} >{}.log 2>&1
    s=$?
    echo "== {}"
    cat {}.log
    [ $s -eq 0 ] || echo "{} $s" >>"$failed"' || exit 1 # what cannot be noted has failed, too
[ -s "$failed" ] || exit 0
while read -r program status; do
    echo "== $program FAILED with exit status $status"
    grep -vE '^\[( RUN |       OK|==========)' "$program.log" | tail -n 30
done <"$failed"
echo "units: $(wc -l <"$failed") of $# test programs failed"
exit 1
