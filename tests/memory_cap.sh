#!/bin/sh
# memory_cap.sh BUILD MB NETWORK [HOST-BUILD] - detects in a picture where there are no more than MB megabytes.
#
# A build for this machine gets an address space of that size (RLIMIT_AS): whatever it maps has to fit, touched or not.  Under
# EMU, an emulator that maps gigabytes for itself, a control group has so much memory, for emulator and guest together; where none
# can be made the test is skipped.  A network that is no .poise file is converted first, for 320 x 320 pixels, by HOST-BUILD.
set -u
b=$1 mb=$2 net=$3 host=${4:-$1} emu=${EMU:-}
dir=$(mktemp -d) group=
leave() {
    rm -rf "$dir"
    [ -z "$group" ] || rmdir "$group"
}
trap leave EXIT
fail() {
    echo "memory cap of $mb MB: FAILED: $*"
    cat "$dir/err"
    exit 1
}
: >"$dir/err"
case $net in
*.poise) ;;
*)
    [ -f "$net" ] || { echo "SKIP memory cap: no $net" && exit 0; }
    "$host/poise" convert "$net" "$dir/net.poise" --imgsz 320 -q || fail "convert"
    net=$dir/net.poise
    ;;
esac
{ printf 'P6\n640 480\n255\n' && head -c 921600 /dev/zero; } >"$dir/grey.ppm"

# A control group beside those of this process, of either version.
new_group() {
    own=$(sed -nE 's/^[0-9]+:memory:(.*)/\1/p' /proc/self/cgroup)
    if [ -n "$own" ]; then
        group=/sys/fs/cgroup/memory$own/poise-cap.$$ limit=memory.limit_in_bytes
    else
        own=$(sed -nE 's/^0::(.*)/\1/p' /proc/self/cgroup)
        group=/sys/fs/cgroup$own/poise-cap.$$ limit=memory.max
    fi
    mkdir "$group" 2>/dev/null || { group= && return 1; }
    echo $((mb * 1048576)) 2>/dev/null >"$group/$limit" && return 0
    rmdir "$group"
    group=
    return 1
}
if [ -n "$emu" ]; then
    new_group || { echo "SKIP memory cap: no control group can be made here" && exit 0; }
    into="echo \$\$ >$group/cgroup.procs"
else
    into="ulimit -v $((mb * 1024))"
fi
capped() { # arguments of poise
    sh -c "$into && exec \"\$@\"" sh $emu "$b/poise" "$@" >"$dir/out" 2>"$dir/err"
}
capped predict "$net" "$dir/grey.ppm" --threads 1 --max-mem "$mb"M || fail "exit $?"
[ "$(wc -l <"$dir/out")" = 1 ] || fail "no answer"
# The whole is not below what it says that it takes, which is refused beforehand.
takes=$($emu "$b/poise" info "$net" --threads 1 --json | sed -nE 's/.*"total_bytes":([0-9]+).*/\1/p')
capped predict "$net" "$dir/grey.ppm" --threads 1 --max-mem $((takes - 1)) -q && fail "a byte less than it takes is not refused"
[ "$(wc -l <"$dir/err")" = 1 ] || fail "not one line"
echo "memory cap: $takes bytes by its own account in $mb MB${group:+ (with the emulator)}: passed"
