#!/bin/sh
# cli.sh BUILD - the poise command from outside: exit codes, messages, formats, files that appear or do not.
set -u
b=$(cd "$1" && pwd)
poise="${EMU:-} $b/poise"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$b/make_tiny" detect "$dir/detector.onnx" && "$b/make_tiny" classify "$dir/classifier.onnx" &&
    "$b/make_tiny" pose "$dir/pose.onnx" || exit 1
cd "$dir" || exit 1
mkdir empty
echo "this is no picture" >bad.jpg
head -c 300 detector.onnx >cut.onnx
LC_ALL=C sed 's/Reshape/Frobnic/; s/Conv/Quux/' detector.onnx >unsupported.onnx
LC_ALL=C sed 's,output0,out/put,' detector.onnx >slash.onnx
picture() { # width, height, one pixel in octal
    printf 'P6\n%d %d\n255\n' "$1" "$2"
    printf "$3%.0s" $(seq $(($1 * $2)))
}
picture 64 64 '\377\000\000' >red.ppm
picture 32 16 '\000\000\377' >blue.ppm
picture 40 80 '\012\012\012' >grey.ppm
tensor() { # type, shape, bytes of data; 10 + 118 bytes of header
    printf '\223NUMPY\001\000v\000'
    printf '%-117s\n' "{'descr': '$1', 'fortran_order': False, 'shape': $2, }"
    head -c "$3" /dev/zero
}
tensor '<f4' '(1, 3, 16, 16)' 3072 >x16.npy
tensor '<f4' '(1, 3, 32, 32)' 12288 >x32.npy
tensor '|u1' '(1, 3, 16, 16)' 768 >u16.npy
n=0 failed=0

fail() {
    failed=$((failed + 1))
    echo "cli: FAILED: $1" >&2
    sed 's/^/    stderr: /' err >&2
}
# expect CODE "what it is about" command...: exit code, no more than one line of error, no half-written file
expect() {
    code=$1 what=$2
    shift 2
    n=$((n + 1))
    "$@" >out 2>err
    got=$?
    [ $got = "$code" ] || fail "$what: exit $got, not $code"
    [ -z "$(find . -name '*.part' -o -name '*.tmp.*')" ] || fail "$what: leaves a half-written file"
}
says() { # text that stderr must hold
    n=$((n + 1))
    grep -q -- "$1" err || fail "stderr lacks: $1"
}
prints() {
    n=$((n + 1))
    grep -q -- "$1" out || fail "stdout lacks: $1"
}
one_line() {
    n=$((n + 1))
    [ "$(wc -l <err)" = 1 ] || fail "not one line of error"
}
if command -v jq >/dev/null; then json() { jq -e . >/dev/null; }
elif command -v python3 >/dev/null; then json() { python3 -c 'import json,sys
for l in sys.stdin.read().splitlines() if len(sys.argv) > 1 else [sys.stdin.read()]: json.loads(l)'; }
else
    echo "cli: SKIPPED: validity of JSON (neither jq nor python3)"
    json() { cat >/dev/null; }
fi
valid() { # the whole of stdout is JSON
    n=$((n + 1))
    [ -s out ] && json <out || fail "$1: not JSON"
}

built=$($poise doctor | grep '^built with')
case $built in # what pictures are saved as
*'JPEG yes'*) kind=jpg ;;
*'PNG yes'*) kind=png ;;
*) kind=bmp ;;
esac

# usage
expect 2 "no words" $poise
expect 0 "help" $poise help
prints predict
expect 0 "help of a verb" $poise help predict
prints POISE_CONF
expect 0 "--help behind a verb" $poise predict --help
expect 0 "version" $poise --version
prints "poise [0-9]"
expect 2 "unknown verb" $poise predcit
says "did you mean predict"
one_line
expect 2 "unknown option" $poise predict detector.onnx red.ppm --cnf 0.3
says "did you mean --conf"
one_line
expect 2 "bad value" $poise predict detector.onnx red.ppm conf=2
says "from 0 to 1"
expect 2 "no source" $poise predict detector.onnx
expect 2 "bad variable" env POISE_CONF=x $poise predict detector.onnx red.ppm
says POISE_CONF
expect 2 "unknown isa" $poise info detector.onnx --isa=mmx
expect 2 "unknown threading" env POISE_THREADING=pthread $poise info detector.onnx
says "this build has pool"
expect 2 "unknown shell" $poise --completion fish
expect 0 "bash completion" $poise --completion bash
command -v bash >/dev/null && { n=$((n + 1)); bash -n out || fail "completion is no bash"; }
expect 0 "zsh completion" $poise --completion zsh
expect 0 "manual" $poise --man
prints '^\.SH NAME'

