# Emscripten >= 3.1.69: the first with a usable relaxed SIMD that Debian ships. One from PATH or
# $EMSDK serves. Debian 12's own is too old, so there Debian 13's is unpacked privately: its driver
# is Python and JavaScript, clang and lld are Debian 12's own, and the binaryen tools run on Debian
# 13's libc, unpacked beside them, through its dynamic linker.

EMSCRIPTEN_MINIMUM=3.1.69
PRIVATE_EMSCRIPTEN="$TOOLCHAIN/debian13/usr/share/emscripten"
# Raise this when what lies in .toolchain/ must be made anew.
PRIVATE_EMSCRIPTEN_LAYOUT=1

install_emscripten() {
  local found
  found=$(find_emscripten)
  if [ -z "$found" ]; then
    unpack_private_emscripten
    found=$PRIVATE_EMSCRIPTEN
    report "unpacked $(cat "$found/emscripten-version.txt") into .toolchain/"
  elif [ "$found" != "$PRIVATE_EMSCRIPTEN" ]; then
    report "using $found ($(emscripten_version "$found"))"
  fi
  [ "$found" = "$PRIVATE_EMSCRIPTEN" ] && configure_private_emscripten
  [ -e /usr/include/catch2/catch.hpp ] || fetch_catch2_header
  echo "$found" > "$TOOLCHAIN/emscripten_root"
  echo "export HALFLING_EMSCRIPTEN=\"$found\" PATH=\"$found:\$PATH\"" > "$TOOLCHAIN/env.sh"
}

# Prints the folder that holds the emcc.py to use; nothing if there is none yet.
find_emscripten() {
  local candidate
  for candidate in "${HALFLING_EMSCRIPTEN:-}" "${EMSDK:+$EMSDK/upstream/emscripten}" \
      "$(emcc_on_path)" /usr/share/emscripten; do
    if [ -n "$candidate" ] && version_at_least "$(emscripten_version "$candidate")"; then
      echo "$candidate"
      return
    fi
  done
  if stamp_is emscripten "$PRIVATE_EMSCRIPTEN_LAYOUT" && [ -e "$PRIVATE_EMSCRIPTEN/emcc.py" ]; then
    echo "$PRIVATE_EMSCRIPTEN"
  fi
}

emcc_on_path() {
  local emcc
  emcc=$(command -v emcc) || return 0
  dirname "$(readlink -f "$emcc")"
}

# "3.1.69" of the Emscripten in a folder: read, not run, because emcc takes a second to start.
emscripten_version() {
  sed -n 's/^"\{0,1\}\([0-9.]*\).*/\1/p' "$1/emscripten-version.txt" 2> /dev/null | head -n 1
}

version_at_least() {
  [ -n "$1" ] && [ "$(printf '%s\n' "$EMSCRIPTEN_MINIMUM" "$1" | sort -V | head -n 1)" = \
    "$EMSCRIPTEN_MINIMUM" ]
}

unpack_private_emscripten() {
  if ! is_debian 12; then
    echo "No emcc >= $EMSCRIPTEN_MINIMUM on PATH, and \$EMSDK is not set. Install Emscripten, by" \
      "emsdk or your distribution's package, then run scripts/setup again."
    return 1
  fi
  local debs="$TOOLCHAIN/debs" prefix="$TOOLCHAIN/debian13" package
  rm -rf "$prefix" "$debs"
  mkdir -p "$prefix"
  download_debian_packages trixie "$debs" emscripten binaryen libc6 libstdc++6 libgcc-s1
  for package in "$debs"/*.deb; do
    unpack_package "$package" "$prefix"
  done
  rm -rf "$debs"
  check_system_libraries "$PRIVATE_EMSCRIPTEN/cache/sysroot/lib/wasm32-emscripten"
  set_stamp emscripten "$PRIVATE_EMSCRIPTEN_LAYOUT"
}

# Left out: documentation, and the system libraries' variants for 64-bit memory, link-time
# optimization and dynamic linking, which are 1.3 of 1.6 GB.
unpack_package() {
  dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" \
    --exclude=./usr/share/doc --exclude=./usr/share/man --exclude=./usr/share/locale \
    --exclude=./usr/share/emscripten/test --exclude='*/lib/wasm64-emscripten' \
    --exclude='*/wasm32-emscripten/lto' --exclude='*/wasm32-emscripten/lto-pic' \
    --exclude='*/wasm32-emscripten/pic'
}

