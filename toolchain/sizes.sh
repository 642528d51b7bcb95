#!/bin/sh
# sizes.sh [NAME...] - builds the static commands of toolchain/sizes.txt and holds their sizes against those budgets.
#
# Those of one machine share a build folder: what is left out changes a few objects and what is linked.
set -u
cd "$(dirname "$0")/.." || exit 1
. toolchain/static.sh
over=0 checked=0
printf '%-20s %10s %10s\n' static bytes 'at most'
while read -r name most triple libc args; do
    case $name in '' | '#'*) continue ;; esac
    [ $# = 0 ] || case " $* " in *" $name "*) ;; *) continue ;; esac
    static_command "$triple" "$libc" $args || continue
    n=$(wc -c <"$stripped")
    printf '%-20s %10d %10d\n' "$name" "$n" "$most"
    checked=$((checked + 1))
    [ "$n" -le "$most" ] || over=$((over + 1))
done <toolchain/sizes.txt
echo "sizes: $checked checked, $over over"
[ $over = 0 ]