# models
expect 1 "no model" $poise info none.onnx
one_line
expect 2 "cut model" $poise info cut.onnx
one_line
expect 2 "a picture as a model" $poise info red.ppm
expect 2 "unsupported nodes" $poise convert unsupported.onnx u.poise
says Frobnic
says Quux
[ ! -e u.poise ] || fail "a file of an unsupported network"
expect 2 "other ending" $poise convert detector.onnx d.bin
expect 2 "int8 of a network of floats" $poise convert detector.onnx d.poise --precision int8
says "poise quantize"
one_line
expect 2 "int8 of a network of floats" $poise info detector.onnx --precision int8
one_line
expect 1 "convert into nowhere" $poise convert detector.onnx no/such/d.poise
expect 0 "convert" $poise convert detector.onnx d.poise
expect 0 "convert" $poise convert classifier.onnx c.poise
cp d.poise cut.poise
dd if=/dev/null of=cut.poise bs=1 seek=700 2>/dev/null
expect 2 "cut .poise" $poise info cut.poise
one_line
expect 0 "info" $poise info d.poise --svg plan.svg
prints "peak"
grep -q '</svg>' plan.svg || fail "no picture of the plan"
expect 0 "info --json" $poise info c.poise --json
valid "info --json"
prints '"peak_bytes":'
expect 2 "no list of CPUs" $poise predict d.poise red.ppm --cpu-mask 4-
says "4-7 or 0xf0"
expect 2 "CPUs that no mask holds" $poise info d.poise --cpu-mask 64
[ "$(nproc)" -ge 64 ] || expect 2 "CPUs that are not there" $poise bench d.poise --cpu-mask 0x8000000000000000
says "may use none"
one_line
expect 0 "all CPUs there may be" $poise predict d.poise red.ppm --cpu-mask 0-63
expect 1 "too little memory" $poise predict d.poise red.ppm --max-mem 1k
one_line
takes=$($poise info d.poise --threads 4 --json | sed -nE 's/.*"total_bytes":([0-9]+).*/\1/p')
expect 0 "memory for all of it" $poise info d.poise --threads 4 --max-mem "$takes"
expect 1 "a byte less" $poise info d.poise --threads 4 --max-mem $((takes - 1))
one_line
says "--threads 2 takes"
expect 0 "fewer threads" $poise predict d.poise red.ppm --threads 4 --max-mem $((takes - 1)) --allow-downscale
says "going on with --threads 2"
prints '"class":0'
expect 1 "no memory for a picture" $poise predict d.poise red.ppm --threads 4 --max-mem "$takes"
says "no memory"
expect 0 "frugal" $poise predict d.poise red.ppm --frugal
prints '"class":0'

