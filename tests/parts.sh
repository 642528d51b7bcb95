#!/bin/sh
# parts.sh SMALL WHOLE - a command without optional parts (PARTS=) beside one with all: .poise files give the same results,
# and what is left out says so.
set -u
small=$(cd "$1" && pwd) whole=$(cd "$2" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
n=0
fail() {
    echo "parts: FAILED: $1" >&2
    exit 1
}
says() { # text, exit code, command...
    text=$1 code=$2
    shift 2
    n=$((n + 1))
    "$@" >out 2>err
    got=$?
    [ $got = "$code" ] || fail "$*: exit $got, not $code"
    grep -q -- "$text" out err || fail "$*: does not say: $text"
}
for net in detect classify pose; do
    "$whole/make_tiny" $net $net.onnx && "$whole/poise" convert $net.onnx $net.poise -q || fail "no $net.poise"
    { printf 'P6\n64 48\n255\n' && head -c 9216 "$whole/make_tiny"; } >noise.ppm # some pixels
    isa=$("$small/poise" doctor | sed -n 's/.*in use: up to //p')
    "$whole/poise" predict $net.poise noise.ppm -q --isa "$isa" | sed 's/"ms":{[^}]*}//' >want || fail "$net: whole"
    "$small/poise" predict $net.poise noise.ppm -q | sed 's/"ms":{[^}]*}//' >got || fail "$net: small"
    cmp -s want got || fail "$net: other results"
    n=$((n + 1))
done
says '"dets"' 0 "$small/poise" predict detect.poise noise.ppm save
[ -s runs/detect/predict/noise.bmp ] || fail "no picture of a kind that is built in"
says 'built with' 0 "$small/poise" doctor
says peak 0 "$small/poise" info detect.poise
says 'without its reader of ONNX' 2 "$small/poise" info detect.onnx
says 'without its reader of ONNX' 2 "$small/poise" convert detect.onnx d.poise
says "without the verb 'val'" 2 "$small/poise" val detect.poise .
says "without the verb 'bench'" 2 "$small/poise" bench detect.poise
says "without the verb 'quantize'" 2 "$small/poise" quantize detect.poise q.poise
echo "parts: $n passed, 0 failed"
