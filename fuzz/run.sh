#!/usr/bin/env bash
# Builds the fuzz targets and runs each of them from the kept corpus, two at a time.
#
#     fuzz/run.sh [SECONDS] [TARGET…]     all targets for 60 seconds each, if nothing is said
#     fuzz/run.sh minimise [TARGET…]      adds what was found to the kept corpus, as little of it as covers the same
#
# What is found goes to FUZZ_FOUND (target/fuzz/found), what fails to FUZZ_FAILED (target/fuzz/failed).
# FUZZ_JOBS says how many run at a time. On Linux; it needs a C++ compiler, and no other toolchain than the build does.
set -euo pipefail
cd "$(dirname "$0")/.."

targets=(answers archive cardinal detector json ocds portal receita request uri values)
seconds=60
if [ $# != 0 ] && { [ "$1" = minimise ] || [[ $1 =~ ^[0-9]+$ ]]; }; then
  seconds=$1
  shift
fi
for name; do
  [ -d "fuzz/corpus/$name" ] || { echo "fuzz: no such target: $name (${targets[*]})" >&2; exit 2; }
done
[ $# = 0 ] || targets=("$@")

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
found=${FUZZ_FOUND:-$CARGO_TARGET_DIR/fuzz/found}
failed=${FUZZ_FAILED:-$CARGO_TARGET_DIR/fuzz/failed}
RUSTC_WORKSPACE_WRAPPER=$PWD/fuzz/rustc.sh ${CARGO:-cargo} build --locked --quiet -p cidadao-fuzz
binary=$CARGO_TARGET_DIR/debug/cidadao-fuzz

# Targets that take files in write them for every input.
memory=/dev/shm
[ -w "$memory" ] || memory=${TMPDIR:-/tmp}
work=$(mktemp -d "$memory/cidadao-fuzz.XXXXXX")
trap 'rm -rf "$work"' EXIT

# Longest input: long enough for what the seeds are, short enough for thousands of them a second.
longest() {
  case $1 in
    values | uri) echo 256 ;;
    json | request) echo 2048 ;;
    *) echo 8192 ;;
  esac
}

fuzz() {
  local name=$1
  shift
  mkdir -p "$work/$name" "$found/$name" "$failed"
  CIDADAO_FUZZ_TARGET=$name TMPDIR=$work/$name "$binary" \
    -timeout=25 -rss_limit_mb=2048 -max_len="$(longest "$name")" -artifact_prefix="$failed/$name-" "$@"
}

one() {
  local name=$1 dictionary=() log=$work/$1.log new=$work/$1.new failure=0
  mkdir "$new"
  [ ! -f "fuzz/dictionaries/$name.txt" ] || dictionary=(-dict="fuzz/dictionaries/$name.txt")
  fuzz "$name" -max_total_time="$seconds" -print_final_stats=1 "${dictionary[@]}" \
    "$new" "fuzz/corpus/$name" >"$log" 2>&1 || failure=$?
  # Kept, but not run from: thousands of them would take up the time of the next run.
  find "$new" -type f -exec cp -n -t "$found/$name" {} +
  if [ "$failure" = 0 ]; then
    local runs covered
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    covered=$(grep -aoE 'cov: [0-9]+ ft: [0-9]+' "$log" | tail -1)
    echo "fuzz: $name: $runs inputs in ${seconds}s, $covered"
  else
    tail -n 60 "$log"
    echo "fuzz: $name FAILED; again with:"
    echo "  CIDADAO_FUZZ_TARGET=$name $binary $(ls -t "$failed/$name-"* 2>/dev/null | head -n 1)"
    return 1
  fi
}

minimise() {
  local name=$1 kept=$work/$1.kept
  mkdir "$kept"
  # Whatever covers other code, not how often.
  fuzz "$name" -set_cover_merge=1 -use_counters=0 -use_cmp=0 "$kept" "fuzz/corpus/$name" "$found/$name" >"$work/$name.log" 2>&1 \
    || { tail -n 40 "$work/$name.log"; return 1; }
  rm -rf "fuzz/corpus/${name:?}"
  mkdir "fuzz/corpus/$name"
  cp "$kept"/* "fuzz/corpus/$name/"
  echo "fuzz: $name: $(find "fuzz/corpus/$name" -type f | wc -l) inputs, $(du -sk --apparent-size "fuzz/corpus/$name" | cut -f 1) KiB"
}

export -f fuzz one minimise longest
export seconds found failed binary work
run=one
[ "$seconds" != minimise ] || run=minimise
printf '%s\n' "${targets[@]}" | xargs -P "${FUZZ_JOBS:-2}" -I {} bash -euo pipefail -c "$run {}"