# predict
expect 0 "predict" $poise predict detector.onnx red.ppm
valid "predict"
prints '"class":0,"name":"ball","conf":0.9,"box":\[8,8,24,40\]'
expect 0 "predict .poise" $poise predict d.poise red.ppm
prints '"class":0,"name":"ball","conf":0.9,"box":\[8,8,24,40\]'
expect 0 "letterbox" $poise predict d.poise blue.ppm conf=0.85
prints '"conf":0.9,"box":\[4,0,12,12\]'
expect 0 "nothing found" $poise predict d.poise grey.ppm -v conf=0.95
prints '"dets":\[\]'
says "best"
expect 0 "classes by name" $poise predict d.poise red.ppm classes=box
prints '"dets":\[{"class":1,"name":"box","conf":0.8,"box":\[32,4,60,28\]}\]'
expect 0 "no ball becomes a box" $poise predict d.poise red.ppm 'classes=[ 1 ]' conf=0.01
prints '"dets":\[{"class":1,"name":"box","conf":0.8,"box":\[32,4,60,28\]}\]'
expect 2 "unknown class" $poise predict d.poise red.ppm classes=cube
expect 2 "no class" $poise predict d.poise red.ppm 'classes=[]'
expect 1 "one bad image of two" $poise predict d.poise bad.jpg red.ppm
says bad.jpg
prints '"name":"ball"'
expect 1 "no image" $poise predict d.poise none.jpg
one_line
expect 0 "the size it has" $poise predict d.poise red.ppm imgsz=32
expect 0 "what scripts say" $poise predict model=d.poise source=red.ppm device=cpu half=False show=False verbose=False
expect 2 "a window" $poise predict d.poise red.ppm show=True
expect 2 "a size it cannot have" $poise predict d.poise red.ppm imgsz=64
says "fixes 32x32"
one_line
expect 2 "a size it cannot have" $poise convert detector.onnx never.poise imgsz=64
[ ! -e never.poise ] || fail "a file of another size"
expect 2 "empty directory" $poise predict d.poise empty
expect 0 "directory and pattern" $poise predict d.poise '*.ppm' -q
[ "$(wc -l <out)" = 3 ] || fail "three pictures, $(wc -l <out) lines"
[ ! -s err ] || fail "--quiet is not quiet"
expect 0 "a pattern takes images only" $poise predict d.poise '*e*' -q
[ "$(wc -l <out)" = 3 ] || fail "not the three pictures"
expect 1 "a pattern of no image" $poise predict d.poise '*.poise'
one_line
expect 0 "coco" $poise predict d.poise red.ppm blue.ppm conf=0.1 --format coco
valid "coco"
expect 0 "ultralytics" $poise predict d.poise red.ppm --format ultralytics
valid "ultralytics"
expect 0 "csv" $poise predict d.poise red.ppm --format csv
prints '^red.ppm,0,0,ball,0.9,8,8,24,40'
expect 0 "yolo" $poise predict d.poise red.ppm --format yolo
prints '^0 0.25 0.375 0.25 0.5 0.9'
expect 0 "save" $poise predict d.poise red.ppm save=True save_txt=True --save_conf --save-crop project=r
for f in r/predict/red.$kind r/predict/labels/red.txt r/predict/crops/ball/red.$kind; do
    [ -s $f ] || fail "$f was not saved"
done
expect 0 "save again" $poise predict d.poise red.ppm --save --project r
[ -s r/predict2/red.$kind ] || fail "the second directory has no number"
mkdir one two
cp red.ppm one/x.ppm && cp blue.ppm two/x.ppm && cp grey.ppm x-2.ppm
expect 0 "one name in several directories" $poise predict d.poise one/x.ppm x-2.ppm two/x.ppm save save_txt save_crop conf=0.1 project=twins
for f in x x-2 x-3; do [ -s twins/predict/$f.$kind ] && [ -s twins/predict/labels/$f.txt ] || fail "$f was not saved"; done
cmp -s twins/predict/labels/x.txt twins/predict/labels/x-3.txt && fail "two images share their labels"
expect 0 "nothing found any more" $poise predict d.poise one/x.ppm save_txt conf=0.99 project=twins exist_ok
[ ! -e twins/predict/labels/x.txt ] || fail "labels of an earlier run"
echo >file
expect 1 "saving into a file" $poise predict d.poise red.ppm blue.ppm save project=file -q
one_line
[ "$(wc -l <out)" = 1 ] || fail "goes on when nothing can be saved"
# A signal in the middle of thousands of files: whole lines, whole files.
$poise predict d.poise $(yes red.ppm | head -20000) save save_txt project=cut -q >cut.jsonl 2>/dev/null &
for i in 1 2 3 4 5 6 7 8 9 10; do [ -s cut.jsonl ] || sleep 0.3; done # it may take a while to begin
{ kill -TERM $! && wait $!; } 2>/dev/null
expect 1 "interrupted" grep -qv '^{"v":1,.*}}$' cut.jsonl
{ $poise predict d.poise $(yes red.ppm | head -200); echo $? >code; } 2>err | head -1 >out
n=$((n + 1))
grep -q '^141$\|^1$' code && ! grep -qv '^image ' err || fail "a reader that left is not the end"
expect 0 "classify" $poise predict c.poise red.ppm
prints '"dets":\[{"class":0,"name":"red","conf":1'

