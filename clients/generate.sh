#!/usr/bin/env bash
# Generates the stubs of every client from proto/ and, of the Python client, the blocking half from the
# asyncio half. `--check` writes nothing: it fails with a diff if what is checked in differs.
#
# google/api and google/rpc come from googleapis-common-protos and not from proto/google, which declares
# no more than the server needs: generated code names the descriptors that everybody else registers.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

check=false
case "${1:-}" in
  --check) check=true ;;
  '') ;;
  *) echo "usage: $0 [--check]" >&2 && exit 2 ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python=$(venv "$clients/python/requirements/generate.txt")
npm_modules
plugins=$(go_tools)
cargo_target
export PATH="$plugins:$clients/typescript/node_modules/.bin:$python/bin:$PATH"

# The sources: our own files and the published google ones they import.
sources="$work/proto"
google=$("$python/bin/python" -c 'import google.rpc; print(list(google.rpc.__path__)[0])')/..
mkdir -p "$sources"
cp -R "$root/proto/cidadao" "$sources/cidadao"
# What the server declares for itself, and the details of errors.
for file in $(cd "$root/proto/google" && find . -name '*.proto') rpc/error_details.proto; do
  mkdir -p "$(dirname "$sources/google/$file")"
  cp "$google/$file" "$sources/google/$file"
done

buf generate "$sources" --template "$clients/go/buf.gen.yaml" --path "$sources/cidadao" -o "$work/go"
buf generate "$sources" --template "$clients/typescript/buf.gen.yaml" -o "$work/typescript"

mkdir -p "$work/rust"
(
  cd "$clients/rust"
  cargo run --locked --quiet --package generate -- "$sources" "$work/rust/cidadao.v1.rs"
)

mkdir -p "$work/stubs" "$work/python"
(
  cd "$sources"
  "$python/bin/python" -m grpc_tools.protoc -I . --python_out="$work/stubs" --grpc_python_out="$work/stubs" \
    --mypy_out=quiet:"$work/stubs" --mypy_grpc_out=quiet:"$work/stubs" cidadao/v1/*.proto
)
# The stubs live inside the package, not in a top-level package `cidadao` that could meet another one.
"$python/bin/python" "$clients/python/tools/relocate.py" "$work/stubs/cidadao/v1" "$work/python/v1"
"$python/bin/python" "$clients/python/tools/unasync.py" \
  "$clients/python/src/cidadao_client/aio.py" "$work/python/sync.py"

# What was generated, and where it belongs. `v1/__init__.py` is written by hand.
targets=(
  "rust:rust/src/gen"
  "go/cidadaov1:go/cidadaov1"
  "typescript:typescript/src/gen"
  "python/v1:python/src/cidadao_client/v1"
  "python/sync.py:python/src/cidadao_client/sync.py"
)
status=0
for target in "${targets[@]}"; do
  new="$work/${target%%:*}" old="$clients/${target##*:}"
  if $check; then
    diff -ruN -x __pycache__ -x __init__.py "$old" "$new" || status=1
  elif [ -d "$new" ]; then
    mkdir -p "$old"
    find "$old" -type f ! -name __init__.py -delete
    cp -R "$new/." "$old"
  else
    cp "$new" "$old"
  fi
done
if [ "$status" != 0 ]; then
  say "what is checked in is not what proto/ gives: run make clients"
fi
exit "$status"
