"""Screens of the bids of one tender: the reference for src/detectors/collusion/screens.rs.

Standard library only, so that the tests of the service can run it wherever a Python is. Run with files, it
prints the screens of every tender as CSV: file, set, tender, label, then one column a screen (empty: not defined).
"""

import csv
import math
import sys
from pathlib import Path

# Added to a dispersion before its logarithm, so that equal bids have one; a tenth of a per cent of the price.
FLOOR = 1e-3
# Bids are "fixed multiples" if their ratios agree within this share.
MULTIPLE_TOLERANCE = 1e-3


def mean(values):
    return math.fsum(values) / len(values)


def sd(values):
    """Standard deviation with n - 1; None below two values."""
    if len(values) < 2:
        return None
    centre = mean(values)
    return math.sqrt(math.fsum((v - centre) ** 2 for v in values) / (len(values) - 1))


def skewness(values):
    """Adjusted Fisher-Pearson skewness G1; None below three values or without spread."""
    n = len(values)
    if n < 3 or min(values) == max(values):
        return None
    centre = mean(values)
    m2 = math.fsum((v - centre) ** 2 for v in values) / n
    m3 = math.fsum((v - centre) ** 3 for v in values) / n
    return math.sqrt(n * (n - 1)) / (n - 2) * m3 / m2**1.5


def kurtosis(values):
    """Excess kurtosis G2, unbiased under normality; None below four values or without spread."""
    n = len(values)
    if n < 4 or min(values) == max(values):
        return None
    centre = mean(values)
    m2 = math.fsum((v - centre) ** 2 for v in values) / n
    m4 = math.fsum((v - centre) ** 4 for v in values) / n
    return (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * (m4 / m2**2 - 3) + 6)


def l_moments(values):
    """Second and third sample L-moments (Hosking 1990) of sorted values; the third is None below three."""
    n = len(values)
    b0 = mean(values)
    b1 = math.fsum(i / (n - 1) * v for i, v in enumerate(values)) / n
    if n < 3:
        return 2 * b1 - b0, None
    b2 = math.fsum(i * (i - 1) / ((n - 1) * (n - 2)) * v for i, v in enumerate(values)) / n
    return 2 * b1 - b0, 6 * b2 - 6 * b1 + b0


def screens(bids):
    """The screens of the bids of a tender, in any order; None below two bids or with one that is not positive."""
    bids = sorted(bids)
    n = len(bids)
    if n < 2 or not all(math.isfinite(b) and b > 0 for b in bids):
        return None
    lowest, highest = bids[0], bids[-1]
    gaps = [b - a for a, b in zip(bids, bids[1:])]
    difference = gaps[0]
    spread = highest - lowest
    losing_sd = sd(bids[1:])
    # In units of the lowest bid: a change of currency leaves them exactly as they are, up to rounding.
    logs = [math.log(b / lowest) for b in bids]
    l2, l3 = l_moments(logs)
    ratios = [b / a for a, b in zip(bids, bids[1:])]
    return {
        "bidders": n,
        "cv": sd(bids) / mean(bids),
        "spread": spread / lowest,
        "kurtosis": kurtosis(bids),
        "skewness": skewness(bids),
        "difference": difference,
        "relative_difference": difference / lowest,
        "relative_distance": difference / losing_sd if n > 2 and highest > bids[1] else None,
        "normalised_distance": difference / (spread / (n - 1)) if spread > 0 else None,
        "alternative_distance": difference / mean(gaps[1:]) if n > 2 and highest > bids[1] else None,
        "ks_uniform": ks_uniform(bids),
        "fixed_multiples": n > 2 and min(ratios) > 1 + MULTIPLE_TOLERANCE
        and max(ratios) / min(ratios) <= 1 + MULTIPLE_TOLERANCE,
        "l_scale": l2,
        "l_skewness": None if l3 is None else (l3 / l2 if l2 > 0 else 0.0),
    }


def ks_uniform(bids):
    """Kolmogorov-Smirnov distance of sorted bids to the uniform distribution between the lowest and the highest."""
    n = len(bids)
    spread = bids[-1] - bids[0]
    if spread == 0:
        return None
    places = [(b - bids[0]) / spread for b in bids]
    return max(max((i + 1) / n - x, x - i / n) for i, x in enumerate(places))


def tenders(path):
    """The tenders of a published file as (set, tender, label, bids), in order of first appearance.

    A bid of a consortium stands in as many rows as it has members: it is taken once. A tender is labelled collusive
    if one of its bidders is.
    """
    found = {}
    with open(path, newline="", encoding="utf-8-sig", errors="replace") as file:
        for row in csv.DictReader(file):
            try:
                bid = float(row["Bid_value"])
            except ValueError:
                continue
            if not (math.isfinite(bid) and bid > 0):
                continue
            label = row.get("Collusive_competitor_original") or "na"
            label = float(row["Collusive_competitor"] if label.lower() in ("na", "nan") else label) > 0
            name = Path(path).stem.removeprefix("DB_Collusion_").removesuffix("_processed")
            if row.get("Dataset"):
                name = f"{name}/{plain(row['Dataset'])}"
            tender = found.setdefault((name, plain(row["Tender"])), {"label": False, "bids": [], "consortia": set()})
            tender["label"] |= label
            consortium = float(row.get("Consortium") or 0)
            if consortium > 0:
                if consortium in tender["consortia"]:
                    continue
                tender["consortia"].add(consortium)
            tender["bids"].append(bid)
    return [(name, tender, one["label"], one["bids"]) for (name, tender), one in found.items()]


def plain(number):
    """A whole number as such, even if it was written with decimals."""
    return number.removesuffix(".0")


NAMES = list(screens([1.0, 2.0, 3.0]))


def main():
    out = csv.writer(sys.stdout)
    out.writerow(["file", "set", "tender", "label", *NAMES])
    for path in sys.argv[1:]:
        for name, tender, label, bids in tenders(path):
            found = screens(bids)
            if found:
                values = ["" if v is None else repr(float(v)) for v in found.values()]
                out.writerow([Path(path).name, name, tender, int(label), *values])


if __name__ == "__main__":
    main()