# One person, whose joints are all where the picture is red: 8 x 8 pixels around 68,44 of 96 x 128.
mkdir people
{
    printf 'P6\n96 128\n255\n'
    for y in $(seq 0 127); do
        for x in $(seq 0 95); do
            if [ $y -ge 40 ] && [ $y -lt 48 ] && [ $x -ge 64 ] && [ $x -lt 72 ]; then printf '\377\000\000'
            else printf '\000\000\000'; fi
        done
    done
} >people/spot.ppm
expect 0 "convert pose" $poise convert pose.onnx p.poise
expect 0 "one person" $poise predict p.poise people/spot.ppm
prints '"dets":\[{"class":0,"name":[^,]*,"conf":0.8[0-9]*,"box":\[0,0,96,128\],"kpts":\[\[68,44,0.8'
expect 0 "people in boxes" $poise predict p.poise people/spot.ppm --box 40,20,80,100 --box=50,30,90,60,-9,0,30,999
prints '"box":\[40,20,80,100\],"kpts":\[\[6[5-9][0-9.]*,4[2-6][0-9.]*,0.*"box":\[50,30,90,60\],"kpts":\[\[6[5-9]'
expect 0 "a table of joints" $poise predict p.poise people/spot.ppm --format csv
[ "$(sed -n 1p out | tr -dc , | wc -c)" = "$(sed -n 2p out | tr -dc , | wc -c)" ] || fail "the head of the table has other columns"
expect 2 "half a box" $poise predict p.poise people/spot.ppm --box 40,20,80
says "four numbers"
expect 2 "no box" $poise predict p.poise people/spot.ppm --box 40,20,80,x
expect 1 "box outside" $poise predict p.poise people/spot.ppm --box 96,20,120,30
says "inside the picture of 96 x 128"
expect 2 "box for a detector" $poise predict d.poise red.ppm --box 1,2,3,4
one_line

# run
expect 0 "run" $poise run c.poise x16.npy -o out1
[ -s out1/scores.npy ] || fail "out1/scores.npy was not written"
expect 0 "run by name, 2 threads" $poise run classifier.onnx -i images=x16.npy -o out2 -t 2
cmp -s out1/scores.npy out2/scores.npy || fail "run: other bits with 2 threads"
expect 0 "a slash in a name" $poise run slash.onnx x32.npy -o out1
[ -s out1/out_put.npy ] || fail "out1/out_put.npy was not written"
expect 2 "shape" $poise run c.poise x32.npy -o out3
says 1x3x16x16
one_line
expect 2 "type" $poise run c.poise u16.npy -o out3
says u8
expect 2 "no input" $poise run c.poise -o out3
expect 2 "unknown input" $poise run c.poise pictures=x16.npy -o out3
expect 1 "not a tensor" $poise run c.poise red.ppm -o out3
[ ! -e out3 ] || fail "run left something behind after a failure"
mkdir -p out4/scores.npy
expect 1 "a directory in the way" $poise run c.poise x16.npy -o out4

