# SPDX-License-Identifier: Apache-2.0
# packages_install WHO PACKAGE... - installs the Debian packages that are missing; without root it names them and fails.
packages_install() {
    who=$1
    shift
    missing=
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' ||
            missing="$missing $package"
    done
    [ -z "$missing" ] && return 0
    if [ "$(id -u)" -ne 0 ]; then
        echo "$who: these packages are missing; install them as root and run this again:" >&2
        echo "  apt-get install$missing" >&2
        return 1
    fi
    echo "$who: installing$missing"
    apt-get update -q >/dev/null
    # shellcheck disable=SC2086 # one argument a package
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing >/dev/null
}

# packages_list SECTION... - the packages of tools/packages.txt under these headings.
packages_list() {
    for section in "$@"; do
        sed -n "/^\[$section\]/,/^\[/p" tools/packages.txt | grep -v -e '^#' -e '^\[' -e '^$'
    done
}
