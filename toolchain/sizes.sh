#!/bin/sh
# sizes.sh [NAME...] - builds the static commands of toolchain/sizes.txt and holds their sizes against those budgets.
#
# Those of one machine share a build folder: what is left out changes a few objects and what is linked.
set -u
cd "$(dirname "$0")/.." || exit 1
. toolchain/static.sh
over=0 checked=0
measured= # NAME=BYTES, for budgets that are relative
printf '%-20s %10s %10s\n' static bytes 'at most'
while read -r name most triple libc args; do
    case $name in '' | '#'*) continue ;; esac
    [ $# = 0 ] || case " $* " in *" $name "*) ;; *) continue ;; esac
    case $most in
    *+*)
        base=$(echo "$measured" | sed -n "s/.* ${most%+*}=\([0-9]*\).*/\1/p")
        [ -n "$base" ] || { echo "SKIP $name: ${most%+*} was not measured" && continue; }
        most=$((base + ${most#*+}))
        ;;
    esac
    static_command "$triple" "$libc" $args || continue
    n=$(wc -c <"$stripped")
    measured="$measured $name=$n"
    printf '%-20s %10d %10d\n' "$name" "$n" "$most"
    checked=$((checked + 1))
    [ "$n" -le "$most" ] || over=$((over + 1))
done <toolchain/sizes.txt
echo "sizes: $checked checked, $over over"
[ $over = 0 ]