# bench, doctor, val
expect 0 "bench" $poise bench c.poise -r 3 -t 1,2 -o json
valid "bench"
prints '"plan_peak_mb"'
expect 1 "bench of no model" $poise bench none.onnx
[ ! -s out ] || fail "a table without a row"
expect 0 "variables of one verb" env POISE_OUTPUT=out5 POISE_BENCH_OUTPUT=csv $poise bench c.poise -r 1
prints '^model,precision,isa,threads,'
expect 0 "bench --layers" $poise bench c.poise -r 3 --layers
prints "conv"
prints "^peaks of .* GFLOP/s.* L2 .* DRAM .* GB/s"
prints "^ sum "
expect 0 "bench --layers in JSON" $poise bench c.poise -r 1 --layers -o json
valid "bench --layers"
prints '"peaks":{"gflops":.*"read":\[{"level":"L1".*"bytes":.*"intensity":.*"bound":'
prints '"op":"conv".*"output":"1x4x16x16".*"bytes":7232,' # 3x16x16 in, 4x16x16 out, 4x3 weights, 4 biases
expect 0 "bench --layers in CSV" $poise bench c.poise -r 1 --layers -o csv
prints '^step,op,output,'
prints '^0,conv,1x4x16x16,'
expect 0 "bench of two networks" $poise bench c.poise d.poise -r 1 -o csv
prints '^c.poise,'
prints '^d.poise,'
expect 0 "bench --soak" $poise bench c.poise -r 1 --soak 1
prints "^ *until *runs *median ms"
prints "^first .* s against last: median .* ms (.*%)"
expect 0 "bench --soak in JSON" $poise bench c.poise -r 1 --soak 1 -o json
valid "bench --soak"
prints '"soak":\[{"seconds":.*"runs":.*"median_ms":.*"throttled":'
# A report is of the machine and the network, and tells of nobody.
mkdir unheard-of && cp detector.onnx unheard-of/tarragon.onnx
sed 's/output0/oregano/' detector.onnx >unheard-of/sage.onnx
expect 0 "bench --report" $poise bench unheard-of/tarragon.onnx unheard-of/sage.onnx -r 1 --soak 1 -t 1,2 --report report.json
prints '^report.json: '
cp report.json out
valid "a report"
prints '"schema":"poise-report-1"'
prints '"machine":{.*"clusters":\[.*"sensors":{'
prints '"self_test":true'
prints '"inputs":\["1x3x32x32"\].*"threads":2.*"soak":.*"layers":\[{"step":0,"op":"conv"'
for word in unheard-of tarragon oregano "$dir" "$(uname -n)" '"name"' '"model"'; do
    n=$((n + 1))
    grep -qwF -- "$word" report.json && fail "the report tells $word"
