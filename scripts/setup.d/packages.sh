# The system's packages: which are needed, which are missing, and apt to install them.

# Each row: Debian's package, a probe for it, and what to look for on other systems.
#   cmd:NAME      a command on PATH
#   header:NAME   a C++ header in one of INCLUDE_FOLDERS
#   file:PATH     a file or folder
#   python:NAME   a module that the system's python3 can import
# Of several names joined by '|', one is enough.
PACKAGE_TABLE='
ca-certificates     file:/etc/ssl/certs/ca-certificates.crt       certificate authorities
g++                 cmd:g++                                       GCC >= 12 or Clang >= 16
cmake               cmd:cmake                                     CMake >= 3.24
ninja-build         cmd:ninja                                     Ninja
nodejs              cmd:node                                      Node.js >= 20
npm                 cmd:npm                                       npm >= 9
chromium            cmd:chromium|chromium-browser|google-chrome   Chromium >= 114
fonts-liberation    file:/usr/share/fonts                         a font for the page
catch2              header:catch2/catch.hpp|catch2/catch_all.hpp  Catch2 2.13 or 3
libeigen3-dev       header:eigen3/Eigen/Dense                     Eigen 3.4
nlohmann-json3-dev  header:nlohmann/json.hpp                      nlohmann/json >= 3.11
rapidjson-dev       header:rapidjson/reader.h                     RapidJSON >= 1.1
libexpected-dev     header:tl/expected.hpp                        tl::expected >= 1.0
libcli11-dev        header:CLI/CLI.hpp                            CLI11 >= 2.1
libssl-dev          header:openssl/evp.h                          OpenSSL >= 3
python3             cmd:python3                                   Python >= 3.10
python3-venv        python:ensurepip                              the venv module
python3-torch       python:torch                                  PyTorch >= 1.13
python3-scipy       python:scipy                                  SciPy >= 1.9
python3-sklearn     python:sklearn                                scikit-learn >= 1.2
'
INCLUDE_FOLDERS="/usr/include /usr/local/include /opt/homebrew/include $TOOLCHAIN/include"
# PyTorch on Debian takes its matrix products from whichever BLAS is installed; this one is fast.
# The keyring must know the release that emscripten.sh fetches from.
DEBIAN_PACKAGE_TABLE='
libopenblas0-pthread    file:/usr/lib/x86_64-linux-gnu/openblas-pthread/libblas.so.3|/usr/lib/aarch64-linux-gnu/openblas-pthread/libblas.so.3
debian-archive-keyring  file:/usr/share/keyrings/debian-archive-trixie-automatic.gpg
'
# Browsers for tests beside Chromium: WebKitGTK is what Debian has of Safari's engine.
BROWSER_TABLE='
firefox-esr             cmd:firefox-esr|firefox  Firefox
gir1.2-webkit2-4.1      file:/usr/lib/x86_64-linux-gnu/girepository-1.0/WebKit2-4.1.typelib|/usr/lib/aarch64-linux-gnu/girepository-1.0/WebKit2-4.1.typelib|/usr/lib64/girepository-1.0/WebKit2-4.1.typelib|/usr/lib/girepository-1.0/WebKit2-4.1.typelib  WebKitGTK 4.1
python3-gi              python:gi                PyGObject
xauth                   cmd:xauth                xauth
xvfb                    cmd:xvfb-run             Xvfb
'
# What the private Emscripten runs on (see emscripten.sh); not needed where there is an emcc.
PRIVATE_EMSCRIPTEN_TABLE='
clang-19                file:/usr/lib/llvm-19/bin/clang
lld-19                  file:/usr/lib/llvm-19/bin/wasm-ld
llvm-19                 file:/usr/lib/llvm-19/bin/llvm-ar
'
DEBIAN_13_EMSCRIPTEN_TABLE='
emscripten              file:/usr/share/emscripten/emcc.py
'

