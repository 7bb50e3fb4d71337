#!/usr/bin/env bash
# Runs benches/cardinal.rs on the release binary. Where pip can have ocdscardinal, its coverage() runs beside ours.
set -euo pipefail
cd "$(dirname "$0")/.."
source benches/lib.sh
if [ -z "${CARDINAL_PYTHON:-}" ] && python=$(python_with ocdscardinal==0.0.8); then
  export CARDINAL_PYTHON=$python
fi
CIDADAO_BIN=${CIDADAO_BIN:-$target/release/cidadao} cargo bench --locked --bench cardinal