done
expect 0 "a report beside JSON" $poise bench c.poise -r 1 --report report.json -o json
valid "bench --report"
says '^report.json: '
expect 1 "a report into nowhere" $poise bench c.poise -r 1 --report no/such/report.json
one_line
[ ! -s out ] || fail "measured for a report that cannot be written"
expect 1 "a report about a network that is not there" $poise bench none.onnx --report never.json
[ ! -e never.json ] || fail "half a report"
expect 2 "a report of tuning" $poise bench c.poise --tune --report report.json
rm -r unheard-of report.json
# TFLite files go wherever ONNX files go.
"$b/make_tiny" tflite-int8 int8.tflite && "$b/make_tiny" tflite-hybrid hybrid.tflite || exit 1
expect 0 "info of a TFLite file" $poise info int8.tflite
prints '1x8x8x3  *i8 0.01562 @3'
expect 0 "convert of a TFLite file" $poise convert int8.tflite int8.poise
tensor '|i1' '(1, 8, 8, 3)' 192 >i8.npy
expect 0 "run of a TFLite file" $poise run int8.tflite x=i8.npy -o one
expect 0 "run of what became of it" $poise run int8.poise x=i8.npy -o two
cmp -s one/k.npy two/k.npy || fail "the results differ"
expect 0 "bench of a TFLite file" $poise bench hybrid.tflite -r 1 -o csv
head -c 2000 int8.tflite >cut.tflite
expect 2 "a TFLite file that is cut off" $poise info cut.tflite
says "not a valid TFLite file"
rm -r one two ./*.tflite int8.poise
# The plan is what a process takes, with what it is itself (3 to 4 MB): no copy of the weights on the way.
case "${EMU:-} $b" in
' '*-address* | ' '*-thread* | [!\ ]*) echo "cli: SKIPPED: peak memory (a sanitizer or an emulator)" ;;
*)
    "$b/make_tiny" large large.onnx || exit 1
    expect 0 "convert of a large network" $poise convert large.onnx large.poise
    for f in large.onnx large.poise; do
        expect 0 "bench of a large network" $poise bench $f -r 1 -t 1 -o csv
        awk -F, 'NR == 2 { exit !($11 > 24 && $10 < $11 + 8) }' out ||
            fail "peak memory of $f: $(awk -F, 'NR == 2 { print $10 " MB, planned " $11 }' out), 8 more are allowed"
        n=$((n + 1))
    done
    rm large.*
    ;;
esac
expect 0 "bench --tune" $poise bench --tune c.poise -r 2 --tuning c2.tune
prints "nodes changed"
[ "$(tail -n 1 c2.tune)" = end ] || fail "the tuning file is not whole"
expect 0 "tuned" $poise bench c.poise -r 1 --tuning c2.tune -v
says "tuning c2.tune"
expect 2 "the tuning of another network" $poise bench detector.onnx --imgsz 32 -r 1 --tuning c2.tune
one_line
says "another network"
expect 1 "a tuning that is not there" $poise bench c.poise -r 1 --tuning none.tune
sed 's/^cpu .*/cpu other/' c2.tune >c.tune
expect 0 "a tuning beside the model that does not fit" $poise bench c.poise -r 1 -v
says "no tuning: c.tune: the tuning is for CPU other"
cp c2.tune c.tune
expect 0 "a tuning beside the model" $poise bench c.poise -r 1 -v
says "^tuning c.tune"
rm c.tune
expect 0 "a tuning in the cache" env POISE_CACHE="$dir/cache" $poise bench --tune c.poise -r 1
expect 0 "a tuning from the cache" env POISE_CACHE="$dir/cache" $poise bench c.poise -r 1 -v
says "^tuning $dir/cache/"
expect 2 "--tune with -o" $poise bench --tune c.poise -o json
expect 0 "doctor" $poise doctor
prints "self-test    passed"
mkdir -p set/images set/labels cls/red cls/2
cp red.ppm blue.ppm set/images
printf '0 0.25 0.375 0.25 0.5\n1 0.71875 0.25 0.4375 0.375\n0 0.625 0.75 0.375 0.375\n' >set/labels/red.txt
expect 0 "val" $poise val d.poise set -o json
valid "val"
prints '"images":2'
expect 0 "detectors side by side" $poise val d.poise d.poise set --precision exact
prints "^d.poise  *exact  *"
echo "7 0.5 0.5 0.1 0.1" >set/labels/red.txt
expect 1 "class out of range" $poise val d.poise set
says red.txt
cp red.ppm cls/red
cp blue.ppm cls/2
expect 0 "val of a classifier" $poise val c.poise cls -o json
prints '"top1":1,'
expect 0 "two networks side by side" $poise val c.poise c.poise cls
prints "top-1   top-5 agreement"
prints "100.0%"
expect 0 "two networks side by side as JSON" $poise val c.poise c.poise cls -o json
valid "val of two"
prints '"agreement":1'
echo nothing >bad.npz
expect 1 "a damaged npz" $poise val c.poise bad.npz
says "no array 'X'"
expect 1 "no dataset" $poise val d.poise nowhere
if echo "$built" | grep -q 'JSON reader yes'; then
    echo '{"images":[{"id":7,"file_name":"red.ppm"}],"categories":[{"id":4,"name":"ball"}],
        "annotations":[{"image_id":7,"category_id":4,"bbox":[8,8,16,32],"area":500,"iscrowd":0}]}' >coco.json
    expect 0 "val on COCO" $poise val d.poise coco.json -o json
    prints '"map":1,'
    joints=$(printf '68,44,2,%.0s' $(seq 17))
    echo '{"images":[{"id":7,"file_name":"spot.ppm"}],"categories":[{"id":1,"name":"person"}],"annotations":[
        {"image_id":7,"category_id":1,"bbox":[40,20,40,80],"area":9000,"iscrowd":0,"keypoints":['"${joints%,}"']},
        {"image_id":7,"category_id":1,"bbox":[0,0,9,9],"area":80,"iscrowd":0,"keypoints":[]}]}' >people/joints.json
    expect 0 "val of a network that sees one person" $poise val p.poise people/joints.json
    prints "each of 1 people in its labelled box"
    expect 0 "OKS" $poise val p.poise people/joints.json -o json
    prints '"map":null,.*"oks_ap":1,"oks_ap50":1,"pck":null,'
    # a torso of 40, from 44 to 84: the hip at its end is 40 away from where the network sees it, and 16 of 17 are where they are
    hip=$(printf '68,44,2,%.0s' $(seq 12))68,84,2$(printf ',68,44,2%.0s' $(seq 4))
    sed "s/\"keypoints\":\[6[^]]*/\"keypoints\":[$hip/" people/joints.json >people/torso.json
    expect 0 "PCK" $poise val p.poise people/torso.json
    prints "PCK@0.2 0.9412 of the joints of 1 people, 0.9412 of those of the 1 who were found"
    sed 's/"keypoints"/"points"/' people/joints.json >people/boxes.json
    expect 2 "val without keypoints" $poise val p.poise people/boxes.json
    says "no labelled keypoints"
    echo '{"images":' >coco.json
    expect 1 "damaged COCO" $poise val d.poise coco.json