install_packages() {
  local table=$PACKAGE_TABLE missing emscripten
  if is_debian 12 13; then
    table+=$DEBIAN_PACKAGE_TABLE
  fi
  emscripten=$(find_emscripten)
  if is_debian 12 && [ "${emscripten:-$PRIVATE_EMSCRIPTEN}" = "$PRIVATE_EMSCRIPTEN" ]; then
    table+=$PRIVATE_EMSCRIPTEN_TABLE
  elif is_debian 13 && [ -z "$emscripten" ]; then
    table+=$DEBIAN_13_EMSCRIPTEN_TABLE
  fi

  missing=$(missing_packages "$table")
  [ -z "$missing" ] && return
  if ! is_debian 12 13; then
    print_what_to_install "$table" "$missing"
    return 1
  fi
  # shellcheck disable=SC2086
  apt_install $missing
  missing=$(missing_packages "$table")
  if [ -n "$missing" ]; then
    echo "Still missing after apt-get install: $missing"
    return 1
  fi
}

# Does not fail: tests skip what there is no browser for.
install_browsers() {
  local table=$BROWSER_TABLE missing
  [ -n "${HALFLING_FIREFOX:-}" ] && table=$(grep -v '^firefox-esr ' <<< "$table")
  missing=$(missing_packages "$table")
  [ -z "$missing" ] && return
  # shellcheck disable=SC2086
  if is_debian 12 13 && apt_install $missing; then missing=$(missing_packages "$table"); fi
  [ -z "$missing" ] || report "tests will be skipped without $(name_packages "$table" "$missing")"
}

# "Firefox (Debian's firefox-esr), Xvfb (Debian's xvfb)" of a table's packages.
name_packages() {
  local package probe description names=""
  while read -r package probe description; do
    grep -qx "$package" <<< "$2" && names+=", $description (Debian's $package)"
  done <<< "$1"
  echo "${names#, }"
}

# The packages of a table whose probe fails.
missing_packages() {
  local package probe rest modules=""
  while read -r package probe rest; do
    case "$probe" in
      cmd:*) any_of command_exists "${probe#cmd:}" || echo "$package" ;;
      header:*) any_of header_exists "${probe#header:}" || echo "$package" ;;
      file:*) any_of path_exists "${probe#file:}" || echo "$package" ;;
      python:*) modules+=" $package=${probe#python:}" ;;
    esac
  done <<< "$1"
  # One interpreter for all modules, found but not imported: PyTorch alone takes seconds to load.
  # shellcheck disable=SC2086
  "$(system_python)" - $modules << 'PYTHON' 2> /dev/null || echo "$modules" | tr ' ' '\n' | sed 's/=.*//'
import importlib.util
import sys

for pair in sys.argv[1:]:
    package, module = pair.split("=")
    if importlib.util.find_spec(module) is None:
        print(package)
PYTHON
}

any_of() {
  local test=$1 candidate
  for candidate in ${2//|/ }; do
    "$test" "$candidate" && return 0
  done
  return 1
}

command_exists() { command -v "$1" > /dev/null; }
path_exists() { [ -e "$1" ]; }

header_exists() {
  local folder
  for folder in $INCLUDE_FOLDERS; do
    [ -e "$folder/$1" ] && return 0
  done
  return 1
}

# Debian's PyTorch belongs to Debian's Python, not to another one that comes first on PATH.
system_python() {
  if is_debian 12 13 && [ -x /usr/bin/python3 ]; then echo /usr/bin/python3; else echo python3; fi
}

apt_install() {
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! sudo -n true; then
      echo "These packages are missing, and there is no password-less sudo to install them. Run:"
      echo "  sudo apt-get update && sudo apt-get install --no-install-recommends $*"
      return 1
    fi
    as_root=(sudo)
  fi
  # A lock that another apt holds, or a mirror that stumbles, deserves one more try.
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get
             -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3)
  "${apt[@]}" update
  "${apt[@]}" install -y --no-install-recommends "$@" ||
    "${apt[@]}" install -y --no-install-recommends "$@"
  report "installed $#: $*"
}

print_what_to_install() {
  local package probe description
  echo "This is not Debian 12 or 13, so nothing is installed on its own. Please install:"
  while read -r package probe description; do
    if grep -qx "$package" <<< "$2"; then
      printf '  %-28s (Debian calls it %s)\n' "$description" "$package"
    fi
  done <<< "$1"
  if [ -z "$(find_emscripten)" ]; then
    printf '  %-28s (emcc on PATH, or $EMSDK set)\n' "Emscripten >= 3.1.69"
  fi
}
