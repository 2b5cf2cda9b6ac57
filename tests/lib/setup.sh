# tests/lib/setup.sh - what building and testing take, from the distribution's packages. For other scripts to source.
#
# docent_install SET... installs what is missing of these sets, and says what that is; it does nothing, and asks for no rights,
# when nothing is missing:
#
#     build   compiler, meson, the libraries
#     test    cmocka, valgrind, Apache ZooKeeper and its C client, Curator, kazoo
#     fuzz    clang with libFuzzer

docent_packages()
{
    case $1 in
    build) echo "gcc libc6-dev meson ninja-build pkg-config libevent-dev libmd-dev zlib1g-dev libjansson-dev" ;;
    test)
        echo "libcmocka-dev python3 valgrind procps binutils g++ libzookeeper-mt-dev libzookeeper-java"
        echo "libsnappy-java libslf4j-java libdropwizard-metrics-java libcurator-recipes-java libcurator-framework-java"
        echo "libcurator-client-java python3-kazoo default-jdk-headless"
        ;;
    fuzz) echo "clang" ;;
    *)
        echo "docent_packages: no set called $1" >&2
        return 1
        ;;
    esac
}

# Is there a package that does what $1 does? pkgconf stands in for pkg-config, any JDK of the distribution for the default one.
docent_have()
{
    case $1 in
    pkg-config) command -v pkg-config >/dev/null ;;
    default-jdk-headless) command -v javac >/dev/null && command -v java >/dev/null ;;
    *) [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ] ;;
    esac
}

docent_install()
{
    if ! command -v dpkg-query >/dev/null; then
        echo "No dpkg here: what is missing has to be installed by hand. The sets: $*" >&2
        return 0
    fi
    docent_missing=
    for docent_set in "$@"; do
        for docent_package in $(docent_packages "$docent_set"); do
            docent_have "$docent_package" || docent_missing="$docent_missing $docent_package"
        done
    done
    [ -n "$docent_missing" ] || return 0

    echo "Installing from the distribution's packages:$docent_missing"
    docent_root=
    [ "$(id -u)" = 0 ] || docent_root="sudo -n"
    $docent_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update || return 1
    # shellcheck disable=SC2086 # One word per package.
    $docent_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends $docent_missing \
        >/dev/null || return 1
}
