"""Random OCDS processes, many of them odd: wrong types, repeated keys, numbers as text, lines that are no JSON."""

import json
import random

STATUSES = ["valid"] * 8 + ["disqualified"] * 4 + ["pending", "invited", "withdrawn", "Qualified", ""]
AWARDS = ["active"] * 12 + ["cancelled", "unsuccessful", "pending", "Active"]
METHODS = ["open", "selective", "limited", "direct", "", "aberta"]
DETAILS = ["Pregão Eletrônico", "Concorrência", "Sorteio", "Random Selection", "", "x|y"]
# Sure to be wrong for what is expected, whatever that is.
JUNK = [None, True, 0, -1, 1.0, "", "x", [], {}, [None], [[]], {"id": 7}, {"id": None}, [{"id": "t1"}, 3], "1", 1e999]


class Raw(str):
    """JSON that is written as it is."""


def dump(value):
    """JSON text, where `Raw` is left alone and a list of pairs may repeat keys."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(json.dumps(key) + ":" + dump(item) for key, item in value.items()) + "}"
    if isinstance(value, Pairs):
        return "{" + ",".join(json.dumps(key) + ":" + dump(item) for key, item in value.members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(dump(item) for item in value) + "]"
    if isinstance(value, float) and value == float("inf"):
        return "1e999"
    return json.dumps(value, ensure_ascii=len(repr(value)) % 2 == 0)


class Pairs:
    def __init__(self, members):
        self.members = members


class Generator:
    def __init__(self, seed, odd=0.02, tight=False, tenderers=60):
        self.random = random.Random(seed)
        self.odd = odd
        self.tight = tight
        self.tenderers = tenderers

    def chance(self, share):
        return self.random.random() < share

    def maybe(self, value):
        """The value, seldom junk."""
        return self.random.choice(JUNK) if self.chance(self.odd) else value

    def object(self, members):
        """An object without the keys whose value is missing; seldom a key repeats."""
        kept = [(key, self.maybe(value)) for key, value in members if not self.chance(self.odd)]
        if kept and self.chance(self.odd):
            key, value = self.random.choice(kept)
            kept.insert(self.random.randrange(len(kept) + 1), (key, self.random.choice([value, *JUNK])))
        return Pairs(kept)

    def amount(self, base=None):
        r = self.random
        kind = r.random()
        if self.tight and base is not None:
            return Raw(repr(base))
        if kind < 0.03:
            return Raw(r.choice(["0", "-0", "0.0", "-0.0", "-5", "1e3", "1E3", "12345678901234567890", "1e-320", "0.1", "2.5e+2"]))
        if kind < 0.08:
            return Raw(f"{r.randrange(1, 10**17)}.{r.randrange(10**18):018}")
        return r.choice([r.randrange(1, 8) * 100, r.randrange(100, 10_000), round(r.uniform(100, 1_000), 2), base or 100])

    def tenderer(self):
        # Low numbers are frequent, as large suppliers are.
        number = min(self.random.randrange(self.tenderers) for _ in range(2))
        return self.random.choice(["t%d", "t%d", "t%d", "BR-ção-%d"]) % number

    def organizations(self, first=None):
        count = self.random.choice([1] * 12 + [2, 2, 3, 0])
        ids = [first or self.tenderer()] + [self.tenderer() for _ in range(count)]
        return [self.object([("id", name), ("name", "Empresa")]) for name in ids[:count]]

    def date(self, day_bound=28):
        r = self.random
        text = f"2024-{r.randrange(1, 5):02}-{r.randrange(1, day_bound + 1):02}T{r.randrange(24):02}:{r.randrange(60):02}:{r.randrange(60):02}"
        return text + r.choice(["Z"] * 6 + ["-03:00"] * 6 + ["+03:00", "z", ".5Z", ".123456789012Z", "", "-0300", " Z", "+24:00", "−03:00"])

    def bid(self, tenderer, amount, status):
        return self.object([
            ("id", self.random.randrange(100)),
            ("status", status),
            ("date", self.date()),
            ("value", self.object([("amount", amount), ("currency", self.currency())])),
            ("tenderers", self.organizations(tenderer)),
        ])

    def currency(self):
        return self.random.choice(["BRL"] * 20 + ["USD", "brl"])

    def process(self, number):
        r = self.random
        names = [self.tenderer() for _ in range(r.choice([0, 1, 2, 3, 4, 6]))]
        winner = names[0] if names else self.tenderer()
        base = r.randrange(100, 1_000) * 1.0
        bids = []
        for at, name in enumerate(names):
            amount, status = self.amount(base), r.choice(STATUSES)
            if self.tight:
                # Gaps lie close together, but for a few that are tiny or huge; most tenderers win most of the time.
                gap = r.choice([0.001, 0.002, 5.0]) if self.chance(0.02) else r.uniform(0.5, 0.52)
                amount = Raw(repr(base if at == 0 else base * (1 + gap + at * 0.001)))
                status = "valid" if self.chance(0.97) else "disqualified"
            bids.append(self.bid(name, amount, status))
            if self.tight and at == 1 and not self.chance(0.05):
                break
        if self.tight and names and self.chance(0.8):
            bids = bids[:1]
        if not self.tight:
            r.shuffle(bids)
        awards = []
        for _ in range(r.choice([1] * 10 + [0, 2])):
            items = [
                self.object([("classification", self.object([("id", r.choice(["é1", "10", "2", "3", "45"]) + str(r.randrange(99)))]))])
                for _ in range(r.choice([0, 1, 1, 2, 3]))
            ]
            awards.append(self.object([
                ("status", "active" if self.tight else r.choice(AWARDS)),
                ("suppliers", self.organizations(winner if self.chance(0.9) else None)),
                ("items", items),
            ]))
        start = self.date()
        tender = self.object([
            ("status", r.choice(["complete"] * 20 + ["cancelled", "active"])),
            ("procurementMethod", r.choice(METHODS)),
            ("procurementMethodDetails", r.choice(DETAILS)),
            ("numberOfTenderers", r.choice([1, 1, 2, 3, Raw("1.0"), Raw("1e0"), "1", Raw("-1"), Raw("18446744073709551617")])),
            ("tenderPeriod", self.object([("startDate", start), ("endDate", start if self.chance(0.05) else self.date())])),
            ("procuringEntity", self.object([("id", f"p{r.randrange(12)}")])),
        ])
        repeat = self.chance(0.03)
        return self.object([
            ("ocid", f"ocds-{r.randrange(max(number, 1)) if repeat else number}"),
            ("buyer", self.object([("id", f"b{r.randrange(12)}"), ("name", "Município")])),
            ("tender", tender),
            ("bids", self.object([("details", bids)])),
            ("awards", awards),
            ("parties", r.choice([[], JUNK, {"a": [{"b": "\\\"\u2028"}]}])),
        ])

    def line(self, number):
        text = dump(self.process(number))
        if not self.chance(self.odd):
            return text.encode()
        r = self.random
        kind = r.randrange(9)
        if kind == 0:
            return text[: r.randrange(len(text))].encode()
        if kind == 1:
            return r.choice([b"", b"   ", b"\t\r", b"\x0c", b"null", b"[]", b"3", b'"x"', b"nul", b"{", b"{}}", b"\xef\xbb\xbf{}"])
        if kind == 2:
            return text.encode().replace(b"Empresa", b"Empr\xffsa", 1)
        if kind == 3:
            return text.replace("Empresa", "\\ud83d\\ude00", 1).replace('"ocid"', '"\\u006fcid"').encode()
        if kind == 4:
            return text.replace("Empresa", r.choice(["\\ud800", "\\udc00", "\\ud800\\n", "\\q", "\x01", "\\u00e"]), 1).encode()
        if kind == 5:
            return text.replace('"parties":', '"parties":' + "[" * 126 + "]" * 126 + ',"p":', 1).encode()
        if kind == 6:
            return text.replace(":", " :\t", 3).replace(",", " , ", 3).encode() + b" \r"
        if kind == 7:
            return text.replace('"id":', r.choice(['"id":01,"id":', '"id":+1,"id":', '"id":1.,"id":', '"id":NaN,"id":', "'id':", '"id":.5,"id":']), 1).encode()
        return text.encode() + r.choice([b",", b"{}", b" x", b"\x00"])


def write(path, seed, count, **options):
    generator = Generator(seed, **options)
    lines = [generator.line(number) for number in range(count)]
    with open(path, "wb") as file:
        file.write(b"\n".join(lines) + (b"\n" if seed % 2 else b""))
