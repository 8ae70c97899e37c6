#!/usr/bin/env bash
# Compiles the digits network to C, the C to a program, and classifies real digits with it.
# Needs Rust and a C compiler (CC, default cc). Writes only below target/.
set -euo pipefail
cd "$(dirname "$0")/../../.."

here=docs/examples/digits
out=target/digits
warnings="-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wdouble-promotion"
if [ "${CI:-}" = true ]; then
  warnings+=" -Werror"
fi

run() {
  printf '$ %s\n' "$*"
  "$@"
}

mkdir -p "$out"
run cargo build --release --locked -p tinyc
run "${CARGO_TARGET_DIR:-target}/release/tinyc" $here/digits.onnx -o $out/digits.c --name digits
# shellcheck disable=SC2086 # several flags
run "${CC:-cc}" -std=c99 -O2 $warnings -I$out -I$here $here/main.c $out/digits.c -o $out/digits
run $out/digits
