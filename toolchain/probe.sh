#!/bin/sh
# probe.sh BUILD ISA=FLAGS... - what $CC can compile and link, as lines for make in BUILD/found.mk.
#
# The compiler is asked once for each configuration: again when the line that began the last answer would be another, or
# when a folder where packages put headers and libraries has changed since.  What is off gets one line then, unless it is
# among $GIVEN, the names that the command line sets.
set -u
out=$1/found.mk
shift
broken() { # why
    echo "make: $1; 'make setup' installs what is missing, or says what to type" >&2
    exit 1
}
host=$($CC -dumpmachine 2>/dev/null) || broken "there is no ${CC:-compiler} here"
asked="# $CC | ${STATIC:-} | ${SYSROOT:-} | $GIVEN | $*"
fresh() {
    [ -e "$out" ] && [ "$(head -n 1 "$out")" = "$asked" ] || return 1
    for d in /usr/include /usr/local/include "/usr/include/$host" "/usr/lib/$host" /usr/local/lib \
        ${SYSROOT:+"$SYSROOT/usr/include" "$SYSROOT/usr/lib/$host"} $(command -v $CC) "$0"; do
        [ "$d" -nt "$out" ] && return 1
    done
    return 0
}
fresh && exit 0

off() { # name, why
    case " $GIVEN " in *" $1 "*) ;; *) printf '  OFF   %-7s %s\n' "$1" "$2" >&2 ;; esac
}
links() { # headers, libraries: each header may need those before it
    { printf '#include <%s>\n' $1 && echo 'int main(void) { return 0; }'; } |
        $CC ${STATIC:+-static} ${SYSROOT_FLAGS:-} -o "$out.probe" -x c - $2 >/dev/null 2>&1
}
peer() { # name, header, library, what an expression on the header's macros says: for bench/ alone, so nothing is said
    { printf '#include <%s>\n#if !(%s)\n#error\n#endif\n' "$2" "$4" && echo 'int main(void) { return 0; }'; } |
        $CC -o "$out.probe" -x c - "$3" >/dev/null 2>&1 && echo "FOUND_$1 := 1"
}
part() { # name, headers, libraries, what is missing then
    if links "$2" "$3"; then echo "FOUND_$1 := 1"; else
        echo "FOUND_$1 := 0"
        off "$1" "no $4 for $CC${STATIC:+ -static}"
    fi
}
tool() {
    path=$($CC -print-prog-name="$1")
    echo "FOUND_$2 := ${path:-$1}"
}

mkdir -p "$(dirname "$out")"
# First of all a program: without the headers of the C library, say, every part would seem to be absent.
whole() {
    printf '#include <stdint.h>\n#include <stdio.h>\n#include <math.h>\nint main(void) { return 0; }\n' |
        $CC ${STATIC:+-static} ${SYSROOT_FLAGS:-} -o "$out.probe" -x c - -lm
}
why=$(whole 2>&1) || broken "$CC${STATIC:+ -static} makes no program ($(echo "$why" | sed -n '/error:\|cannot/{s/.*error: //;p;q;}'))"
{
    echo "$asked"
    part JPEG "stdio.h turbojpeg.h" -lturbojpeg libjpeg-turbo
    part PNG "stdio.h png.h" "-lpng -lz -lm" libpng
    part JSON "stdio.h jansson.h" -ljansson "jansson (val reads no COCO files)"
    part CMOCKA "stdarg.h stddef.h stdint.h setjmp.h cmocka.h" -lcmocka "cmocka (no unit tests)"
    if [ -n "${STATIC:-}" ]; then
        echo "FOUND_OPENMP := 0" # libgomp opens other libraries when it starts, and is larger than what it would replace
        off OPENMP "static programs have the threads of Poise's own pool"
    else
        part OPENMP omp.h -fopenmp "libgomp (threads are those of Poise's own pool)"
    fi
    peer OPENBLAS cblas.h -lopenblas 1
    peer DNNL dnnl_version.h -ldnnl "DNNL_VERSION_MAJOR == 2" # the C API changed with version 3
    for isa; do
        name=${isa%%=*} flags=${isa#*=}
        $CC $flags -S -x c -o /dev/null /dev/null 2>/dev/null || {
            echo "TOO_NEW += $name"
            off ISAS "kernels for $name: $CC does not know $flags"
        }
    done
    tool ar AR
    tool nm NM
    tool strip STRIP
    tool readelf READELF
} >"$out.new"
rm -f "$out.probe"
mv "$out.new" "$out"
