#!/usr/bin/env bash
# Checks proto/, that the generated code is what it gives, and each client against the real server:
# the binary that CIDADAO_BIN names, or target/debug/cidadao.
#
#     clients/test.sh [PART…]     proto, openapi, rust, python, typescript, go; all of them if none is named
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

has() {
  command -v "$1" >/dev/null || { missing "$1" "$2"; return 1; }
}

# A tool is there but what it needs may not be: no registry within reach, say.
ready() {
  "$1" >/dev/null || { missing "what $2 needs" "$2"; return 1; }
}

check_proto() {
  has npm "checks of proto/" && has go "checks of generated code" && has "${PYTHON:-python3}" "checks of generated code" \
    && has cargo "checks of generated code" || return 0
  ready npm_modules "checks of proto/" || return 0
  (cd "$root" && buf lint)
  "$clients/breaking.sh"
  "$clients/generate.sh" --check
}

test_rust() {
  has cargo "the Rust client" || return 0
  cargo_target
  cd "$clients/rust"
  cargo fetch --locked --quiet || { missing "what the Rust client needs" "the Rust client"; return 0; }
  cargo fmt --all --check
  cargo clippy --locked --quiet --workspace --all-targets -- -D warnings
  cargo test --locked --quiet
  RUSTDOCFLAGS="-D warnings" cargo doc --locked --quiet --no-deps
}

check_openapi() {
  has "${PYTHON:-python3}" "checks of the OpenAPI document" || return 0
  local environment
  environment=$(venv "$clients/openapi/requirements.txt") \
    || { missing "what checks the OpenAPI document" "its checks"; return 0; }
  [ -n "${CIDADAO_BIN:-}" ] || cargo_target
  "${CIDADAO_BIN:-$CARGO_TARGET_DIR/debug/cidadao}" openapi | "$environment/bin/python" "$clients/openapi/check.py"
}

test_python() {
  has "${PYTHON:-python3}" "the Python client" || return 0
  local environment
  environment=$(venv "$clients/python/requirements/test.txt") \
    || { missing "what the Python client needs" "the Python client"; return 0; }
  export PATH="$environment/bin:$PATH"
  cd "$clients/python"
  ruff check --quiet
  ruff format --check --quiet
  mypy
  # What is tested is what would be published: the package as it is built, not its sources.
  package=$(mktemp -d)
  # Not local: the trap runs when the function has ended.
  trap 'rm -rf "$package"' EXIT
  pip wheel -q --no-deps --no-build-isolation --wheel-dir "$package" .
  pip install -q --no-deps --target "$package/site" "$package"/*.whl
  PYTHONPATH="$package/site" pytest
}

test_typescript() {
  has npm "the TypeScript client" && ready npm_modules "the TypeScript client" || return 0
  cd "$clients/typescript"
  npm test --silent
}

test_go() {
  has go "the Go client" || return 0
  cd "$clients/go"
  go mod download || { missing "what the Go client needs" "the Go client"; return 0; }
  local unformatted
  unformatted=$(gofmt -l .)
  [ -z "$unformatted" ] || { say "not as gofmt writes it: $unformatted"; exit 1; }
  go vet ./...
  go test -count=1 ./...
}

[ $# != 0 ] || set -- proto openapi rust python typescript go
for part; do
  case $part in
    proto | openapi) check=check_$part ;;
    rust | python | typescript | go) check=test_$part ;;
    *) say "no such part: $part" && exit 2 ;;
  esac
  say "$part"
  # A shell of its own: -e holds in it, as it would not in a condition.
  ($check)
done
