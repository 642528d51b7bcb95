#!/bin/sh
# sysroot.sh TRIPLE CC - libraries for programs of another machine or C library, from Debian's packages, into
# .cache/sysroot/TRIPLE: static libjpeg-turbo, libpng, zlib, jansson and cmocka, and musl with a compiler bin/musl-gcc.
#
# Nothing is installed: packages of that architecture are fetched by an apt that has folders of its own, and unpacked.
# bin/musl-gcc comes last: without it the folder is half made, and others take no notice of it.
# Needs Debian or its kin, and the network.
set -eu
triple=$1 gcc=$2
case $triple in
x86_64-linux-gnu) arch=amd64 musl=x86_64-linux-musl ;;
aarch64-linux-gnu) arch=arm64 musl=aarch64-linux-musl ;;
arm-linux-gnueabihf) arch=armhf musl=arm-linux-musleabihf ;;
*)
    echo "sysroot: no packages are known for $triple"
    exit 1
    ;;
esac
if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
    echo "sysroot: needs apt-get and dpkg-deb (Debian or its kin)"
    exit 1
fi
top=$(pwd) here=$(cd "$(dirname "$0")" && pwd)
root=.cache/sysroot/$triple
work=$root.tmp
rm -rf "$work" "$root"
mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial" "$work/debs" "$work/tree/bin"
: >"$work/apt/status"
apt="-o APT::Architecture=$arch -o APT::Architectures=$arch -o Dir::State=$top/$work/apt -o Dir::State::lists=$top/$work/apt/lists
     -o Dir::State::status=$top/$work/apt/status -o Dir::Cache=$top/$work/apt/cache -o APT::Sandbox::User="

# 1. Packages: headers and archives.  Shared libraries stay away, so that what is linked runs without them.
apt-get $apt update -qq 2>/dev/null || true # some source of the system's may have nothing for this architecture
(cd "$work/debs" && apt-get $apt download -qq libturbojpeg0-dev libpng-dev zlib1g-dev libjansson-dev libcmocka-dev musl-dev)
for d in "$work"/debs/*.deb; do dpkg-deb -x "$d" "$work/tree"; done
find "$work/tree/usr/lib" -name '*.so*' -exec rm -f {} +
rm -rf "$work/tree/usr/bin" "$work/tree/etc" "$work/tree/lib" "$work/tree/usr/share/man"

# 2. cmocka has no static package: one file of its source.
main=$(apt-get $apt indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 'Component: main' | head -n 1)
echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${main% *} ${main##* } main" >"$work/apt/sources.list"
src="-o Dir::Etc::SourceList=$top/$work/apt/sources.list -o Dir::Etc::SourceParts=/dev/null"
if apt-get $apt $src update -qq && (cd "$work/debs" && apt-get $apt $src source -qq --download-only cmocka); then
    tar -xf "$work"/debs/cmocka_*.orig.tar.?z -C "$work/debs"
fi 2>/dev/null
rm -rf "$root"
mv "$work/tree" "$root"

# 3. musl behind the same gcc: its specs with this folder's paths.  Debian's archives are compiled against glibc, whose
# checked variants of some functions musl lacks: libfortified.a has those.
mkdir -p "$root/usr/lib/$musl"
sed "s,/usr/\(lib\|include\)/$musl,$top/$root/usr/\1/$musl,g" "$root/usr/lib/$musl/musl-gcc.specs" >"$root/musl.specs"
printf '*lib:\n-lfortified -lc\n\n' >>"$root/musl.specs"
# (cmocka.h defines uintptr_t itself where it does not see glibc.)
new=$root/bin/musl-gcc.new
printf '#!/bin/sh\nexec "${REALGCC:-%s}" -D_UINTPTR_T "$@" -specs "%s"\n' "$gcc" "$top/$root/musl.specs" >"$new"
chmod +x "$new"
ar=$($gcc -print-prog-name=ar)
"$new" -O2 -c -o "$root/fortified.o" "$here/fortified.c"
$ar rcs "$root/usr/lib/$musl/libfortified.a" "$root/fortified.o"
c=$(ls "$work"/debs/cmocka-*/src/cmocka.c 2>/dev/null || true)
if [ -n "$c" ]; then # for both C libraries
    $gcc -O1 -w -I "${c%/src/cmocka.c}/include" -D_GNU_SOURCE -DHAVE_INTTYPES_H -DHAVE_MALLOC_H -DHAVE_STRINGS_H \
        -DHAVE_SIGNAL_H -DHAVE_STRSIGNAL -DHAVE_SIGLONGJMP -DHAVE_GCC_THREAD_LOCAL_STORAGE -DHAVE_STRUCT_TIMESPEC \
        -DHAVE_CLOCK_REALTIME -c -o "$root/cmocka.o" "$c"
    $ar rcs "$root/usr/lib/$triple/libcmocka.a" "$root/cmocka.o"
fi
rm -rf "$work" "$root"/*.o
mv "$new" "$root/bin/musl-gcc"
echo "sysroot: $root has static libraries and bin/musl-gcc for $triple"
