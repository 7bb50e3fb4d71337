"""The SQL of the detectors in DuckDB, over the Parquet files of a lake. One JSON line a detector: seconds and counts, or why DuckDB cannot.

detectors.py BINARY LAKE: the queries are those that `BINARY detect --explain` prints, the views those of src/detectors/views. What is a
function of the product rather than SQL exists here only where DuckDB can say it as a macro.
"""

import glob
import json
import os
import re
import subprocess
import sys
import time

import duckdb

BINARY, LAKE = sys.argv[1:]
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TABLES = "contracts contract_items amendments tenders tender_items bids suppliers sanctions payments".split()
MADE_ONCE = "shared_numbers contract_amendments small_purchases lines_of_business comparable_items competitions lots lot_offers".split()
VIEWS = MADE_ONCE[:6] + ["lot_bids"] + MADE_ONCE[6:]

MACROS = """
SET integer_division = true;
CREATE MACRO make_array(a) AS [a], (a, b) AS [a, b], (a, b, c) AS [a, b, c];
CREATE MACRO regexp_like(text, pattern) AS regexp_matches(text, pattern);
CREATE MACRO array_remove(items, item) AS list_filter(items, lambda other: other <> item);
CREATE MACRO quantile_of(sorted, place) AS CASE
    WHEN len(sorted) = 0 THEN NULL
    WHEN place <= 1 THEN sorted[1]
    WHEN place >= len(sorted) THEN sorted[-1]
    ELSE sorted[floor(place)::INT] + (place - floor(place)) * (sorted[floor(place)::INT + 1] - sorted[floor(place)::INT])
END;
CREATE MACRO text_of_largest(text, number) AS arg_min(text, {'number': -number, 'text': text});
CREATE MACRO sorted_numbers(x) AS list_sort(list(x::DOUBLE) FILTER (x IS NOT NULL));
CREATE MACRO quantile8(x, p) AS quantile_of(sorted_numbers(x), p * (count(x) + 1.0 / 3.0) + 1.0 / 3.0);
CREATE MACRO show_tax_id(kind, id) AS CASE WHEN kind = 'cnpj' AND len(id) = 14
    THEN id[1:2] || '.' || id[3:5] || '.' || id[6:8] || '/' || id[9:12] || '-' || id[13:14] ELSE id END;
CREATE MACRO is_public_body(kind, name) AS coalesce(kind = 'cnpj' AND regexp_matches(
    upper(name), '^(MUNICIPIO|PREFEITURA|ESTADO|GOVERNO|UNIAO|MINISTERIO|SECRETARIA|TRIBUNAL|UNIVERSIDADE|INSTITUTO FEDERAL|EMPRESA BRASILEIRA|BANCO DO BRASIL|CAIXA ECONOMICA)'), false);
CREATE MACRO is_vehicle_maintenance(object) AS regexp_matches(object, 'manutencao.*veicul|veicul.*manutencao');
CREATE MACRO has_doubled_ceiling(buyer) AS regexp_matches(upper(buyer), 'CONSORCIO|CONSÓRCIO|AGENCIA EXECUTIVA');
CREATE MACRO binomial_tail(k, n, p) AS list_sum(list_transform(range(k::BIGINT, n::BIGINT + 1), lambda i:
    exp(lgamma(n + 1.0) - lgamma(i + 1.0) - lgamma(n - i + 1.0) + i * ln(p) + (n - i) * ln(1 - p))));
"""


def tables(connection):
    for table in TABLES:
        files = sorted(glob.glob(f"{LAKE}/{table}/*.parquet"))
        if not files:
            continue
        scope = ", true AS in_scope" if table in ("contracts", "tenders") else ""
        reais = " AND (currency IS NULL OR currency = 'BRL')" if table == "contracts" else ""
        connection.execute(f"CREATE VIEW {table}_all AS SELECT * FROM read_parquet({files})")
        connection.execute(
            f"CREATE VIEW {table} AS SELECT *{scope} FROM read_parquet({files}) WHERE row_status = 'current'{reais}"
        )
    connection.execute(
        "CREATE TABLE covered_months AS SELECT DISTINCT substr(source_file, 1, 4)::INT * 12 + substr(source_file, 5, 2)::INT - 1 AS month FROM contracts"
    )
    connection.execute(
        f"""CREATE TABLE legal_limits AS SELECT "limit" || '/' || regime || '/' || valid_from AS limit_id, "limit", regime, valid_from::DATE AS valid_from,
        coalesce(valid_to, DATE '9999-12-31') AS valid_to, value::DECIMAL(18, 4) AS value, unit, comparison, act, article
        FROM read_csv('{ROOT}/src/detectors/legal_limits.csv', header = true)"""
    )


def in_duckdb(query):
    """What DuckDB only spells another way."""
    query = query.replace("last_value(", "last(")
    return re.sub(r"CAST\(CAST\((make_date\(.*\)) AS INT\) - 1 AS DATE\)", r"(\1 - 1)", query)


def main():
    connection = duckdb.connect()
    connection.execute(f"SET threads = {os.cpu_count()}")
    connection.execute(MACROS)
    tables(connection)
    sql_of = {view: open(f"{ROOT}/src/detectors/views/{view}.sql").read() for view in VIEWS}
    broken = {}
    for view in VIEWS:
        try:
            connection.execute(f"CREATE VIEW {view} AS {sql_of[view]}")
        except duckdb.Error as error:
            broken[view] = str(error).splitlines()[0]
    explained = json.loads(subprocess.run([BINARY, "detect", "--explain", "--output", "json"], check=True, capture_output=True).stdout)
    made = set()

    def make(view):
        """Like the product, a shared view once, by the first detector that reads it: its time is that detector's."""
        if view in made or view not in MADE_ONCE or view in broken:
            return
        for other in MADE_ONCE:
            if other != view and other in sql_of[view]:
                make(other)
        made.add(view)
        connection.execute(f"CREATE TEMP TABLE made AS {sql_of[view]}")
        connection.execute(f"DROP VIEW {view}")
        connection.execute(f"ALTER TABLE made RENAME TO {view}")

    for one in explained:
        answer = {"id": one["detector"]["id"]}
        names = [table if isinstance(table, str) else table["name"] for table in one["tables"]]
        start = time.monotonic()
        try:
            missing = [broken[name] for name in names if name in broken]
            if missing:
                raise duckdb.Error(missing[0])
            for name in names:
                make(name)
            rows = connection.execute(
                f"SELECT outcome, count(*), hash(list(answer)) FROM ({in_duckdb(one['query'])}) AS answer GROUP BY outcome"
            ).fetchall()
            answer |= {"seconds": time.monotonic() - start, "counts": {row[0]: row[1] for row in rows}}
        except duckdb.Error as error:
            answer["error"] = " ".join(str(error).split())[:120]
        print(json.dumps(answer), flush=True)


main()