fi
# weights packed for a processor: used where it is that, left alone elsewhere, the same results
expect 0 "convert for this machine" $poise convert detector.onnx host.poise --target host
says "packed for host"
expect 0 "info of it" $poise info host.poise
prints "packed for .*are used as they are in the file"
expect 0 "predict with them" $poise predict host.poise red.ppm --format csv
cp out packed.csv
expect 0 "predict without them" $poise predict d.poise red.ppm --format csv
cmp -s out packed.csv || fail "packed weights change what is found"
expect 0 "pack a .poise file for others" $poise convert d.poise far.poise --target x86-64-v4,cortex-a53
expect 0 "info of it in JSON" env POISE_ISA=c $poise info far.poise --json
prints '"packed":{.*"ready"'
expect 0 "pack for kernels of C" $poise convert d.poise c-only.poise --target x86-64 --only-target
expect 0 "predict with only them" env POISE_ISA=c $poise predict c-only.poise red.ppm
expect 0 "pack for others only" $poise convert d.poise far-only.poise --target x86-64-v4 --only-target
expect 2 "and run here" env POISE_ISA=c $poise predict far-only.poise red.ppm
says "far-only.poise: has its weights only as .*--only-target.*x86-64-v4"
one_line
expect 2 "what is only packed is not converted" $poise convert far-only.poise again.poise --target host
one_line
expect 2 "an unknown target" $poise convert d.poise never.poise --target cortex-z80
says "host x86-64 .*cortex-a53"
one_line
expect 2 "only for nobody" $poise convert d.poise never.poise --only-target
[ ! -e never.poise ] && [ ! -e again.poise ] || fail "a refused target leaves a file"
expect 0 "doctor names the target" $poise doctor
prints "^target  "
# quantize
mkdir -p calib
cp red.ppm blue.ppm grey.ppm calib
expect 2 "quantize without pictures" $poise quantize classifier.onnx q.poise
says "--calib is missing"
expect 2 "quantize into another ending" $poise quantize classifier.onnx q.bin --calib calib
expect 2 "quantize on an empty directory" $poise quantize c.poise q.poise --calib empty
one_line
expect 1 "quantize on nothing" $poise quantize classifier.onnx q.poise --calib nowhere
expect 2 "quantize with an unknown choice" $poise quantize classifier.onnx q.poise --calib calib --ranges best
expect 1 "quantize on a picture that is none" $poise quantize c.poise q.poise --calib bad.jpg
one_line
expect 1 "quantize on a video that is not there" $poise quantize classifier.onnx q.poise --calib no.mp4
echo "no video" >bad.mp4
expect 1 "a video without ffmpeg" env PATH=/nonexistent $poise quantize c.poise q.poise --calib bad.mp4
says "ffmpeg"
one_line
[ ! -e q.poise ] || fail "a failed quantize leaves a file"
expect 0 "quantize a classifier" $poise quantize classifier.onnx q.poise --calib calib
prints "agreement     1.000 on 3 pictures"
says "q.poise"
expect 0 "predict with it" $poise predict q.poise red.ppm
prints '"name":"red"'
expect 0 "info of an int8 network" $poise info q.poise
prints "^precision int8: products of bytes on "
prints "^int8: .* MACs (.* %); float: "
expect 0 "info of it as JSON" $poise info q.poise --json
prints '"int8":{"macs":[1-9]'
valid "info --json of an int8 network"
expect 0 "info of floats as JSON" $poise info classifier.onnx --json
prints '"int8":null'
expect 0 "bench of an int8 network" $poise bench q.poise -r 2 -o json --precision int8
prints '"precision":"int8"'
expect 2 "quantize again" $poise quantize q.poise q2.poise --calib calib
says "quantised already"
expect 2 "no such node" $poise quantize classifier.onnx q2.poise --calib calib --keep-float '*nothing*'
expect 0 "quantize detector, JSON" $poise quantize d.poise qd.poise --calib 'calib/*.ppm' -o json -q --weights full --ranges minmax
valid "quantize -o json"
"$b/make_tiny" outlier outlier.onnx
expect 1 "quantize what does not bear it" $poise quantize outlier.onnx q3.poise --calib calib --float-budget 0 -q
says "not written"
[ ! -e q3.poise ] || fail "a refused quantize leaves a file"
expect 0 "quantize it all the same" $poise quantize outlier.onnx q3.poise --calib calib --float-budget 0 -q --force
[ -s q3.poise ] || fail "quantize --force writes nothing"
expect 0 "quantize it with floats where they matter" $poise quantize outlier.onnx q3.poise --calib calib --float-budget 100 -q
expect 0 "convert --int8" $poise convert classifier.onnx q2.poise --int8 --calib calib -q
rm q2.poise
expect 0 "weights of 16 bits" $poise convert detector.onnx w16.poise --weights fp16
expect 0 "weights of 8 bits" $poise convert classifier.onnx w8.poise --weights int8
expect 0 "predict with them" $poise predict w8.poise red.ppm
prints '"name":"red"'
expect 2 "both" $poise convert classifier.onnx q2.poise --int8 --weights int8
expect 2 "pictures for nothing" $poise convert classifier.onnx q2.poise --calib calib
mkdir -p bin
printf '#!/bin/sh\ncat "%s" "%s" "%s"\n' "$dir/red.ppm" "$dir/blue.ppm" "$dir/red.ppm" >bin/ffmpeg
chmod +x bin/ffmpeg
expect 0 "quantize on a video" env PATH="$dir/bin:$PATH" $poise quantize classifier.onnx qv.poise --calib bad.mp4
prints "on 3 pictures"
[ ! -e q2.poise ] || fail "a failed quantize leaves a file"

