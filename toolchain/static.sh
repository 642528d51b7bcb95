# toolchain/static.sh - read by scripts: static_command TRIPLE musl|glibc [ARGUMENTS OF MAKE...] builds the command and leaves
# its path, stripped, in $stripped and its compiler in $cc.  False, with a line that says why, where there is no toolchain.
# $CCACHE may name a compiler cache.
static_command() {
    triple=$1 libc=$2
    shift 2
    gcc=$triple-gcc b=build/static/$triple-$libc stripped=$b/stripped cc=$triple-gcc
    sysroot=.cache/sysroot/$triple
    if ! command -v "$gcc" >/dev/null; then
        echo "SKIP $triple: there is no $gcc"
        return 1
    fi
    if [ "$libc" = musl ]; then
        # (Its paths are those of the place where it was made.)
        { [ -x "$sysroot/bin/musl-gcc" ] && grep -qF "$PWD/$sysroot/" "$sysroot/musl.specs"; } || ${MAKE:-make} -s CC="$gcc" sysroot >&2 || {
            echo "SKIP $triple with musl: 'make CC=$gcc sysroot' failed"
            return 1
        }
        cc=$sysroot/bin/musl-gcc
    fi
    ${MAKE:-make} -s -j"$(nproc)" CC="${CCACHE:+$CCACHE }$cc" STATIC=1 CFLAGS=-O2 B="$b" "$@" all >/dev/null || exit 1
    "$("$gcc" -print-prog-name=strip)" -o "$stripped" "$b/poise"
}
