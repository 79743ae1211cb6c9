# apt.sh - sourced by the scripts that install or unpack Debian packages; does nothing by itself.
# Never writes to /etc: a suite that the machine does not list is reached with temporary lists.

say() { printf '%s\n' "setup: $*" >&2; }
fail() { say "$*"; exit 1; }

if [ "$(id -u)" = 0 ]; then
    as_root=
else
    as_root=sudo
fi

# apt_get ARGUMENTS... - as root, asks nothing, waits for another apt to finish.
apt_get()
{
    if [ -n "$as_root" ] && ! command -v sudo >/dev/null; then
        fail "installing needs root: install sudo, or run this as root: $0 $what"
    fi
    $as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
        apt-get -q -y -o DPkg::Lock::Timeout=300 $suite_options "$@" </dev/null >&2
}

# apt_install PACKAGES... - refreshes apt's lists only when they cannot serve the request.
apt_install()
{
    if apt-get -qq -s install --no-install-recommends "$@" >/dev/null 2>&1 &&
        apt_get install --no-install-recommends "$@"; then
        return 0
    fi
    say "refreshing apt's lists (apt-get update)"
    apt_get update && apt_get install --no-install-recommends "$@"
}

# mirrors - prints the addresses from which this machine takes Debian's main component, as apt
# itself understands its sources, whatever their format.
mirrors()
{
    apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT) $(ORIGIN)' \
        "Created-By: Packages" 2>/dev/null |
        awk -v suite="$codename" '$2 == suite && $3 == "main" && $4 == "Debian" { print $1 }' |
        sort -u
}

# open_suite SUITE PACKAGE VERSION - finds a mirror that has PACKAGE at VERSION or later in SUITE
# and sets suite_options, with which apt-get sees that suite and no other; all state in a temporary
# folder that goes away when the script ends.
open_suite()
{
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    signed=
    if [ -r "$keyring" ]; then signed="[signed-by=$keyring] "; fi
    if [ -z "$(mirrors)" ]; then
        say "refreshing apt's lists (apt-get update)"
        apt_get update
    fi
    suite_state=$(mktemp -d)
    trap '$as_root rm -rf "$suite_state"' EXIT
    trap 'exit 130' INT TERM
    chmod 755 "$suite_state"
    mkdir -p "$suite_state/lists/partial" "$suite_state/cache/archives/partial"
    suite_options="-o Dir::Etc::SourceList=$suite_state/sources.list
        -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists=$suite_state/lists
        -o Dir::Cache=$suite_state/cache -o APT::Default-Release=$1 -o APT::Sandbox::User=root"
    for mirror in $(mirrors); do
        printf 'deb %s%s %s main\n' "$signed" "$mirror" "$1" >"$suite_state/sources.list"
        apt_get update || continue
        found=$(apt-cache $suite_options madison "$2" | awk '{ print $3; exit }')
        if [ -n "$found" ] && dpkg --compare-versions "$found" ge "$3"; then return 0; fi
    done
    fail "no mirror in this machine's apt sources has $2 $3 or later in the suite $1;" \
        "make one of them carry that suite, or install $2 by hand"
}

# unpack PACKAGE... - puts the files of PACKAGEs under build/tools, installing and starting nothing.
unpack()
{
    mkdir -p "$tools/deb"
    for package in "$@"; do
        rm -f "$tools/deb/${package}"_*.deb
        (cd "$tools/deb" &&
            apt-get -q $suite_options -o APT::Sandbox::User=root download "$package" >&2) || return
        dpkg -x "$tools/deb/${package}"_*.deb "$tools" || return
        rm -f "$tools/deb/${package}"_*.deb
    done
    rmdir "$tools/deb"
}

codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-unknown}")
tools=$(cd "$(dirname "$0")/.." && pwd)/build/tools
suite_options=
what=