# The cache is frozen, so what the builds link must have come with the package.
check_system_libraries() {
  local library
  for library in c++-except c++-noexcept unwind-except embind embind-rtti \
      c-mt c++-mt-except c++-mt-noexcept unwind-mt-except emmalloc-mt; do
    library="lib$library.a"
    if [ ! -e "$1/$library" ]; then
      echo "The unpacked Emscripten lacks $1/$library, which it cannot build with a frozen cache."
      return 1
    fi
  done
}

# Written on each run, since both name this folder, which may have been moved.
configure_private_emscripten() {
  local prefix="$TOOLCHAIN/debian13" wrappers="$TOOLCHAIN/binaryen/bin" loader tool
  loader=$(echo "$prefix"/usr/lib/*-linux-gnu/ld-linux-*.so.*)
  mkdir -p "$wrappers"
  for tool in "$prefix"/usr/bin/wasm*; do
    printf '#!/bin/sh\nexec "%s" --library-path "%s" "%s" "$@"\n' \
      "$loader" "${loader%/*}" "$tool" > "$wrappers/${tool##*/}"
    chmod +x "$wrappers/${tool##*/}"
  done
  cat > "$PRIVATE_EMSCRIPTEN/.emscripten" <<CONFIG
LLVM_ROOT = '/usr/lib/llvm-19/bin'
BINARYEN_ROOT = '${wrappers%/bin}'
NODE_JS = '$(command -v node)'
FROZEN_CACHE = True
CONFIG
}

# The wasm tests compile Catch2 2.x from its one header; Debian 13 has only 3.x.
fetch_catch2_header() {
  [ -e "$TOOLCHAIN/include/catch2/catch.hpp" ] && return
  is_debian 13 || return 0
  download_debian_packages bookworm "$TOOLCHAIN/debs" catch2
  mkdir -p "$TOOLCHAIN/include" "$TOOLCHAIN/debian12"
  unpack_package "$TOOLCHAIN"/debs/catch2_*.deb "$TOOLCHAIN/debian12"
  ln -sfn "$TOOLCHAIN/debian12/usr/include/catch2" "$TOOLCHAIN/include/catch2"
  rm -rf "$TOOLCHAIN/debs"
}

# download_debian_packages SUITE FOLDER PACKAGE…: fetches them from the mirror that this machine's
# apt uses, verified by Debian's archive keys, with an apt state of its own: the system's package
# lists and versions stay as they are.
download_debian_packages() {
  local suite=$1 folder=$2 state="$TOOLCHAIN/apt" keyring mirror
  shift 2
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  mirror=$(debian_mirror)
  mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$folder"
  echo "deb [signed-by=$keyring] $mirror $suite main" > "$state/sources.list"
  local options=(
    -o Dir::Etc::SourceList="$state/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null
    -o Dir::State="$state" -o Dir::State::Lists="$state/lists"
    -o Dir::State::Status=/var/lib/dpkg/status -o Dir::Cache="$state/cache"
    -o APT::Sandbox::User="$(id -un)" -o APT::Default-Release="$suite" -o Acquire::Retries=3
    -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false)
  apt-get "${options[@]}" update
  (cd "$folder" && apt-get "${options[@]}" download "$@")
  rm -rf "$state"
}

# The address that apt has for this release's main archive.
debian_mirror() {
  local codename mirror
  codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
  mirror=$(apt-get indextargets --format '$(REPO_URI)' "Created-By: Packages" \
    "Codename: $codename" "Component: main" | head -n 1)
  if [ -z "$mirror" ]; then
    echo "apt knows no archive of $codename. Check /etc/apt/sources.list, run apt-get update." >&2
    return 1
  fi
  echo "$mirror"
}
