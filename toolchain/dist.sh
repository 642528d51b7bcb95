#!/bin/sh
# dist.sh [DIR] - the command as static programs, one archive for each machine, with checksums, in DIR (default build/dist).
#
# The same commit, compiler and packages give the same bytes: times are those of the commit ($SOURCE_DATE_EPOCH, if it is
# set), names are sorted, nothing in a stripped program tells where it was built.  A toolchain that is absent is skipped.
set -eu
cd "$(dirname "$0")/.."
. toolchain/static.sh
out=${1:-build/dist}
version=$(sed -n 's/^#define POISE_VERSION "\(.*\)"/\1/p' poise.h)
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
rm -rf "$out"
mkdir -p "$out"

pack() { # triple, libc
    static_command "$1" "$2" || return 0
    name=poise-$version-${triple%%-*}-linux-$libc
    case $triple in *eabihf) name=poise-$version-armhf-linux-$libc ;; esac
    d=$out/$name
    mkdir -p "$d/docs" "$d/licenses"
    install -m755 "$stripped" "$d/poise"
    install -m644 README.md CHANGELOG.md LICENSE "$d"
    install -m644 docs/*.md "$d/docs"
    # What is linked in, and under which terms.
    for p in $(sed -n 's/^FOUND_JPEG := 1/libturbojpeg0-dev/p; s/^FOUND_PNG := 1/libpng-dev zlib1g-dev/p;
        s/^FOUND_JSON := 1/libjansson-dev/p' "$b/found.mk") $([ "$libc" = musl ] && echo musl-dev); do
        for c in "$sysroot/usr/share/doc/$p/copyright" "/usr/share/doc/$p/copyright"; do
            [ -e "$c" ] || continue
            install -m644 "$c" "$d/licenses/${p%-dev}"
            break
        done
    done
    run= # a program of this machine, or one that binfmt or qemu-user runs
    "$stripped" version >/dev/null 2>&1 || run=$(command -v "qemu-${triple%%-*}-static" || true)
    if [ -n "$run" ] || "$stripped" version >/dev/null 2>&1; then
        mkdir -p "$d/share"
        $run "$stripped" --man >"$d/share/poise.1"
        $run "$stripped" --completion bash >"$d/share/poise.bash"
        $run "$stripped" --completion zsh >"$d/share/_poise"
    fi
    tar -C "$out" --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner --mode=go=rX,u+rw -cf - "$name" |
        gzip -n9 >"$out/$name.tar.gz"
    rm -rf "$d"
    printf '  %-40s %8d bytes, the command %8d\n' "$name.tar.gz" "$(wc -c <"$out/$name.tar.gz")" "$(wc -c <"$stripped")"
}

pack x86_64-linux-gnu musl
pack aarch64-linux-gnu musl
pack arm-linux-gnueabihf musl
pack x86_64-linux-gnu glibc
ls "$out"/*.tar.gz >/dev/null 2>&1 || { echo "dist: no toolchain for any machine"; exit 1; }
(cd "$out" && sha256sum *.tar.gz >SHA256SUMS)
echo "dist: $(wc -l <"$out/SHA256SUMS") archives and SHA256SUMS in $out"
