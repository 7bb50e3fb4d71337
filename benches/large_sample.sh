#!/usr/bin/env bash
# Time and peak memory to import and to investigate a sample of one million contracts, with the release binary.
set -euo pipefail
cd "$(dirname "$0")/.."
rows=${ROWS:-1000000}
source benches/lib.sh
measure() { # name, command…
  python3 - "$@" <<'PY'
import resource, subprocess, sys, time
name, command = sys.argv[1], sys.argv[2:]
start = time.monotonic()
subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{name:<24} {time.monotonic() - start:8.1f} s   peak {usage.ru_maxrss / 1024:8.0f} MiB   cpu {usage.ru_utime + usage.ru_stime:8.1f} s")
PY
}
binary="$target/release/cidadao"
measure "sample $rows" "$binary" sample --rows "$rows" --seed 1 --out "$dir/month"
du -sh "$dir/month" | awk '{print "csv                      " $1}'
measure "import" "$binary" --data-dir "$dir/data" import "$dir/month"
measure "detect (import + all)" "$binary" detect "$dir/month" --output json
measure "demo (serve, all)" "$binary" --data-dir "$dir/demo" --grpc-addr 127.0.0.1:50951 --http-addr 127.0.0.1:0 --metrics-addr 127.0.0.1:8951 demo --exit --rows "$rows"
