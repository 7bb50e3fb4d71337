#!/usr/bin/env bash
# Runs benches/rest.rs, with a grpc-gateway before the same server where a Go toolchain can build one.
set -euo pipefail
cd "$(dirname "$0")/.."
source clients/lib.sh

# Generates its handlers from proto/ and builds it; prints its path.
gateway() {
  local here="$root/benches/grpc_gateway" out
  out="$cache/grpc-gateway-$(go env GOVERSION)-$(hash_of "$here/go.sum")" || return
  mkdir -p "$out"
  npm_modules || return
  (
    cd "$here"
    GOBIN="$out" go install tool || exit
    rm -rf gen
    PATH="$out:$PATH" buf generate "$root/proto" --template buf.gen.yaml \
      --path "$root/proto/cidadao/v1/investigation_service.proto" -o gen || exit
    go build -o "$out/grpc_gateway" .
  ) >&2 || return
  echo "$out/grpc_gateway"
}

if command -v go >/dev/null && command -v npm >/dev/null && built=$(gateway); then
  export CIDADAO_GRPC_GATEWAY="$built"
else
  say "grpc-gateway could not be built: REST is measured beside gRPC alone"
fi
cargo bench --locked --bench rest
