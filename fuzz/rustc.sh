#!/usr/bin/env bash
# rustc for what the fuzz targets are to see into, the product's own code: with the counters and comparisons that
# libFuzzer reads. Cargo calls it as RUSTC_WORKSPACE_WRAPPER, so that what else is compiled serves every other build too.
set -euo pipefail
case " $* " in
  *" --crate-name cidadao "* | *" --crate-name cidadao_fuzz "*)
    exec "$@" -Cdebug-assertions=on -Coverflow-checks=on \
      -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
      -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
      -Cllvm-args=-sanitizer-coverage-trace-compares
    ;;
  *) exec "$@" ;;
esac
