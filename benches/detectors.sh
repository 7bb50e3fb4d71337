#!/usr/bin/env bash
# Runs benches/detectors.rs over a sample of ROWS contracts (1,000,000) and over one ten times as large if LARGE=1, beside DuckDB where pip
# can have it.
set -euo pipefail
cd "$(dirname "$0")/.."
source benches/lib.sh
export CIDADAO_BIN=${CIDADAO_BIN:-$target/release/cidadao}
if [ -z "${DUCKDB_PYTHON:-}" ] && python=$(python_with duckdb==2.0.1); then
  export DUCKDB_PYTHON=$python
fi
rows=${ROWS:-1000000}
sizes=("$rows")
if [ "${LARGE:-}" = 1 ]; then sizes+=("$((rows * 10))"); fi
for size in "${sizes[@]}"; do
  rm -rf "$dir/month" "$dir/data"
  "$CIDADAO_BIN" sample --rows "$size" --seed 1 --out "$dir/month" >/dev/null
  "$CIDADAO_BIN" --data-dir "$dir/data" import "$dir/month" >/dev/null 2>&1
  rm -rf "$dir/month"
  LAKE=$dir/data cargo bench --locked --bench detectors
done
