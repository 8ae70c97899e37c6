#!/usr/bin/env bash
# The digits network on an emulated Cortex-M4 board (QEMU's mps2-an386), from the root of the repository.
# Needs tinyc (or TINYC=...), arm-none-eabi-gcc with newlib, and qemu-system-arm. Writes only to its
# argument, by default target/board.
set -euo pipefail
cd "$(dirname "$0")/../../.."

out=${1:-target/board}
firmware=compiler/driver/firmware
mkdir -p "$out"

"${TINYC:-tinyc}" docs/examples/digits/digits.onnx -o "$out/digits.c" --target cortex-m4 --selftest \
  --max-ram 16K

arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16 -std=c99 -O2 -Wall -Wextra \
  -nostartfiles -L $firmware -T $firmware/mps2-an386.ld -I "$out" -I docs/examples/digits \
  $firmware/startup.c docs/examples/board/main.c "$out/digits.c" -o "$out/digits.elf"

arm-none-eabi-size "$out/digits.elf"

qemu-system-arm -M mps2-an386 -display none -monitor none -serial none -chardev stdio,id=out \
  -semihosting-config enable=on,target=native,chardev=out -kernel "$out/digits.elf"
