#!/bin/sh
# memory.sh BUILD - the number that `poise info` prints against the memory that the process has at its peak: never more, and not
# much less.  EMU may be an emulator for the build's machine; then the guest's own mappings are counted.
set -u
b=$(cd "$1" && pwd)
assets=${POISE_ASSETS:-../shared/assets}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
emu=${EMU:-}
# The guest's addresses, where a user-mode emulator puts them.
case $emu in
*qemu-arm*) emu="$emu -B 0x100000000" RSS_FROM=100000000 RSS_TO=200000000 ;;
*qemu-aarch64*) emu="$emu -B 0x100000000000 -R 0x100000000" RSS_FROM=100000000000 RSS_TO=100100000000 ;;
*) RSS_FROM='' RSS_TO='' ;;
esac
export RSS_FROM RSS_TO
poise="$emu $b/poise"
n=0 failed=0

field() { # name of a number in out
    sed -nE "s/.*\"$1\":([0-9]+).*/\1/p" "$dir/out"
}
fail() {
    failed=$((failed + 1))
    echo "memory: FAILED: $1"
}
# measure WHAT MORE COMMAND...: its peak against the account in $dir/out, of whose total MORE kB may be in use besides.
measure() {
    what=$1 more=$2
    shift 2
    "$peak" "$dir/rss" "$@" >/dev/null 2>"$dir/err" || { fail "$what: $(cat "$dir/err")" && return; }
    read -r all anonymous files <"$dir/rss"
    total=$(($(field total_bytes) / 1024)) plan=$(($(field plan_bytes) / 1024)) program=$(($(field program_bytes) / 1024))
    opening=$(($(field opening_bytes) / 1024)) rest=$((($(field results_bytes) + $(field stacks_bytes) + $(field libc_bytes)) / 1024))
    # A thread that other programs keep from its core never touches its share of the working space.
    idle=$(($(field scratch_bytes) / 1024 * (threads - 1) / threads))
    [ "$opening" -le "$plan" ] || rest=$((rest + opening - plan)) # then it may be opening that has the most
    n=$((n + 3))
    [ "$all" -le $((total + more)) ] || fail "$what: $all kB, the account says $total and $more more"
    # Of the program a part is never called; nothing else may be counted that is not there.
    least=$((total - rest - idle - program * 2 / 3))
    [ "$all" -ge "$least" ] || fail "$what: $all kB, the account says $total; not below $least was to be expected"
    [ "$anonymous" -le $((plan + rest + variables + more)) ] ||
        fail "$what: $anonymous kB of its own, the plan is $plan, with the rest $((plan + rest + variables + more))"
    printf '%-44s %6d kB of %6d  (own %6d, plan %6d; files %5d)\n' "$what" "$all" "$total" "$anonymous" "$plan" "$files"
}

# A helper of this machine, not of the build's.
peak=$dir/peak_rss
${HOSTCC:-cc} -O1 -o "$peak" tests/peak_rss.c || exit 1
variables=192 # kB of the program and its libraries that are written to, and so no longer the file's

check() { # network, more arguments of info and bench
    net=$1 threads=$2
    shift 2
    $poise info --json "$net" --threads "$threads" "$@" >"$dir/out" 2>"$dir/err" || { fail "info $net: exit $?, $(cat "$dir/err")" && return; }
    name=$(basename "$net" .poise)
    measure "bench $name $* -t $threads" 0 $poise bench "$net" --runs "$runs" --threads "$threads" "$@" -q
}
picture() { # a picture of 640 x 480: its file and its pixels are in memory
    net=$1 threads=1
    $poise info --json "$net" --threads 1 >"$dir/out" 2>"$dir/err" || { fail "info $net: exit $?, $(cat "$dir/err")" && return; }
    measure "predict $(basename "$net" .poise)" 1900 $poise predict "$net" "$dir/grey.ppm" --no-rect --threads 1 -q
}

{ printf 'P6\n640 480\n255\n' && head -c 921600 /dev/zero; } >"$dir/grey.ppm"
runs=4
[ -z "$emu" ] || runs=1
for kind in detect classify pose; do
    $emu "$b/make_tiny" $kind "$dir/$kind.onnx" && $poise convert "$dir/$kind.onnx" "$dir/$kind.poise" -q || exit 1
    check "$dir/$kind.poise" 1
    picture "$dir/$kind.poise"
done
check "$dir/detect.poise" 4
# Real ones: kinds of weights, sizes, threads; foreign data, what is absent is skipped.
real() { # file in the assets, options of convert
    [ -f "$assets/models/$1" ] || { echo "SKIP memory of ${1##*/}: not in $assets" && return 1; }
    net=$dir/${1##*/}
    net=${net%.*}.poise
    file=$1
    shift
    $poise convert "$assets/models/$file" "$net" -q "$@" 2>"$dir/err" || { fail "convert $file: $(cat "$dir/err")" && return 1; }
}
real tflite/mobilenet_v2_224_u8.tflite && check "$net" 1 && picture "$net"
real tflite/mobilenet_v2_224_u8.tflite --target host && check "$net" 1 && picture "$net"
real onnx/fastestdet_352.onnx && check "$net" 1 && picture "$net"
if [ -z "$emu" ]; then
    real tflite/mobilenet_v2_224_u8.tflite && check "$net" 3
    real tflite/face_landmark_192_f32.tflite && check "$net" 2
    real onnx/yolov8n_640_qdq_int8.onnx && check "$net" 1 && check "$net" 2 && check "$net" 1 --imgsz 320 && picture "$net"
    real onnx/yolov8n_640_fp32_recovered.onnx && check "$net" 1 --imgsz 320 && check "$net" 4 --imgsz 256
    real onnx/yolov8n_640_fp32_recovered.onnx && check "$net" 1 --precision fast
    real onnx/yolov8n_640_fp32_recovered.onnx --target host && check "$net" 1 && picture "$net" && check "$net" 1 --precision fast
fi
[ $failed = 0 ] || { echo "memory: $failed of $n comparisons failed" && exit 1; }
echo "memory: $n comparisons passed"
