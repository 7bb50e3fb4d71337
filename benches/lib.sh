# Shared by the benches; sourced with the project as the working directory.
target=$(cargo metadata --format-version 1 --no-deps | python3 -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# Prints a Python that has a package; fails if pip cannot have it.
python_with() { # package==version
  if python3 -m venv "$dir/venv" >/dev/null 2>&1 && "$dir/venv/bin/pip" install --quiet --only-binary :all: "$1" >/dev/null 2>&1; then
    echo "$dir/venv/bin/python"
  else
    echo "$1 cannot be had: nothing is measured beside it" >&2
    return 1
  fi
}