# Drawn scenes, and the network in the command.
expect 0 "a drawn picture" $poise scene people.ppm --seed 4 --people 3 --size 120x160 --truth people.json -q
[ "$(wc -c <people.ppm)" = $((120 * 160 * 3 + 15)) ] || fail "a drawn picture has another size"
grep -q '"num_keypoints":1[0-9]' people.json || fail "the truth of a scene has no keypoints"
cp people.ppm again.ppm
expect 0 "the same again" $poise scene people.ppm --seed 4 --people 3 --size 120x160 -q
cmp -s people.ppm again.ppm || fail "a seed does not mean the same picture"
expect 0 "a drawn film" $poise scene film.y4m --frames 3 --size 64x96 --people 2 --vehicles 1 --truth film.json -q
[ "$(head -c 9 film.y4m)" = YUV4MPEG2 ] && [ "$(wc -c <film.y4m)" = $((3 * (6 + 64 * 96 * 3 / 2) + $(head -n 1 film.y4m | wc -c))) ] ||
    fail "a film has another size"
grep -q '"ground_to_image":\[' film.json && grep -q '"file_name":"film.y4m#2"' film.json || fail "the truth of a film"
expect 2 "one picture of many" $poise scene people.ppm --frames 5
says "--frames needs a film or a directory"
expect 2 "scenes in a film" $poise scene film.y4m --stills
expect 1 "a scene that cannot be written" $poise scene nowhere/a.ppm --truth t.json -q
[ ! -e t.json ] || fail "a failed scene leaves its truth"
if $poise info default >/dev/null 2>&1; then
    expect 0 "demo" $poise demo demo.bmp
    prints "^people      5 drawn, 5 found"
    prints "[1-9][0-9.]* MB held at most"
    [ -s demo.bmp ] || fail "demo saves no picture"
    expect 0 "demo without a name" $poise demo
    prints "^picture     poise-demo.$kind"
    [ -s poise-demo.$kind ] || fail "demo saves no picture of its own kind"
    expect 1 "demo where nothing can be written" $poise demo nowhere/demo.bmp
    one_line
    expect 0 "predict without a network" $poise predict demo.bmp -q
    prints '"name":"person"'
    expect 0 "predict in a directory without one" $poise predict calib -q
    expect 0 "predict with the default" $poise predict default red.ppm -q
    prints '"dets":\[\]'
    expect 2 "predict with a network alone" $poise predict d.poise
else
    expect 2 "demo without a network" $poise demo demo.bmp
fi

[ -w /dev/full ] && expect 1 "full disk" sh -c "$poise predict d.poise red.ppm >/dev/full"

[ $failed = 0 ] || { echo "cli: $failed of $n checks failed"; exit 1; }
echo "cli: $n checks passed"
