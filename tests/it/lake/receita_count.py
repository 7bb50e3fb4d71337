"""Counts what files of the register of companies hold, by Python's csv module and nothing of the product; prints figures as
JSON. Argument: a directory of files as they come out of the official archives."""

import csv
import glob
import io
import json
import os
import sys
from decimal import Decimal


def rows(ending):
    for path in sorted(glob.glob(os.path.join(sys.argv[1], "*" + ending + "*"))):
        text = open(path, "rb").read().decode("latin-1")
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=";")


companies = list(rows("EMPRECSV"))
establishments = list(rows("ESTABELE"))
partners = list(rows("SOCIOCSV"))
regimes = list(rows("SIMPLES"))
figures = {
    "companies": len(companies),
    "companies_current": len({row[0] for row in companies}),
    "capital": sum(int(Decimal(row[4].replace(",", ".")) * 100) for row in companies),
    "micro": sum(row[5] == "01" for row in companies),
    "establishments": len(establishments),
    "establishments_current": len({tuple(row[:3]) for row in establishments}),
    "active": sum(row[5] == "02" for row in establishments),
    "opened_in_2020": sum(row[10].startswith("2020") for row in establishments),
    "without_status_date": sum(row[6].strip("0") == "" for row in establishments),
    "partners": len(partners),
    "partner_companies": sum(row[1] == "1" for row in partners),
    "regimes": len(regimes),
    "mei": sum(row[4] == "S" for row in regimes),
    "activities": len(list(rows("CNAECSV"))),
}
print(json.dumps(figures))
