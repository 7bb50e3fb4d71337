#!/usr/bin/env bash
# Tests the binary (CIDADAO_BIN, or the debug build) from outside: over REST, with curl, with a browser, and with
# requests made up from its OpenAPI document. Arguments go to pytest.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../../clients/lib.sh"

command -v "${PYTHON:-python3}" >/dev/null || { missing Python "what tests/e2e holds"; exit 0; }
environment=$(venv "$here/requirements.txt") || { missing "what tests/e2e needs" "all of it"; exit 0; }

# The page of the browser test loads the client as it would be published.
if command -v npm >/dev/null && npm_modules; then
  (cd "$clients/typescript" && npm run --silent build)
else
  missing npm "the TypeScript client in a browser"
fi

cd "$here"
"$environment/bin/ruff" check --quiet
"$environment/bin/ruff" format --check --quiet
exec "$environment/bin/pytest" "$@"
