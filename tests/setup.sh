#!/usr/bin/env bash
# Installs what the tests need and the machine lacks: PostgreSQL, Redis and Chromium from the system's packages,
# grpcurl and an S3 server (versitygw) through the Go toolchain. What cannot be had is named; with CIDADAO_REQUIRE_ALL=1 that is an error.
set -euo pipefail

missing() {
  echo "setup: $1 is not available: its tests are skipped" >&2
  if [ "${CIDADAO_REQUIRE_ALL:-}" = 1 ]; then
    echo "setup: CIDADAO_REQUIRE_ALL=1 makes this an error" >&2
    exit 1
  fi
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

has_postgres() {
  command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}

has_redis() {
  command -v redis-server >/dev/null
}

add_package() {
  command -v apt-get >/dev/null || return 0
  echo "setup: installing $1" >&2
  export DEBIAN_FRONTEND=noninteractive
  { as_root apt-get update -q && as_root apt-get install -y -q --no-install-recommends "$2"; } >&2 || true
}

has_postgres || add_package PostgreSQL postgresql
has_postgres || missing PostgreSQL
has_redis || add_package Redis redis-server
has_redis || missing Redis

has_browser() {
  command -v "${CIDADAO_BROWSER:-chromium}" >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null
}

has_browser || add_package Chromium chromium
has_browser || missing Chromium

has_s3() {
  command -v versitygw >/dev/null || [ -x "$(go env GOPATH 2>/dev/null)/bin/versitygw" ]
}

if ! has_s3 && command -v go >/dev/null; then
  echo "setup: installing versitygw" >&2
  go install github.com/versity/versitygw/cmd/versitygw@v1.8.0 >&2 || go install github.com/versity/versitygw/cmd/versitygw@latest >&2 || true
fi
has_s3 || missing "versitygw (a server that speaks S3)"

has_grpcurl() {
  command -v grpcurl >/dev/null || [ -x "$(go env GOPATH 2>/dev/null)/bin/grpcurl" ]
}

if ! has_grpcurl && command -v go >/dev/null; then
  echo "setup: installing grpcurl" >&2
  go install github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4 >&2 || go install github.com/fullstorydev/grpcurl/cmd/grpcurl@latest >&2 || true
fi
has_grpcurl || missing grpcurl
