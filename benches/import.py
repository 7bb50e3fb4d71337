"""Import of a sample of the Portal's files beside DuckDB's read_csv to Parquet of the same files, in turn, in one run.

ROWS contracts (5,000,000) and half of them: the memory of an import must not grow with the rows. ROUNDS (2): the best counts.
CIDADAO_BIN is the binary.
"""

import glob
import os
import shutil
import subprocess
import sys
import tempfile
import time

BINARY = os.environ["CIDADAO_BIN"]
ROWS = int(os.environ.get("ROWS", "5000000"))
ROUNDS = int(os.environ.get("ROUNDS", "2"))

DUCKDB = """
import duckdb, glob, os, sys
connection = duckdb.connect()
connection.execute(f"set threads = {os.cpu_count()}")
for path in sorted(glob.glob(os.path.join(sys.argv[1], "*.csv"))):
    target = os.path.join(sys.argv[2], os.path.basename(path) + ".parquet")
    connection.execute(
        f"copy (select * from read_csv('{path}', delim = ';', quote = '\\"', header = true, encoding = 'latin-1', "
        f"dateformat = '%d/%m/%Y', decimal_separator = ',', sample_size = 20000)) to '{target}' (format parquet, compression zstd)"
    )
"""


def measure(command):
    """Seconds and peak memory in MiB of a command."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"failed: {command}")
    return time.monotonic() - start, usage.ru_maxrss / 1024


def best(scratch, name, command):
    """The best of several rounds, each into an empty directory; bytes of what was written too."""
    times, peaks = [], []
    for _ in range(ROUNDS):
        target = os.path.join(scratch, name)
        shutil.rmtree(target, ignore_errors=True)
        os.makedirs(target)
        seconds, peak = measure(command(target))
        times.append(seconds)
        peaks.append(peak)
        written = sum(os.path.getsize(path) for path in glob.glob(target + "/**/*.parquet", recursive=True))
    shutil.rmtree(target)
    return min(times), max(peaks), written


def main():
    try:
        import duckdb

        print(f"DuckDB {duckdb.__version__}")
        beside = True
    except ImportError:
        beside = False
    with tempfile.TemporaryDirectory() as scratch:
        for rows in (ROWS // 2, ROWS):
            month = os.path.join(scratch, "month")
            shutil.rmtree(month, ignore_errors=True)
            subprocess.run([BINARY, "sample", "--rows", str(rows), "--seed", "1", "--out", month], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            # The labels are no published file.
            for extra in glob.glob(month + "/labels*"):
                os.remove(extra)
            files = glob.glob(month + "/*.csv")
            size = sum(map(os.path.getsize, files)) / 1e6
            print(f"{rows} contracts, {size:.0f} MB in {len(files)} files")
            measured = [("import", lambda target: [BINARY, "--data-dir", target, "import", month])]
            if beside:
                measured.append(("DuckDB read_csv", lambda target: [sys.executable, "-c", DUCKDB, month, target]))
            results = [(name, *best(scratch, "out", command)) for name, command in measured]
            reference = results[-1][1]
            for name, seconds, peak, written in results:
                ratio = f"{reference / seconds:5.2f} x DuckDB's throughput" if beside else ""
                print(f"  {name:<16} {seconds:7.1f} s {size / seconds:6.0f} MB/s   peak {peak:6.0f} MiB   {written / 1e6:6.0f} MB of Parquet   {ratio}", flush=True)


main()
