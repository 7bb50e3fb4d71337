# Shared by the scripts of this directory: where tools live and how they get there. Sourced, not run.
#
# Tools are installed outside the checkout, in a directory named after the hash of what pins them, so
# that a fresh clone with the same pins finds them there.

clients=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$clients")
cache="${CIDADAO_CACHE:-$HOME/.cache/cidadao}/clients"
mkdir -p "$cache"

say() { echo "clients: $*" >&2; }

# Says that a tool cannot be had; with CIDADAO_REQUIRE_ALL=1 that ends the run.
missing() {
  say "$1 is not available: $2 skipped"
  if [ "${CIDADAO_REQUIRE_ALL:-}" = 1 ]; then
    say "CIDADAO_REQUIRE_ALL=1 makes this an error"
    exit 1
  fi
}

hash_of() { cat "$@" | sha256sum | cut -c1-16; }

# venv REQUIREMENTS: prints the directory of a virtual environment with exactly these packages.
venv() {
  local dir python=${PYTHON:-python3}
  dir="$cache/python-$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-$(hash_of "$1")" || return
  if [ ! -e "$dir/ready" ]; then
    say "installing $(basename "$1")"
    rm -rf "$dir"
    { "$python" -m venv "$dir" && "$dir/bin/pip" install -q --no-deps -r "$1" && touch "$dir/ready"; } >&2 || return
  fi
  echo "$dir"
}

# npm_modules: makes clients/typescript/node_modules a link to what package-lock.json pins.
npm_modules() {
  local dir
  dir="$cache/npm-$(node --version)-$(hash_of "$clients/typescript/package-lock.json")" || return
  if [ ! -e "$dir/ready" ]; then
    say "installing the packages of package-lock.json"
    rm -rf "$dir"
    mkdir -p "$dir"
    cp "$clients/typescript/package.json" "$clients/typescript/package-lock.json" "$dir"
    # No package needs its install script: binaries come as packages of their own.
    (cd "$dir" && npm ci --ignore-scripts --no-audit --no-fund && touch ready) >&2 || return
  fi
  # A directory that somebody's `npm install` made gives way to the link.
  [ -L "$clients/typescript/node_modules" ] || rm -rf "$clients/typescript/node_modules"
  ln -sfn "$dir/node_modules" "$clients/typescript/node_modules"
}

# go_tools: prints the directory of the plugins that clients/go/tools/go.mod pins.
go_tools() {
  local dir
  dir="$cache/go-$(go env GOVERSION)-$(hash_of "$clients/go/tools/go.sum")" || return
  if [ ! -e "$dir/ready" ]; then
    say "building the tools of clients/go/tools"
    mkdir -p "$dir"
    (cd "$clients/go/tools" && GOBIN="$dir" go install tool && touch "$dir/ready") >&2 || return
  fi
  echo "$dir"
}

# cargo_target: lets the Rust client use what the server's build has compiled; its packages have the same pins.
cargo_target() {
  local metadata
  metadata=$(cargo metadata --manifest-path "$root/Cargo.toml" --no-deps --format-version 1 --offline) || return
  CARGO_TARGET_DIR=$(sed 's/.*"target_directory":"\([^"]*\)".*/\1/' <<<"$metadata")
  export CARGO_TARGET_DIR
}

buf() { "$clients/typescript/node_modules/.bin/buf" "$@"; }
