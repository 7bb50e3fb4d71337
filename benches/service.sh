#!/usr/bin/env bash
# Runs benches/service.rs with a throw-away PostgreSQL that writes to disk as a real one does.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$(dirname "$(readlink -f "$( (compgen -G '/usr/lib/postgresql/*/bin/initdb'; command -v initdb) | sort -V | tail -1)")")
dir=$(mktemp -d)
as_owner() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; else "$@"; fi; }
[ "$(id -u)" != 0 ] || chown postgres "$dir"
stop() {
  (cd / && as_owner "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null) || true
  rm -rf "$dir"
}
trap stop EXIT
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
(
  cd /
  as_owner "$bin/initdb" --auth=trust --encoding=UTF8 --no-locale --username=cidadao -D "$dir/data" >/dev/null
  as_owner "$bin/pg_ctl" -D "$dir/data" -o "-p $port -k $dir -c listen_addresses=127.0.0.1" -l "$dir/log" -w start >/dev/null
  "$bin/createdb" -h 127.0.0.1 -p "$port" -U cidadao bench
)
DATABASE_URL="postgres://cidadao@127.0.0.1:$port/bench" cargo bench --locked --bench service
