#!/bin/bash
# newcomer.sh - README's two commands in a minimal Debian with gcc, make and apt alone, on a clone of HEAD: by a user who may
# not install anything, by the same user when root has typed what was asked for, and by root.
#
# Takes root, debootstrap, the network, and a quarter of an hour; the bare system stays in .cache/newcomer for the next time.
# All mounts are in a namespace that ends with the command in it.  LIMIT: seconds that a first 'make demo' may take.
set -u
cd "$(dirname "$0")/.."
kept=$PWD/.cache/newcomer
work=$(mktemp -d "${TMPDIR:-/tmp}/newcomer.XXXXXX")
trap 'rm -rf "$work"' EXIT
n=0
fail() {
    echo "newcomer: FAILED: $*" >&2
    tail -n 20 "$work/out" >&2
    exit 1
}
[ "$(id -u)" = 0 ] || { echo "newcomer: SKIP, only root can make such a system" && exit 0; }
command -v debootstrap >/dev/null || { echo "newcomer: SKIP, there is no debootstrap" && exit 0; }

if [ ! -e "$kept/made" ]; then # from where this machine has its own packages
    main=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' 'Component: main' | head -n 1)
    rm -rf "$kept" && mkdir -p "$kept"
    debootstrap --variant=minbase --include=gcc,make "${main##* }" "$kept/base" "${main% *}" >"$work/out" || fail debootstrap
    apt-config dump Acquire | grep -v IndexTargets >"$kept/base/etc/apt/apt.conf.d/90host"
    cp /etc/hosts "$kept/base/etc/hosts"
    chroot "$kept/base" useradd --create-home newcomer
    touch "$kept/made"
fi

case= # a copy of the bare system: what is written goes to $work/$case
inside() { # user, command of a shell in the clone
    n=$((n + 1))
    ROOT=$work/$case LOWER=$kept/base unshare --mount --propagation private ${offline:+--net} sh -ec '
        cd "$ROOT"
        mount -t overlay overlay -o "lowerdir=$LOWER,upperdir=$ROOT/upper,workdir=$ROOT/work" at
        mount -t proc proc at/proc && mount --rbind /dev at/dev && mount --bind /etc/resolv.conf at/etc/resolv.conf
        exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C \
            chroot --userspec="$0" at sh -c "cd /srv/poise && $1"' "$@" >"$work/out" 2>&1
}
begin() { # case, owner of the clone
    case=$1
    mkdir -p "$work/$case/upper/srv" "$work/$case/work" "$work/$case/at"
    git clone -q . "$work/$case/upper/srv/poise" && chown -R "$2" "$work/$case/upper/srv/poise"
}
user=$(chroot "$kept/base" id -u newcomer):$(chroot "$kept/base" id -g newcomer)
succeeds() { # at most seconds, user, command
    local most=$1 wall cpu
    shift
    TIMEFORMAT='%R %U %S'
    { time inside "$@"; } 2>"$work/time" || fail "$case: $2: exit $?"
    read -r wall cpu <<<"$(awk '{ printf "%.0f %.0f", $1, $2 + $3 }' "$work/time")"
    echo "newcomer: $case: $2: $wall s, $cpu s of processors"
    [ "$wall" -le "$most" ] || fail "$case: $2: more than $most s"
}
says() { grep -qF -- "$1" "$work/out" || fail "$case: does not say: $1"; }
picture() { [ -s "$work/$case/upper/srv/poise/build/demo/poise-demo.$1" ] || fail "$case: no picture"; }

begin user "$user"
inside "$user" "make demo" && fail "user: builds without the C library"
says "please type:  su -c 'apt-get update && apt-get install --no-install-recommends libc6-dev libturbojpeg0-dev libpng-dev'"
says "gcc makes no program"
[ -e "$work/user/upper/srv/poise/build/demo" ] && fail "user: half done"
inside 0:0 "mv /usr/bin/apt-get /usr/bin/apt-got"
inside 0:0 "make demo" && fail "no apt-get: builds without the C library"
says "missing: the headers of the C library, turbojpeg.h (libjpeg-turbo), png.h (libpng). There is no apt-get"
inside 0:0 "mv /usr/bin/apt-got /usr/bin/apt-get"
succeeds 300 0:0 "apt-get update -qq; apt-get install -qq --no-install-recommends libc6-dev"
succeeds "${LIMIT:-180}" "$user" "make demo" # without libraries
says "OFF   JPEG"
says "5 drawn, 5 found"
picture bmp
typed=$(sed -n 's/^setup: please type:  //p' "$work/out" | tail -n 1)
succeeds 300 0:0 "yes | $typed"
succeeds "${LIMIT:-180}" "$user" "make demo"
picture jpg
grep -q '^setup:' "$work/out" && fail "user: still asks for something"
succeeds 10 "$user" "make demo"

begin root 0:0
succeeds "${LIMIT:-180}" 0:0 "make demo"
says "5 drawn, 5 found"
picture jpg
succeeds 300 0:0 "make setup"
offline=1
succeeds 1200 0:0 "make -j$(nproc) build-tests && make test"
grep -E '^[a-z]+: (.*: )?SKIP' "$work/out"
echo "newcomer: $(grep -cE '^SKIP|: SKIP' "$work/out") tests say what they lack"
inside 0:0 "sed -n '/^F=\"-std/,/^\`\`\`/{/^\`/d;p}' README.md >/tmp/steps && sh -e /tmp/steps && ./poise demo" || fail "README's commands without make"
says "5 drawn, 5 found"
echo "newcomer: $n passed, 0 failed"
