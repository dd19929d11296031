# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
# What the makers of packages share; read by them with ".".

# Debian's own tools and Python, whatever else stands first.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH DEBIAN_FRONTEND=noninteractive

version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' rtslib/__init__.py)
# Both packagers sort a ~ before nothing: 3.0.0~dev0 comes before 3.0.0.
package_version=$(echo "$version" | sed 's/\.dev/~dev/')

# usage: need COMMAND PACKAGE... -- installs the packages where the command is missing
need() {
    command -v "$1" >/dev/null && return
    shift
    [ "$(id -u)" = 0 ] || { echo "install $* first" >&2; exit 1; }
    echo "installing $*"
    apt-get update -qq >/dev/null
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# usage: export_tree DIRECTORY -- copies all that git has or would take
export_tree() {
    rm -rf "$1"
    mkdir -p "$1"
    git ls-files -z --cached --others --exclude-standard |
        while IFS= read -r -d '' name; do [ ! -e "$name" ] || printf '%s\0' "$name"; done |
        tar -c --null -T - | tar -x --no-same-owner -C "$1"
}
