#!/usr/bin/env bash
# Runs benches/import.py on the release binary, beside DuckDB where pip can have it.
set -euo pipefail
cd "$(dirname "$0")/.."
source benches/lib.sh
python=$(python_with duckdb==2.0.1) || python=python3
CIDADAO_BIN=${CIDADAO_BIN:-$target/release/cidadao} "$python" benches/import.py "$@"
