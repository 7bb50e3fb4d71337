"""Counts what OCDS files hold, sharing nothing with the product: every file under a directory is
read whole, the releases of a process are compiled, and figures of the tables are printed as JSON."""

import json
import os
import sys
from decimal import ROUND_HALF_UP, Decimal

WHOLE = {"additionalClassifications", "additionalIdentifiers", "changes", "suppliers", "tenderers"}


def merged(old, new, state=False):
    result = dict(old)
    for key, value in new.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            result[key] = merged(result.get(key) if isinstance(result.get(key), dict) else {}, value, state)
        elif isinstance(value, list) and key not in WHOLE and all(isinstance(one, dict) for one in value):
            known = [one for one in result.get(key, []) if isinstance(one, dict)]
            if state and value:
                # What a compiled release leaves out is gone.
                stay = {str(one["id"]) for one in value if one.get("id") not in (None, "")}
                known = [one for one in known if str(one.get("id", "")) in stay]
            for one in value:
                same = [n for n, own in enumerate(known) if one.get("id") not in (None, "") and str(own.get("id")) == str(one["id"])]
                if same:
                    known[same[0]] = merged(known[same[0]], one, state)
                else:
                    known.append(merged({}, one))
            result[key] = known
        else:
            result[key] = value
    return result


def releases(value):
    """An ocid, a release, and whether it is a compiled one."""
    if isinstance(value, list):
        for one in value:
            yield from releases(one)
    elif "records" in value:
        yield from releases(value["records"])
    elif isinstance(value.get("compiledRelease"), dict):
        yield value.get("ocid") or value["compiledRelease"]["ocid"], value["compiledRelease"], True
    elif "ocid" in value and "releases" in value:
        for one in value["releases"]:
            if "ocid" in one:
                yield value["ocid"], one, False
    elif "releases" in value:
        yield from releases(value["releases"])
    else:
        yield value["ocid"], value, "compiled" in value.get("tag", [])


def listed(value):
    return value if isinstance(value, list) else [value] if isinstance(value, dict) else []


def once(values):
    """A list that names an id again tells of the same thing."""
    return list({str(one.get("id", place)): one for place, one in enumerate(listed(values))}.values())


def cents(value, scale=2):
    if value in (None, ""):
        return None
    return int((Decimal(value) * 10**scale).to_integral_value(ROUND_HALF_UP))


def amount(of, key="value"):
    return cents((of.get(key) or {}).get("amount"))


processes = {}
for directory, _, names in sorted(os.walk(sys.argv[1])):
    for name in sorted(names):
        with open(os.path.join(directory, name), encoding="utf-8-sig") as file:
            text = file.read()
        if text.strip():
            for ocid, release, state in releases(json.loads(text, parse_float=Decimal)):
                processes.setdefault(ocid, []).append((release, state))

figures = {name: 0 for name in (
    "tenders tender_value tender_items tender_quantity tender_prices bids contracts contract_value amended "
    "contract_items contract_quantity contract_prices signed awarded periods unknown_suppliers").split()}
for ocid, own in processes.items():
    release = {}
    # Dates of one publisher are written alike, so that their texts sort as their moments do.
    for one, state in sorted(own, key=lambda own: (own[0].get("date") or "", own[1])):
        release = merged(release, {key: value for key, value in one.items() if key not in ("id", "date", "tag")}, state)
    tender = release.get("tender")
    if isinstance(tender, dict):
        figures["tenders"] += 1
        figures["tender_value"] += amount(tender) or 0
        figures["periods"] += bool((tender.get("tenderPeriod") or {}).get("endDate"))
        for item in listed(tender.get("items")):
            figures["tender_items"] += 1
            figures["tender_quantity"] += cents(item.get("quantity"), 4) or 0
            figures["tender_prices"] += amount(item.get("unit") or {}) or 0
        figures["bids"] += len({one["id"] for one in listed(tender.get("tenderers"))})
        values = [(amount(award), award["value"].get("currency", "").upper()) for award in once(release.get("awards"))
                  if (award.get("status") or "active") not in ("pending", "cancelled", "unsuccessful") and amount(award) is not None]
        kinds = {kind for _, kind in values} | ({tender["value"]["currency"].upper()} if amount(tender) is not None else set())
        figures["awarded"] += sum(value for value, _ in values) if len(kinds) == 1 else 0
    awards = {str(award["id"]): award for award in listed(release.get("awards"))}
    contracts = listed(release.get("contracts"))
    for contract in contracts:
        award = awards.get(str(contract.get("awardID")), {})
        figures["contracts"] += 1
        figures["contract_value"] += amount(contract) or 0
        figures["signed"] += bool(contract.get("dateSigned"))
        figures["unknown_suppliers"] += not (listed(award.get("suppliers")) or listed(contract.get("suppliers")))
        figures["amended"] += len(listed(contract.get("amendments")))
        alone = sum(str(one.get("awardID")) == str(contract.get("awardID")) for one in contracts) == 1
        for item in listed(contract.get("items")) or (listed(award.get("items")) if alone else []):
            figures["contract_items"] += 1
            figures["contract_quantity"] += cents(item.get("quantity"), 4) or 0
            figures["contract_prices"] += amount(item.get("unit") or {}) or 0
print(json.dumps(figures))
