#!/usr/bin/env bash
# Fails if proto/ breaks who speaks to the version before: `buf breaking` against the last commit that is
# shared with the main branch, or against REF if given. On main itself that is the commit before.
#
#     clients/breaking.sh [REF]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The commit to compare with, or nothing.
base() {
  local ref
  for ref in "${1:-main}" "origin/${1:-main}"; do
    git -C "$root" rev-parse --verify --quiet "$ref^{commit}" >/dev/null || continue
    if [ $# != 0 ]; then
      git -C "$root" rev-parse "$ref^{commit}"
    elif [ "$(git -C "$root" rev-parse "$ref")" = "$(git -C "$root" rev-parse HEAD)" ] \
      && git -C "$root" diff --quiet HEAD -- proto; then
      git -C "$root" rev-parse --verify --quiet "$ref~1" || true
    else
      # Where this branch left main: what main did since is not this branch's doing.
      git -C "$root" merge-base HEAD "$ref" || true
    fi
    return
  done
}

commit=$(base "$@")
if [ -z "$commit" ] || ! git -C "$root" cat-file -e "$commit:proto" 2>/dev/null; then
  say "there is no ${1:-main} with a proto/ to compare with: breaking changes not looked for"
  exit 0
fi
npm_modules
before=$(mktemp -d)
trap 'rm -rf "$before"' EXIT
# `git archive` and not buf's own git input, which knows neither worktrees nor shallow clones.
git -C "$root" archive "$commit" proto | tar -x -C "$before"
cp "$root/buf.yaml" "$before/buf.yaml"
cd "$root"
buf breaking --against "$before"
say "proto/ breaks nothing of $(git rev-parse --short "$commit")"
