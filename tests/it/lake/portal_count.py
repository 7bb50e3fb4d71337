"""Counts what bulk files of tenders and sanctions hold, by Python's csv module and nothing of the product;
prints figures as JSON. Argument: a directory of files that were saved again, with commas."""

import csv
import glob
import io
import json
import os
import sys
from decimal import Decimal


def rows(pattern):
    for path in sorted(glob.glob(os.path.join(sys.argv[1], pattern))):
        data = open(path, "rb").read()
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            text = data.decode("latin-1")
        for row in csv.DictReader(io.StringIO(text, newline="")):
            yield {name: "" if value == "NA" else value for name, value in row.items()}


def units(text, places):
    number = Decimal(text or "0").scaleb(places)
    assert number == number.to_integral_value(), text
    return int(number)


def tender(row):
    return row["NumLic"].zfill(9), row["CodUG"], row["ModComp"]


figures = {}
tenders = list(rows("Licitacao*.csv"))
items = list(rows("ItemLicitacao*.csv"))
bids = list(rows("ParticipantesLicitacao*.csv"))
if tenders:
    figures["tenders"] = len(tenders)
    figures["tenders_current"] = len({tender(row) for row in tenders})
    figures["tender_value"] = sum(units(row["Valor"], 2) for row in tenders)
    figures["tenders_opened"] = sum(row["DataLicitacao"] != "" for row in tenders)
    figures["tenders_direct"] = sum(row["ModComp"] == "DISPENSA DE LICITACAO" for row in tenders)
    figures["items"] = len(items)
    figures["items_of_known_tenders"] = sum(tender(row) in {tender(row) for row in tenders} for row in items)
    figures["item_value"] = sum(units(row["Valor"], 2) for row in items)
    figures["item_quantity"] = sum(units(row["Quant"], 4) for row in items)
    figures["winners"] = len({row["CNPJVencedor"] for row in items})
    figures["bids"] = len(bids)
    figures["bids_current"] = len({(tender(row), row["CodItem"], row["CNPJ"], row["Participante"]) for row in bids})
    figures["bids_won"] = sum(row["Vencedor"] == "SIM" for row in bids)
    figures["bids_lost"] = sum(row["Vencedor"] == "NÃO" for row in bids)
    figures["bidders"] = len({row["CNPJ"] for row in bids})
    figures["items_bid_for"] = len({(tender(row), row["CodItem"]) for row in bids})
sanctions = list(rows("cnep.csv"))
if sanctions:
    figures["sanctions"] = len(sanctions)
    figures["sanctions_current"] = len({tuple(row.values()) for row in sanctions})
    figures["fines"] = sum(units(row["VALOR DA MULTA"], 2) for row in sanctions)
    figures["fined"] = sum(row["VALOR DA MULTA"] != "" for row in sanctions)
    figures["open_ends"] = sum(row["DATA FINAL SANÇÃO"] == "" for row in sanctions)
    figures["published"] = sum(row["DATA PUBLICAÇÃO"] != "" for row in sanctions)
    figures["judged"] = sum(row["DATA DO TRÂNSITO EM JULGADO"] != "" for row in sanctions)
    figures["punished"] = len({row["CPF OU CNPJ DO SANCIONADO"] for row in sanctions})
    figures["categories"] = len({row["TIPO SANÇÃO"] for row in sanctions})
    figures["states"] = sum(row["UF ÓRGÃO SANCIONADOR"] != "" for row in sanctions)
print(json.dumps(figures))
