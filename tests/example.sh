#!/bin/sh
# example.sh BUILD - installs into a scratch folder, then builds and runs what a user of the library would: the C
# example against the shared and the static library, and the header from C++.
set -eu
b=$1
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
make --no-print-directory install DESTDIR="$t" PREFIX=/usr B="$b" >/dev/null
inc=$t/usr/include lib=$t/usr/lib

for f in bin/poise lib/libpoise.so lib/libpoise.a lib/pkgconfig/poise.pc include/poise.h share/man/man1/poise.1; do
    [ -s "$t/usr/$f" ] || { echo "example: $f was not installed" >&2; exit 1; }
done
libs=$(sed -n 's/^Libs.private: //p' "$lib/pkgconfig/poise.pc")
${CC:-cc} -Wall -Wextra -Werror -I"$inc" examples/detect.c -L"$lib" -lpoise -Wl,-rpath,"$lib" -o "$t/detect"
${CC:-cc} -Wall -Wextra -Werror -I"$inc" examples/detect.c "$lib/libpoise.a" $libs -o "$t/detect-static"
printf '#include <poise.h>\nint main() { return poise_version()[0] != 48; }\n' >"$t/cpp.cc"
if command -v "${CXX:-c++}" >/dev/null; then
    "${CXX:-c++}" -Wall -Wextra -Werror -I"$inc" "$t/cpp.cc" -L"$lib" -lpoise -Wl,-rpath,"$lib" -o "$t/cpp"
    "$t/cpp" || { echo "example: the C++ program failed" >&2; exit 1; }
else
    echo "example: SKIP C++, there is no compiler"
fi

# A tiny network and a picture, both made here.
"$b/make_tiny" detect "$t/tiny.onnx"
printf 'P6\n32 32\n255\n' >"$t/grey.ppm"
head -c 3072 /dev/zero | tr '\0' '\200' >>"$t/grey.ppm"
for p in detect detect-static; do
    "$t/$p" "$t/tiny.onnx" "$t/grey.ppm" >"$t/$p.txt" || { echo "example: $p failed" >&2; exit 1; }
    grep -q . "$t/$p.txt" || { echo "example: $p found nothing" >&2; exit 1; }
    if "$t/$p" "$t/tiny.onnx" /nowhere.jpg 2>"$t/err" || ! grep -q /nowhere.jpg "$t/err"; then
        echo "example: $p did not refuse a missing picture" >&2
        exit 1
    fi
done
cmp "$t/detect.txt" "$t/detect-static.txt"
[ "$(grep -vcE '^ \*|^/\*|^$' examples/detect.c)" -le 45 ] || { echo "example: detect.c has outgrown forty lines" >&2; exit 1; }
echo "example: ok ($(wc -l <"$t/detect.txt") objects)"
