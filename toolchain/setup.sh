#!/bin/sh
# setup.sh PACKAGE... - installs what is missing of these packages (Debian's names), as root where there is apt-get, and
# otherwise prints what to type.
#
# What counts is whether $CC finds the header and the shell the program, however they came here.  What to type goes to
# stdout, what is being done to stderr.  Fails where something stays missing.
set -u
CC=${CC:-gcc}
header() { echo "#include <$1>" | $CC -E -x c - >/dev/null 2>&1; }
missing= names=
lacks() { # package, what it is elsewhere
    missing="$missing $1"
    names="$names${names:+, }$2"
}
for p; do
    case $p in
    gcc) $CC -dumpmachine >/dev/null 2>&1 || lacks gcc "a C compiler" ;;
    libc6-dev) header stdint.h || lacks $p "the headers of the C library" ;;
    libturbojpeg0-dev) header turbojpeg.h || lacks $p "turbojpeg.h (libjpeg-turbo)" ;;
    libpng-dev) header png.h || lacks $p "png.h (libpng)" ;;
    libjansson-dev) header jansson.h || lacks $p "jansson.h" ;;
    libcmocka-dev) header cmocka.h || lacks $p cmocka.h ;;
    *) command -v "$p" >/dev/null || lacks "$p" "$p" ;;
    esac
done
[ -n "$missing" ] || exit 0
install="apt-get install --no-install-recommends$missing"
if ! command -v apt-get >/dev/null; then
    echo "setup: missing: $names. There is no apt-get: please install them the way of this system."
elif [ "$(id -u)" = 0 ]; then
    echo "setup: installing$missing" >&2
    apt-get update -qq >&2 || true # lists that are here may do
    DEBIAN_FRONTEND=noninteractive $install -y -qq >/dev/null && exit 0
    echo "setup: that failed (apt-get has said why above); when it can be repaired:  $install"
elif command -v sudo >/dev/null; then
    echo "setup: please type:  sudo apt-get update && sudo $install"
else
    echo "setup: please type:  su -c 'apt-get update && $install'"
fi
exit 1
