#!/usr/bin/env bash
# Runs benches/cardinal.rs on the release binary. Where pip can have ocdscardinal, its coverage() runs beside ours.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(cargo metadata --format-version 1 --no-deps | python3 -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
if [ -z "${CARDINAL_PYTHON:-}" ]; then
  if python3 -m venv "$dir/venv" >/dev/null 2>&1 && "$dir/venv/bin/pip" install --quiet --only-binary :all: ocdscardinal==0.0.8 >/dev/null 2>&1; then
    export CARDINAL_PYTHON=$dir/venv/bin/python
  else
    echo "ocdscardinal cannot be had: its coverage() is not measured" >&2
  fi
fi
CIDADAO_BIN=${CIDADAO_BIN:-$target/release/cidadao} cargo bench --locked --bench cardinal
