"""Counts what kept answers of PNCP and of the Portal's API hold, sharing nothing with the product: every
JSON file under a directory is read whole, and figures of the tables are printed as JSON."""

import json
import os
import sys
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal


def cents(value):
    if value is None or value == "":
        return None
    if isinstance(value, str):
        value = Decimal(value.replace(".", "").replace(",", "."))
    return int((Decimal(value) * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def add(figures, name, value):
    figures[name] = figures.get(name, 0) + value


def day(text):
    for form in ("%d/%m/%Y", "%Y-%m-%d"):
        try:
            return datetime.strptime(text[:10], form)
        except (TypeError, ValueError):
            pass
    return None


def main(root):
    figures = {"contracts": 0, "tenders": 0}
    suppliers, ids, first, last = set(), set(), None, None
    for directory, _, names in os.walk(root):
        for name in names:
            with open(os.path.join(directory, name), encoding="utf-8") as file:
                document = json.load(file, parse_float=Decimal)
            records = document["data"] if isinstance(document, dict) and "data" in document else document
            for record in records if isinstance(records, list) else [records]:
                if "swagger" in record:
                    continue
                if "licitacao" in record:
                    figures["tenders"] += 1
                    add(figures, "tender_value", cents(record["valor"]))
                    add(figures, "opened", 1 if day(record["dataAbertura"]) else 0)
                    continue
                figures["contracts"] += 1
                pncp = "niFornecedor" in record
                supplier = record["niFornecedor"] if pncp else record["fornecedor"]["codigoFormatado"]
                suppliers.add("".join(c for c in supplier if c.isalnum()))
                ids.add(record["numeroControlePNCP"] if pncp else record["id"])
                add(figures, "initial", cents(record["valorInicial" if pncp else "valorInicialCompra"]))
                add(figures, "current", cents(record["valorGlobal" if pncp else "valorFinalCompra"]))
                signed = day(record["dataAssinatura"])
                first, last = min(first or signed, signed), max(last or signed, signed)
                add(figures, "object_length", len(record["objetoContrato" if pncp else "contrato"]) if pncp else 0)
    figures["suppliers"] = len(suppliers)
    figures["ids"] = len(ids)
    epoch = datetime(1970, 1, 1)
    figures["first_day"], figures["last_day"] = (first - epoch).days, (last - epoch).days
    print(json.dumps(figures))


main(sys.argv[1])
