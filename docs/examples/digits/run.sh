#!/usr/bin/env bash
# Compiles the digits network to C, the C to a program, and classifies real digits with it: in floats, and in integers
# of 8 bits.
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

mkdir -p "$out/int8"
tinyc="${CARGO_TARGET_DIR:-target}/release/tinyc"
run cargo build --release --locked -p tinyc
run "$tinyc" $here/digits.onnx -o $out/digits.c --name digits
# shellcheck disable=SC2086 # several flags
run "${CC:-cc}" -std=c99 -O2 $warnings -I$out -I$here $here/main.c $out/digits.c -o $out/digits
run "$tinyc" $here/digits.onnx -o $out/int8/digits.c --name digits --quantize int8 --calib $here/calib.npz
# shellcheck disable=SC2086 # several flags
run "${CC:-cc}" -std=c99 -O2 $warnings -I$out/int8 -I$here $here/main.c $out/int8/digits.c -o $out/digits_int8
run $out/digits
printf '\nThe same in integers of 8 bits:\n'
run $out/digits_int8 | sed -n '1p;/^accuracy/,$p'
