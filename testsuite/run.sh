#!/usr/bin/env bash
# Everything that has to hold: format, lints, the example, all tests. README's second command.
#
# Installs the tools that tests run and that are missing (apt, when root or through sudo). Where that
# is not possible the tests that need them say so and skip; with CI=true nothing may be skipped, and
# a missing tool is an error. Needs no network when everything is there.
# shellcheck disable=SC2086 # package lists and commands are words
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n== %s\n' "$*"; }

# command that must exist -> Debian package that has it
tools=(
  gcc:gcc
  g++:g++
  nm:binutils
  clang:clang
  make:make
  cmake:cmake
  ninja:ninja-build
  python3:python3
  arm-none-eabi-gcc:gcc-arm-none-eabi
  arm-none-eabi-nm:binutils-arm-none-eabi
  qemu-system-arm:qemu-system-arm
  riscv64-unknown-elf-gcc:gcc-riscv64-unknown-elf
  qemu-system-riscv32:qemu-system-misc
)

missing_packages() {
  local t
  for t in "${tools[@]}"; do
    command -v "${t%%:*}" >/dev/null || echo "${t#*:}"
  done
  # Debian has these in packages of their own, without a command: environments of Python, and the C
  # library of the Arm compiler.
  python3 -c 'import ensurepip' 2>/dev/null || echo python3-venv
  if ! arm-none-eabi-gcc -E -x c -include stdio.h - </dev/null >/dev/null 2>&1; then
    echo libnewlib-arm-none-eabi
  fi
}

# Arguments: packages.
install_packages() {
  local as_root="env"
  command -v apt-get >/dev/null || return 1
  if [ "$(id -u)" != 0 ]; then
    sudo -n true 2>/dev/null || return 1
    as_root="sudo -n env"
  fi
  as_root+=" DEBIAN_FRONTEND=noninteractive"
  $as_root apt-get -qq update || say "apt-get update failed: trying with the package lists that are there"
  # An emulator needs no disk image tools, and where versions are mixed they would conflict with it;
  # a trailing minus keeps them out. Someone who has them keeps them.
  if apt-cache show qemu-utils >/dev/null 2>&1 && ! dpkg -s qemu-utils >/dev/null 2>&1; then
    set -- "$@" qemu-utils-
  fi
  $as_root apt-get -qq -y -o DPkg::Lock::Timeout=300 --no-install-recommends install "$@" </dev/null >/dev/null
}

packages=$(missing_packages)
if [ -n "$packages" ]; then
  say "installing" $packages
  install_packages $packages || true
  packages=$(missing_packages)
  if [ -n "$packages" ]; then
    say "not installed:" $packages
    if [ "${CI:-}" = true ]; then
      exit 1
    fi
    echo "Tests that need them are skipped."
  fi
fi
if [ "${CI:-}" = true ]; then
  export TINYC_REQUIRE_TOOLS=1
fi

# Python for the tests that hold the ONNX that tinyc writes against other software.
make_python() {
  local venv=target/python list=testsuite/requirements.txt
  if ! cmp -s "$list" "$venv/installed.txt"; then
    say "installing" $(cat "$list")
    python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$list" &&
      cp "$list" "$venv/installed.txt"
  fi
}
if [ -z "${TINYC_PYTHON:-}" ]; then
  if make_python; then
    export TINYC_PYTHON=$PWD/target/python/bin/python
  else
    say "Python's packages could not be installed: tests that need them are skipped"
    [ "${CI:-}" != true ] || exit 1
  fi
fi

# The ONNX project's backend tests are written to a folder by a script that lies beside the
# repository on some machines; where it does not, the test that runs them says so and skips.
make_suite() {
  local script=$1
  export TINYC_ONNX_SUITE=$PWD/target/onnx_suite
  [ ! -d "$TINYC_ONNX_SUITE/constant" ] || return 0
  say "writing the ONNX backend tests"
  "$TINYC_PYTHON" "$script" "$TINYC_ONNX_SUITE" >/dev/null 2>&1 &&
    # Shapes and axes that the tests give as inputs, as constants: the form that a compiler can read.
    "$TINYC_PYTHON" "$(dirname "$script")/freeze.py" "$TINYC_ONNX_SUITE" "$TINYC_ONNX_SUITE/constant" >/dev/null
}
suite=${TINYC_SHARED:-../shared}/onnx_suite/make_onnx_suite.py
if [ -z "${TINYC_ONNX_SUITE:-}" ] && [ -n "${TINYC_PYTHON:-}" ] && [ -f "$suite" ] && ! make_suite "$suite"; then
  unset TINYC_ONNX_SUITE
  say "the ONNX backend tests could not be written"
  [ "${CI:-}" != true ] || exit 1
fi

say "rustfmt"
# cargo does not see the modules that a macro declares, so the files are named.
find compiler passes codegen testsuite docs -name '*.rs' -not -path '*/target/*' \
  -exec rustfmt --check --edition 2024 {} +
say "cargo clippy"
cargo clippy --quiet --locked --workspace --all-targets -- -D warnings
say "the example"
docs/examples/digits/run.sh
say "cargo test"
cargo test --quiet --locked --workspace
