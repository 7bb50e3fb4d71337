"""Holds `cidadao cardinal indicators` against reference.py on random processes: `differential.py BINARY`.

Every difference is printed; one makes the exit status 1.
"""

import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import generate
import reference

ALL = "".join(f"[{code}]\n" for code in "R003 R018 R024 R025 R028 R030 R035 R036 R038 R048 R058".split())

FILTERS = """currency = BRL
no_price_comparison_procurement_methods = Sorteio|Random Selection
[exclusions]
procurement_method_details = Concorrência|
[R003]
threshold = 30
procurement_methods = open|selective|aberta
[R003.procurement_method_details]
Pregão Eletrônico = 60
Sorteio = -5
[R018]
procurement_methods =
[R024]
threshold = 0.05
[R025]
percentile = 40
threshold = 0.3
[R028]
[R030]
[R035]
threshold = 2
[R036]
[R038]
threshold = 0.3
minimum_submitted_bids = 5
minimum_contracting_processes = 9
[R048]
digits = 1
threshold = 3
minimum_contracting_processes = 2
[R058]
threshold = 0.75
"""

ONLY = """price_comparison_procurement_methods = Pregão Eletrônico|Sorteio
no_price_comparison_procurement_methods = Sorteio
[R003]
threshold = 0
[R018]
[R024]
[R025]
percentile = 0
[R028]
[R030]
[R035]
threshold = 0
[R036]
[R038]
minimum_submitted_bids = 0
minimum_contracting_processes = 0
[R048]
digits = 0
minimum_contracting_processes = 1
[R058]
"""

LOOSE = "[R024]\n[R025]\npercentile = 10\n[R048]\nminimum_contracting_processes = 1\n[R058]\n"

SUBSECTION = "[R003.procurement_method_details]\nSorteio = 40\n[R036]\n"


def cases():
    yield "all", ALL, dict(seed=1, count=10_000)
    yield "filters", FILTERS, dict(seed=2, count=10_000)
    yield "only", ONLY, dict(seed=3, count=10_000, odd=0.004)
    # Close values with outliers: the lower fences are above zero here, and R024 and R025 fire.
    yield "tight", LOOSE, dict(seed=4, count=10_000, odd=0.0005, tight=True, tenderers=2_000)
    yield "tight, all", ALL, dict(seed=5, count=2_000, odd=0.01, tight=True, tenderers=300)
    # Few processes: the edges of quantiles, and files without any.
    for seed in range(100, 140):
        settings = [ALL, ONLY, LOOSE, FILTERS, SUBSECTION][seed % 5]
        yield f"small {seed}", settings, dict(seed=seed, count=seed % 23, tight=seed % 3 == 0, tenderers=6)


def same(left, right):
    """Equal as JSON; lists of ids are sets."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return sorted(left) == sorted(right)
    return type(left) is type(right) and left == right


def differences(ours, theirs):
    for group in sorted(ours.keys() | theirs.keys()):
        left, right = ours.get(group, {}), theirs.get(group, {})
        for key in sorted(left.keys() | right.keys()):
            if not same(left.get(key), right.get(key)):
                yield f"{group}.{key}: {left.get(key)} != {right.get(key)}"


def run(binary, directory, case):
    name, settings, options = case
    data, ini = os.path.join(directory, f"{name}.jsonl"), os.path.join(directory, f"{name}.ini")
    generate.write(data, **options)
    with open(ini, "w", encoding="utf-8") as file:
        file.write(settings)
    theirs = reference.run(ini, data)
    printed = subprocess.run(
        [*binary, "cardinal", "indicators", "-s", ini, "--map", data], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    ours = json.loads(printed.stdout)
    fired = {}
    for group in ("OCID", "Buyer", "ProcuringEntity", "Tenderer"):
        for codes in theirs.get(group, {}).values():
            for code in codes:
                fired[code] = fired.get(code, 0) + 1
    found = list(differences(ours, theirs))
    printed = subprocess.run([*binary, "cardinal", "coverage", data], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    counts = json.loads(printed.stdout)
    found += differences({"coverage": counts}, {"coverage": reference.coverage(data)})
    if oracle := os.environ.get("CARDINAL_PYTHON"):
        # The reference itself, where it is at hand: its package for Python has this command alone.
        script = "import json, ocdscardinal, sys; print(json.dumps(ocdscardinal.coverage(sys.argv[1])))"
        printed = subprocess.run([oracle, "-c", script, data], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        found += differences({"coverage of ocdscardinal": counts}, {"coverage of ocdscardinal": json.loads(printed.stdout)})
    return name, options["count"], fired, found


def main():
    binary = sys.argv[1:]
    total, fired, wrong = 0, {}, 0
    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor(2) as pool:
        for name, count, codes, found in pool.map(lambda case: run(binary, directory, case), cases()):
            total += count
            wrong += len(found)
            for code, number in codes.items():
                fired[code] = fired.get(code, 0) + number
            for difference in found[:20]:
                print(f"{name}: {difference}")
    print(f"{total} processes, {wrong} differences; results by indicator: {dict(sorted(fired.items()))}")
    missing = [code for code in ALL.split() if code.strip("[]") not in fired]
    if missing:
        print(f"never fired: {missing}")
    return 1 if wrong or missing else 0


if __name__ == "__main__":
    sys.exit(main())
