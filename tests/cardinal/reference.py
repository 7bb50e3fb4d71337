"""The eleven indicators of Cardinal 0.0.8, as slow and as plain as their definitions. It shares nothing with the product.

A process is held whole, nothing is streamed, every set is a set. Numbers are read by Python, quartiles follow Hyndman and
Fan (1996), type 8, and fences are computed exactly and rounded once.
"""

import configparser
import json
import math
import re
from collections import defaultdict
from fractions import Fraction


class Number:
    """A number as it was written."""

    def __init__(self, text):
        self.text = text

    def double(self):
        value = float(self.text)
        return value if math.isfinite(value) else None

    def is_one(self):
        return self.text == "1"


class NotJson(Exception):
    pass


def refuse(_):
    raise NotJson


def well_formed(text):
    if any(0xD800 <= ord(c) <= 0xDFFF for c in text):
        raise NotJson
    return text


def check(value):
    if isinstance(value, str):
        well_formed(value)
    elif isinstance(value, list):
        for element in value:
            check(element)
    return value


def pairs(members):
    for key, value in members:
        well_formed(key)
        check(value)
    return dict(members)


def read_json(raw):
    """The value of a line; NotJson if it is none."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise NotJson from None
    try:
        value = json.loads(text, parse_int=Number, parse_float=Number, parse_constant=refuse, object_pairs_hook=pairs)
    except (ValueError, RecursionError):
        raise NotJson from None
    return check(value)


def processes(path):
    with open(path, "rb") as file:
        for raw in file.read().split(b"\n"):
            try:
                value = read_json(raw)
            except NotJson:
                continue
            if isinstance(value, dict):
                yield value


def get(value, *path, kind):
    """What lies at a path of keys, if every step is an object and the last is of a kind."""
    for key in path:
        if not isinstance(value, dict) or key not in value:
            return None
        value = value[key]
    return value if isinstance(value, kind) else None


def quantile(values, share):
    """Type 8. Values that are no number (0 / 0) come last, and make both ends no number."""
    values = sorted(values, key=lambda value: (math.isnan(value), 0.0 if math.isnan(value) else value))
    if not values:
        return math.nan
    if not 0.0 <= share <= 1.0:
        return math.nan
    h = (len(values) + 1.0 / 3.0) * share + 1.0 / 3.0
    below = int(h)
    if below <= 0 or share == 0.0:
        return math.nan if math.isnan(values[-1]) else values[0]
    if below >= len(values) or share == 1.0:
        return values[-1]
    low, high = values[below - 1], values[below]
    return low + (h - below) * (high - low)


def exactly(factor, difference, start):
    """factor * difference + start, rounded once."""
    if not (math.isfinite(difference) and math.isfinite(start)):
        return factor * difference + start
    exact = Fraction(factor) * Fraction(difference) + Fraction(start)
    return float(exact)


def four_decimals(value):
    if not math.isfinite(value):
        return value
    scaled = value * 10_000.0
    if not math.isfinite(scaled):
        return scaled
    rounded = math.floor(abs(Fraction(scaled)) + Fraction(1, 2))
    return math.copysign(float(rounded), scaled) / 10_000.0


RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+\-\u2212])(\d\d):([0-5]\d))", re.ASCII
)


def days_before_year(year):
    year -= 1
    return year * 365 + year // 4 - year // 100 + year // 400


def instant(text):
    """Nanoseconds of a date and time with an offset; None if it is none."""
    match = RFC3339.fullmatch(text)
    if not match:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    lengths = [31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    if not (1 <= month <= 12 and 1 <= day <= lengths[month - 1] and hour < 24 and minute < 60 and second < 60):
        return None
    offset = 0
    if match[8]:
        if int(match[9]) > 23:
            return None
        offset = (int(match[9]) * 60 + int(match[10])) * (1 if match[8] == "+" else -1)
    days = days_before_year(year) + sum(lengths[: month - 1]) + day
    seconds = ((days * 24 + hour) * 60 + minute - offset) * 60 + second
    return seconds * 10**9 + int((match[7] or "0").ljust(9, "0")[:9])


def whole_days(start, end):
    day = 86_400 * 10**9
    difference = end - start
    return difference // day if difference >= 0 else -(-difference // day)


class Settings:
    def __init__(self, path):
        parser = configparser.RawConfigParser(
            delimiters=("=",), comment_prefixes=(";",), strict=True, interpolation=None, default_section="nothing"
        )
        parser.optionxform = str
        with open(path, encoding="utf-8") as file:
            parser.read_string("[top]\n" + file.read())
        self.sections = {name: dict(parser[name]) for name in parser.sections()}

    def on(self, code):
        return code in self.sections or any(name.startswith(code + ".") for name in self.sections)

    def value(self, section, key, kind=str, default=None):
        text = self.sections.get(section, {}).get(key)
        return default if text is None else kind(text)

    def set(self, section, key, default=""):
        text = self.value(section, key, default=default)
        parts = text.split("|")
        return set(parts[:-1] if parts[-1] == "" else parts)


class Indicators:
    def __init__(self, settings, releases):
        self.settings = settings
        self.results = {group: defaultdict(dict) for group in ("OCID", "Buyer", "ProcuringEntity", "Tenderer")}
        self.meta = defaultdict(dict)
        self.maps = {
            "ocid_buyer_r038": {},
            "ocid_procuringentity_r038": {},
            **{name: defaultdict(set) for name in ("ocid_tenderer",)},
            **{f"ocid_tenderer_r{code}": defaultdict(set) for code in ("024", "028", "030", "035", "058")},
        }
        self.main = settings.value("top", "currency")
        self.ratios = {}
        self.sides = {}
        self.wins = defaultdict(lambda: [0, 0])
        self.shares = {group: defaultdict(lambda: [0, 0]) for group in ("Buyer", "ProcuringEntity", "Tenderer")}
        self.supplied = defaultdict(lambda: [0, set()])
        excluded = settings.set("exclusions", "procurement_method_details")
        for release in releases:
            ocid = get(release, "ocid", kind=str)
            if ocid is None or get(release, "tender", "status", kind=str) == "cancelled":
                continue
            if get(release, "tender", "procurementMethodDetails", kind=str) in excluded:
                continue
            self.release(ocid, release)
        self.finish()

    # --- what is common

    def flag(self, group, key, code, value):
        self.results[group][key][code] = value

    def comparable(self, release):
        only = self.settings.set("top", "price_comparison_procurement_methods")
        never = self.settings.set("top", "no_price_comparison_procurement_methods")
        details = get(release, "tender", "procurementMethodDetails", kind=str)
        if only:
            return details is not None and details in only
        return details is None or details not in never

    def in_main_currency(self, currency):
        if self.main is None:
            self.main = currency
        return currency == self.main

    @staticmethod
    def bids(release):
        return get(release, "bids", "details", kind=list)

    def submitted(self, release):
        bids = self.bids(release) or []
        return [
            bid for bid in bids if get(bid, "status", kind=str) not in (None, "invited", "withdrawn")
        ]

    @staticmethod
    def ids(holder, key):
        return [
            element["id"]
            for element in get(holder, key, kind=list) or []
            if isinstance(element, dict) and isinstance(element.get("id"), str)
        ]

    @staticmethod
    def sole_id(holder, key):
        elements = get(holder, key, kind=list)
        if elements is None or len(elements) != 1:
            return None
        return get(elements[0], "id", kind=str)

    @staticmethod
    def price(bid):
        amount = get(bid, "value", "amount", kind=Number)
        currency = get(bid, "value", "currency", kind=str)
        if amount is None or currency is None or amount.double() is None:
            return None
        return amount.double(), currency

    def complete_awards(self, release):
        """The active awards; None if there are no awards and bids, or one award is not final."""
        awards = get(release, "awards", kind=list)
        if awards is None or self.bids(release) is None:
            return None
        statuses = [get(award, "status", kind=str) for award in awards]
        if any(status not in (None, "active", "cancelled", "unsuccessful") for status in statuses):
            return None
        return [award for award, status in zip(awards, statuses) if status == "active"]

    def sole_supplier(self, release):
        complete = self.complete_awards(release)
        if complete is None or len(complete) != 1:
            return None
        return self.sole_id(complete[0], "suppliers")

    # --- each release

    def release(self, ocid, release):
        on = self.settings.on
        if on("R025") or on("R038") or on("R048"):
            for bid in self.submitted(release):
                for tenderer in self.ids(bid, "tenderers"):
                    self.maps["ocid_tenderer"][ocid].add(tenderer)
        if on("R024") or on("R058"):
            self.second_lowest(ocid, release)
        for code in ("R003", "R018", "R025", "R028", "R030", "R035", "R036", "R038", "R048"):
            if on(code):
                getattr(self, code.lower())(ocid, release)

    def second_lowest(self, ocid, release):
        if not self.comparable(release):
            return
        supplier = self.sole_supplier(release)
        if supplier is None:
            return
        winning, others = [], []
        for bid in self.bids(release):
            tenderer, price = self.sole_id(bid, "tenderers"), self.price(bid)
            if get(bid, "status", kind=str) != "valid" or tenderer is None or price is None:
                continue
            amount, currency = price
            if self.in_main_currency(currency):
                (winning if tenderer == supplier else others).append((amount, tenderer))
        if not winning or not others:
            return
        winner = min(winning, key=lambda bid: bid[0])
        runner_up = min(others, key=lambda bid: bid[0])
        if runner_up[0] < winner[0]:
            return
        difference = runner_up[0] - winner[0]
        if winner[0] == 0:
            zero_is_negative = math.copysign(1, winner[0]) < 0
            ratio = math.nan if difference == 0 else (-math.inf if zero_is_negative else math.inf)
        else:
            ratio = difference / winner[0]
        self.ratios[ocid] = ratio
        self.sides[ocid] = (winner[1], runner_up[1])

    def r003(self, ocid, release):
        methods = self.settings.set("R003", "procurement_methods")
        method = get(release, "tender", "procurementMethod", kind=str)
        start = get(release, "tender", "tenderPeriod", "startDate", kind=str)
        end = get(release, "tender", "tenderPeriod", "endDate", kind=str)
        if (methods and method not in methods) or start is None or end is None:
            return
        start, end = instant(start), instant(end)
        if start is None or end is None:
            return
        threshold = self.settings.value("R003", "threshold", int, 15)
        details = get(release, "tender", "procurementMethodDetails", kind=str)
        if details is not None:
            threshold = self.settings.value("R003.procurement_method_details", details, int, threshold)
        if whole_days(start, end) < threshold:
            self.flag("OCID", ocid, "R003", 1.0)

    def r018(self, ocid, release):
        methods = self.settings.set("R018", "procurement_methods", "open|selective")
        if methods and get(release, "tender", "procurementMethod", kind=str) not in methods:
            return
        number = get(release, "tender", "numberOfTenderers", kind=Number)
        if number is not None and number.is_one():
            self.flag("OCID", ocid, "R018", 1.0)

    def r025(self, _, release):
        supplier = self.sole_supplier(release)
        if supplier is None:
            return
        tenderers = {
            self.sole_id(bid, "tenderers") for bid in self.bids(release) if get(bid, "status", kind=str) == "valid"
        }
        for tenderer in tenderers - {None}:
            self.wins[tenderer][0] += tenderer == supplier
            self.wins[tenderer][1] += 1

    def r028(self, ocid, release):
        if not self.comparable(release):
            return
        seen = {}
        for bid in self.submitted(release):
            price, tenderers = self.price(bid), set(self.ids(bid, "tenderers"))
            if price is None or not tenderers:
                continue
            if price in seen and seen[price] != tenderers:
                self.flag("OCID", ocid, "R028", 1.0)
                for tenderer in tenderers | seen[price]:
                    self.flag("Tenderer", tenderer, "R028", 1.0)
                    self.maps["ocid_tenderer_r028"][ocid].add(tenderer)
            seen[price] = tenderers

    def r030(self, ocid, release):
        deadline = get(release, "tender", "tenderPeriod", "endDate", kind=str)
        awards = get(release, "awards", kind=list)
        if deadline is None or awards is None or self.bids(release) is None:
            return
        suppliers = set()
        for award in awards:
            if get(award, "status", kind=str) == "active":
                suppliers.update(self.ids(award, "suppliers"))
        for bid in self.bids(release):
            date = get(bid, "date", kind=str)
            # Text is compared by its bytes, which for UTF-8 is by its characters.
            if get(bid, "status", kind=str) == "valid" and date is not None and date > deadline:
                for tenderer in self.ids(bid, "tenderers"):
                    if tenderer in suppliers:
                        self.flag("OCID", ocid, "R030", 1.0)
                        self.flag("Tenderer", tenderer, "R030", 1.0)
                        self.maps["ocid_tenderer_r030"][ocid].add(tenderer)

    def r035(self, ocid, release):
        complete = self.complete_awards(release)
        if complete is None:
            return
        suppliers, valid, disqualified = set(), set(), set()
        for award in complete:
            suppliers.update(self.ids(award, "suppliers"))
        for bid in self.bids(release):
            status = get(bid, "status", kind=str)
            if status == "valid":
                valid.update(self.ids(bid, "tenderers"))
            elif status == "disqualified":
                disqualified.update(self.ids(bid, "tenderers"))
        count = len(disqualified - valid)
        if len(valid) == 1 and valid == suppliers and count >= max(1, self.settings.value("R035", "threshold", int, 1)):
            self.flag("OCID", ocid, "R035", float(count))
            for winner in valid:
                self.flag("Tenderer", winner, "R035", 0.0)
                self.maps["ocid_tenderer_r035"][ocid].add(winner)

    def r036(self, ocid, release):
        if not self.comparable(release):
            return
        awards = get(release, "awards", kind=list) or []
        if not any(get(award, "status", kind=str) == "active" for award in awards):
            return
        bids = []
        for bid in self.submitted(release):
            price = self.price(bid)
            if price is not None and self.in_main_currency(price[1]):
                bids.append((price[0], get(bid, "status", kind=str)))
        if any(status == "valid" for _, status in bids) and min(bids, key=lambda bid: bid[0])[1] == "disqualified":
            self.flag("OCID", ocid, "R036", 1.0)

    def r038(self, ocid, release):
        bids = self.submitted(release)
        disqualified = [get(bid, "status", kind=str) == "disqualified" for bid in bids]
        if not bids:
            return
        for bid, part in zip(bids, disqualified):
            for tenderer in self.ids(bid, "tenderers"):
                self.shares["Tenderer"][tenderer][0] += part
                self.shares["Tenderer"][tenderer][1] += 1
        for group, path, name in (
            ("Buyer", ("buyer", "id"), "ocid_buyer_r038"),
            ("ProcuringEntity", ("tender", "procuringEntity", "id"), "ocid_procuringentity_r038"),
        ):
            key = get(release, *path, kind=str)
            if key is not None:
                self.shares[group][key][0] += sum(disqualified)
                self.shares[group][key][1] += len(bids)
                if any(disqualified):
                    self.maps[name][ocid] = key

    def r048(self, _, release):
        digits = self.settings.value("R048", "digits", int, 2)
        observed = set()
        for award in get(release, "awards", kind=list) or []:
            supplier, items = self.sole_id(award, "suppliers"), get(award, "items", kind=list)
            if get(award, "status", kind=str) != "active" or supplier is None or items is None:
                continue
            for item in items:
                code = get(item, "classification", "id", kind=str)
                if code is not None:
                    observed.add(supplier)
                    self.supplied[supplier][1].add(code[:digits])
        for supplier in observed:
            self.supplied[supplier][0] += 1

    # --- over all releases

    def quartiles(self, code, values, prefix=""):
        q1, q3 = quantile(values, 0.25), quantile(values, 0.75)
        self.meta[code][prefix + "q1"] = q1
        self.meta[code][prefix + "q3"] = q3
        return q1, q3

    def lower_fence(self, code, values):
        """The fence, and whether it may be used."""
        fence = self.settings.value(code, "threshold", float)
        usable = True
        if fence is None:
            q1, q3 = self.quartiles(code, values)
            fence = exactly(-1.5, q3 - q1, q1)
            usable = q1 > 0.0
        self.meta[code]["lower_fence"] = fence
        return fence, usable and fence > 0.0

    def upper_fence(self, code, values, prefix=""):
        fence = self.settings.value(code, "threshold", float)
        if fence is None:
            q1, q3 = self.quartiles(code, values, prefix)
            fence = exactly(1.5, q3 - q1, q3)
        self.meta[code][prefix + "upper_fence"] = fence
        return fence

    def finish(self):
        on = self.settings.on
        if on("R024"):
            fence, usable = self.lower_fence("R024", self.ratios.values())
            for ocid, ratio in self.ratios.items():
                if usable and ratio <= fence:
                    self.flag("OCID", ocid, "R024", ratio)
                    for tenderer in self.sides[ocid]:
                        self.flag("Tenderer", tenderer, "R024", 0.0)
                        self.maps["ocid_tenderer_r024"][ocid].add(tenderer)
        if on("R025"):
            top = quantile([float(bids) for _, bids in self.wins.values()], self.settings.value("R025", "percentile", int, 75) / 100.0)
            self.meta["R025"]["upper_fence"] = top
            fence, usable = self.lower_fence("R025", [wins / bids for wins, bids in self.wins.values()])
            for tenderer, (wins, bids) in self.wins.items():
                if usable and bids >= top and wins / bids <= fence:
                    self.flag("Tenderer", tenderer, "R025", wins / bids)
        if on("R038"):
            for group, key in (
                ("Buyer", "minimum_contracting_processes"),
                ("ProcuringEntity", "minimum_contracting_processes"),
                ("Tenderer", "minimum_submitted_bids"),
            ):
                minimum = self.settings.value("R038", key, int, 2)
                ratios = {key: part / of for key, (part, of) in self.shares[group].items() if of >= minimum}
                if not ratios:
                    continue
                fence = self.upper_fence("R038", ratios.values(), f"{group}_")
                for key, ratio in ratios.items():
                    if fence > 0.0 and ratio >= fence:
                        self.flag(group, key, "R038", ratio)
        if on("R048"):
            minimum = self.settings.value("R048", "minimum_contracting_processes", int, 20)
            lengths = {key: float(len(codes)) for key, (count, codes) in self.supplied.items() if count >= minimum}
            fence = self.upper_fence("R048", lengths.values())
            for supplier, length in lengths.items():
                if length >= fence:
                    self.flag("Tenderer", supplier, "R048", length)
        if on("R058"):
            fence = self.upper_fence("R058", self.ratios.values())
            for ocid, ratio in self.ratios.items():
                if fence > 0.0 and ratio >= fence:
                    self.flag("OCID", ocid, "R058", ratio)
                    self.flag("Tenderer", self.sides[ocid][0], "R058", 0.0)
                    self.maps["ocid_tenderer_r058"][ocid].add(self.sides[ocid][0])

    def output(self):
        """As the product prints it; sets as sorted lists, what is no number as null."""
        def plain(value):
            return value if math.isfinite(value) else None

        groups = {
            group: {key: {code: plain(value) for code, value in codes.items()} for key, codes in keys.items()}
            for group, keys in self.results.items()
            if keys
        }
        meta = {code: {key: plain(four_decimals(value)) for key, value in keys.items()} for code, keys in self.meta.items()}
        maps = {
            name: {ocid: sorted(ids) if isinstance(ids, set) else ids for ocid, ids in keys.items()}
            for name, keys in self.maps.items()
        }
        return {**groups, "Meta": meta, "Maps": maps}


def coverage(data):
    """How often each path is not empty."""
    counts = defaultdict(int)

    def full(value, path):
        if isinstance(value, dict):
            found = [full(member, f"{path}/{key}") for key, member in value.items()]
            if any(found):
                counts[path + "/"] += 1
            is_full = any(found)
        elif isinstance(value, list):
            is_full = any([full(element, path + "[]") for element in value])
        else:
            is_full = value is not None and value != ""
        if is_full:
            counts[path] += 1
        return is_full

    with open(data, "rb") as file:
        for raw in file.read().split(b"\n"):
            try:
                full(read_json(raw), "")
            except NotJson:
                pass
    return dict(counts)


def run(settings, data):
    return Indicators(Settings(settings), processes(data)).output()


if __name__ == "__main__":
    import sys

    print(json.dumps(run(sys.argv[1], sys.argv[2]), sort_keys=True))
