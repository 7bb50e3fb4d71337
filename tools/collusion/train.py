"""Trains the score of the cartel screens and measures it on countries that it was not trained on.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install -r tools/collusion/requirements.txt
    /tmp/venv/bin/python tools/collusion/train.py --out src/detectors/collusion/model.json FILE…

FILE… are the labelled sets of García Rodríguez et al. (2022), Automation in Construction 133, 104047, as published.
docs/collusion.md explains the method; what this prints is what it quotes.
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.stats import rankdata

from screens import FLOOR, screens, tenders

# A tender is judged from this many bids on.
LEAST_BIDS = 3
# How many virtual bids of a competitive tender each tender is mixed with: few bids are little evidence.
PRIOR_STRENGTH = 5.0
# Ridge penalty on the standardised coefficients.
RIDGE = 0.01
RESAMPLES = 2000
SEED = 20220101


class Set:
    """One labelled set as columns."""

    def __init__(self, name, path):
        self.name = name
        self.sha256 = hashlib.sha256(Path(path).read_bytes()).hexdigest()
        rows = [(label, screens(bids)) for set_name, _, label, bids in tenders(path) if len(bids) >= LEAST_BIDS]
        self.y = np.array([label for label, _ in rows], dtype=float)
        self.screens = [one for _, one in rows]
        self.n = np.array([one["bidders"] for one in self.screens], dtype=float)
        self.cv = np.array([one["cv"] for one in self.screens])
        self.dispersion = np.log(np.array([one["l_scale"] for one in self.screens]) + FLOOR)
        self.asymmetry = np.array([one["l_skewness"] for one in self.screens])

    def weights(self):
        """Both classes weigh the same, and all sets."""
        collusive = self.y.sum()
        return np.where(self.y == 1, 0.5 / collusive, 0.5 / (len(self.y) - collusive))

    def features(self, centre, strength=PRIOR_STRENGTH):
        trust = (self.n - 1) / (self.n - 1 + strength)
        return np.column_stack([trust * (centre - self.dispersion), -trust * self.asymmetry])


def auc(y, score):
    """Area under the ROC curve (Mann-Whitney, ties count half)."""
    ranks, positive = rankdata(score), y.sum()
    return (ranks[y == 1].sum() - positive * (positive + 1) / 2) / (positive * (len(y) - positive))


def weighted(sets):
    weights = np.concatenate([one.weights() for one in sets])
    return np.concatenate([one.y for one in sets]), weights / weights.sum()


def logistic(x, y, weights, ridge):
    """Weighted ridge logistic regression whose coefficients are not negative: (intercept, coefficients)."""

    def loss(b):
        z = b[0] + x @ b[1:]
        value = (weights * np.logaddexp(0, np.where(y == 1, -z, z))).sum() + ridge / 2 * (b[1:] ** 2).sum()
        slope = weights * (1 / (1 + np.exp(-z)) - y)
        return value, np.r_[slope.sum(), x.T @ slope + ridge * b[1:]]

    bounds = [(None, None)] + [(0, None)] * x.shape[1]
    options = {"ftol": 1e-15, "gtol": 1e-12, "maxiter": 10_000}
    found = minimize(loss, np.zeros(x.shape[1] + 1), jac=True, bounds=bounds, method="L-BFGS-B", options=options)
    return found.x[0], found.x[1:]


def fit(sets, strength=PRIOR_STRENGTH, use=(0, 1)):
    """The linear score of some sets, in units of the features: centre, intercept, coefficients."""
    centre = float(np.mean([one.dispersion[one.y == 0].mean() for one in sets]))
    y, weights = weighted(sets)
    x = np.concatenate([one.features(centre, strength) for one in sets])
    middle = np.average(x, axis=0, weights=weights)
    scale = np.sqrt(np.average((x - middle) ** 2, axis=0, weights=weights))
    keep = np.isin(np.arange(2), use)
    intercept, coefficients = logistic(((x - middle) / scale) * keep, y, weights, RIDGE)
    coefficients = coefficients / scale * keep
    return {"centre": centre, "intercept": intercept - middle @ coefficients, "coefficients": coefficients}


def linear(model, one, strength=PRIOR_STRENGTH):
    return model["intercept"] + one.features(model["centre"], strength) @ model["coefficients"]


def held_out(sets, **options):
    """The scores of each set by a model of the others."""
    strength = options.get("strength", PRIOR_STRENGTH)
    return {
        one.name: linear(fit([other for other in sets if other is not one], **options), one, strength) for one in sets
    }


def interval(one, score, seed):
    """95 % intervals by bootstrap of tenders: of the AUC, and of its difference to that of a low CV."""
    random, values, differences = np.random.default_rng(seed), [], []
    while len(values) < RESAMPLES:
        drawn = random.integers(0, len(one.y), len(one.y))
        if 0 < one.y[drawn].sum() < len(one.y):
            values.append(auc(one.y[drawn], score[drawn]))
            differences.append(values[-1] - auc(one.y[drawn], -one.cv[drawn]))
    return [np.quantile(what, [0.025, 0.975]).tolist() for what in (values, differences)]


def export(model, slope=1.0, shift=0.0):
    dispersion, asymmetry = slope * model["coefficients"]
    return {
        "centre": model["centre"],
        "intercept": float(shift + slope * model["intercept"]),
        "dispersion": float(dispersion),
        "asymmetry": float(asymmetry),
    }


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    arguments.add_argument("files", nargs="+", metavar="FILE")
    arguments.add_argument("--out", help="where to write the model")
    arguments = arguments.parse_args()
    names = [Path(file).stem.removeprefix("DB_Collusion_").removesuffix("_processed") for file in arguments.files]
    sets = [Set(name, path) for name, path in sorted(zip(names, arguments.files))]

    scores = held_out(sets)
    print("Held out: the model has seen the other sets only.")
    print("| set | tenders | collusive | low CV | model | 95 % | model - low CV, 95 % |")
    folds = []
    for seed, one in enumerate(sets):
        value, baseline = auc(one.y, scores[one.name]), auc(one.y, -one.cv)
        low, difference = interval(one, scores[one.name], SEED + seed)
        print(
            f"| {one.name} | {len(one.y)} | {int(one.y.sum())} | {baseline:.4f} | {value:.4f} "
            f"| {low[0]:.3f} to {low[1]:.3f} | {value - baseline:+.4f} ({difference[0]:+.3f} to {difference[1]:+.3f}) |"
        )
        folds.append({"set": one.name, "sha256": one.sha256, "tenders": len(one.y), "collusive": int(one.y.sum()),
                      "baseline_auc": baseline, "auc": value,
                      **export(fit([other for other in sets if other is not one]))})

    print("\nSensitivity, held out:")
    for strength in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 12.0):
        for use, label in (((0,), "dispersion"), ((0, 1), "both")):
            found = held_out(sets, strength=strength, use=use)
            values = ", ".join(f"{one.name} {auc(one.y, found[one.name]):.4f}" for one in sets)
            print(f"  prior strength {strength:g}, {label}: {values}")

    # Calibration on held-out scores: what the model says of countries that it has not seen.
    y, weights = weighted(sets)
    pooled = np.concatenate([scores[one.name] for one in sets])
    shift, (slope,) = logistic(pooled[:, None], y, weights, 0.0)
    print(f"\nCalibration: shift {shift:.4f}, slope {slope:.4f}")
    calibrated = 1 / (1 + np.exp(-(shift + slope * pooled)))
    print(f"Brier score {np.average((calibrated - y) ** 2, weights=weights):.4f} (0.25: knows nothing)")
    reliability = []
    for low, high in ((0, 0.4), (0.4, 0.45), (0.45, 0.5), (0.5, 0.55), (0.55, 0.6), (0.6, 1.0)):
        inside = (calibrated >= low) & (calibrated < high)
        if inside.any():
            said = np.average(calibrated[inside], weights=weights[inside])
            seen = np.average(y[inside], weights=weights[inside])
            print(f"  score {low:.2f} to {high:.2f}: {inside.sum()} tenders, says {said:.3f}, seen {seen:.3f}")
            reliability.append({"from": low, "to": high, "tenders": int(inside.sum()), "said": said, "seen": seen})

    final = fit(sets)
    model = {
        "version": "1.0.0",
        "floor": FLOOR,
        "prior_strength": PRIOR_STRENGTH,
        "least_bids": LEAST_BIDS,
        **export(final, slope, shift),
        "reliability": reliability,
        "leave_one_out": folds,
    }
    print("\nModel:", json.dumps({key: model[key] for key in ("centre", "intercept", "dispersion", "asymmetry")}))
    for one in sets:
        print(f"  in sample, {one.name}: {auc(one.y, linear(final, one)):.4f}")
    if arguments.out:
        Path(arguments.out).write_text(json.dumps(model, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
