/*
id = "market_concentration"
version = "1.1.0"
strength = "contextual"
scope = "pattern"
reference = "OCP R051"
legal_basis = ""
tags = ["market"]
groups = ["concentration"]
tables = ["contracts", "lines_of_business", "covered_months"]

[title]
pt = "Mercado concentrado"
en = "Concentrated market"

[explanation]
pt = "O índice de Herfindahl e Hirschman (soma dos quadrados das participações em %) dos fornecedores de um ramo (o item de maior valor do contrato) em um ano inteiramente coberto alcança {concentrated|exact}, com ao menos {min_contracts|exact} contratos e {min_suppliers|exact} fornecedores. A fonte não informa a UF: o mercado é o da esfera em todo o país, o que só pode esconder concentração local."
en = "The Herfindahl-Hirschman index (sum of the squared shares in %) of the suppliers of a line of business (the item of largest value) in a year that is wholly covered reaches {concentrated|exact}, with at least {min_contracts|exact} contracts and {min_suppliers|exact} suppliers. The source does not give the state: the market is that of the sphere in the whole country, which can only hide local concentration."

[severity]
pt = "Baixa a partir de {concentrated|exact}; média a partir de {highly_concentrated|exact}. É contexto, não conduta."
en = "Low from {concentrated|exact}; medium from {highly_concentrated|exact}. It is context, not conduct."

[text]
pt = "No ramo “{line_of_business|text}”, em {year|text}, o índice de concentração é {hhi|int} (de 10.000), com {suppliers|int} fornecedores em {contracts|int} contratos e {total_value|brl}; o maior tem {largest_share|percent}. Um contrato grande ou um produto exclusivo concentra um mercado sem irregularidade: é um indício de contexto."
en = "In the line of business “{line_of_business|text}” the concentration index of {year|text} is {hhi|int} (of 10,000), with {suppliers|int} suppliers in {contracts|int} contracts and {total_value|brl}; the largest has {largest_share|percent}. One large contract or an exclusive product concentrates a market without any irregularity: this is an indication of context."

[false_positives]
pt = ["Produto de poucos fabricantes, ou serviço público concedido.", "Um contrato nacional em um ramo de contratos pequenos.", "Descrição genérica que junta mercados diferentes."]
en = ["A product of few makers, or a public utility.", "One national contract in a line of small ones.", "A general description that joins different markets."]

[[parameters]]
name = "concentrated"
value = "1800"
unit = "count"
min = "1"
max = "10000"
not_above = "highly_concentrated"
label = { pt = "Índice de mercado concentrado", en = "Index of a concentrated market" }

[[parameters]]
name = "highly_concentrated"
value = "2500"
unit = "count"
min = "1"
max = "10000"
label = { pt = "Índice de mercado muito concentrado", en = "Index of a highly concentrated market" }

[[parameters]]
name = "min_contracts"
value = "30"
unit = "count"
min = "1"
label = { pt = "Contratos mínimos", en = "Fewest contracts" }

[[parameters]]
name = "min_suppliers"
value = "5"
unit = "count"
min = "1"
label = { pt = "Fornecedores mínimos", en = "Fewest suppliers" }

[reasons.year_not_covered]
outcome = "not_evaluable"
pt = "Os doze arquivos mensais do ano não foram todos recebidos."
en = "Not all twelve monthly files of the year were taken in."

[reasons.too_few_contracts]
outcome = "not_evaluable"
pt = "O ramo tem menos de {min_contracts|exact} contratos no ano."
en = "The line has fewer than {min_contracts|exact} contracts in the year."

[reasons.too_few_suppliers]
outcome = "not_evaluable"
pt = "O ramo tem menos de {min_suppliers|exact} fornecedores no ano."
en = "The line has fewer than {min_suppliers|exact} suppliers in the year."

[[evidence]]
name = "hhi"
unit = "count"
label = { pt = "Índice de concentração (0 a 10.000)", en = "Concentration index (0 to 10,000)" }

[[evidence]]
name = "largest_share"
unit = "ratio"
label = { pt = "Participação do maior fornecedor", en = "Share of the largest supplier" }

[[evidence]]
name = "suppliers"
unit = "count"
label = { pt = "Fornecedores", en = "Suppliers" }

[[evidence]]
name = "contracts"
unit = "count"
label = { pt = "Contratos", en = "Contracts" }

[[evidence]]
name = "total_value"
unit = "BRL"
label = { pt = "Valor do mercado", en = "Value of the market" }

[[evidence]]
name = "line_of_business"
unit = "text"
label = { pt = "Ramo de atividade", en = "Line of business" }

[[evidence]]
name = "year"
unit = "text"
label = { pt = "Ano", en = "Year" }

[[evidence]]
name = "top_suppliers"
unit = "text"
label = { pt = "Cinco maiores", en = "Five largest" }
*/
WITH full_years AS (
    SELECT month / 12 AS year
    FROM covered_months
    GROUP BY month / 12
    HAVING count(DISTINCT month) = 12
),
by_supplier AS (
    SELECT
        coalesce(c.sphere, '') AS sphere,
        l.line,
        CAST(date_part('year', c.signature_date) AS INT) AS year,
        c.supplier_key,
        bool_or(c.in_scope) AS in_scope,
        count(*) AS contracts,
        sum(c.initial_value) AS value
    FROM contracts c
    JOIN lines_of_business l ON l.buyer_id = c.buyer_id AND l.number = c.number
    WHERE c.initial_value > 0 AND c.signature_date IS NOT NULL
    GROUP BY coalesce(c.sphere, ''), l.line, CAST(date_part('year', c.signature_date) AS INT), c.supplier_key
),
-- The secret part counts in the total and in no share: the index can only be too low.
totals AS (
    SELECT
        sphere, line, year,
        bool_or(in_scope) AS in_scope,
        sum(contracts) AS contracts,
        count(supplier_key) AS suppliers,
        sum(value) AS total,
        sum(power(CAST(CASE WHEN supplier_key IS NOT NULL THEN value ELSE 0 END AS DOUBLE), 2)) AS squares,
        max(value) FILTER (WHERE supplier_key IS NOT NULL) AS largest
    FROM by_supplier
    GROUP BY sphere, line, year
),
judged AS (
    SELECT
        t.*,
        10000.0 * t.squares / power(CAST(t.total AS DOUBLE), 2) AS hhi,
        CASE
            WHEN y.year IS NULL THEN 'year_not_covered'
            WHEN t.contracts < $min_contracts THEN 'too_few_contracts'
            WHEN t.suppliers < $min_suppliers THEN 'too_few_suppliers'
            WHEN 10000.0 * t.squares / power(CAST(t.total AS DOUBLE), 2) >= $concentrated THEN 'fired'
            ELSE 'clear'
        END AS verdict
    FROM totals t
    LEFT JOIN full_years y ON y.year = t.year
),
-- Names and lists are made only of what fires: the contracts are read once more for these.
concentrated AS (
    SELECT sphere, line, year FROM judged WHERE verdict = 'fired'
),
sold AS (
    SELECT g.sphere, g.line, g.year, c.contract_id, c.supplier_key, c.supplier_name, c.initial_value
    FROM concentrated g
    JOIN lines_of_business l ON l.line = g.line
    JOIN contracts c
        ON c.buyer_id = l.buyer_id
        AND c.number = l.number
        AND coalesce(c.sphere, '') = g.sphere
        AND CAST(date_part('year', c.signature_date) AS INT) = g.year
    WHERE c.initial_value > 0
),
top_five AS (
    SELECT * FROM (
        SELECT
            *,
            row_number() OVER (
                PARTITION BY sphere, line, year
                ORDER BY CASE WHEN supplier_key IS NULL THEN 1 ELSE 0 END, value DESC, supplier_key
            ) AS place
        FROM (
            SELECT sphere, line, year, supplier_key, min(supplier_name) AS supplier_name, sum(initial_value) AS value
            FROM sold
            GROUP BY sphere, line, year, supplier_key
        )
    )
    WHERE place <= 5
),
shown AS (
    SELECT
        sphere, line, year,
        string_agg(coalesce(supplier_name, '?') || ': ' || CAST(value AS VARCHAR), '; ' ORDER BY place)
            FILTER (WHERE supplier_key IS NOT NULL) AS top_suppliers
    FROM top_five
    GROUP BY sphere, line, year
),
largest_of AS (
    SELECT t.sphere, t.line, t.year, array_agg(s.contract_id ORDER BY s.initial_value DESC, s.contract_id) AS contract_ids
    FROM top_five t
    JOIN sold s
        ON s.sphere = t.sphere AND s.line = t.line AND s.year = t.year AND s.supplier_key IS NOT DISTINCT FROM t.supplier_key
    WHERE t.place = 1
    GROUP BY t.sphere, t.line, t.year
)
SELECT
    j.sphere || '/' || CAST(j.year AS VARCHAR) || '/' || j.line AS subject,
    CASE WHEN j.verdict IN ('fired', 'clear') THEN j.verdict ELSE 'not_evaluable' END AS outcome,
    CASE WHEN j.verdict NOT IN ('fired', 'clear') THEN j.verdict END AS reason,
    CASE WHEN j.verdict <> 'fired' THEN NULL WHEN j.hhi >= $highly_concentrated THEN 'medium' ELSE 'low' END AS severity,
    j.in_scope,
    l.contract_ids,
    j.hhi,
    CAST(j.largest AS DOUBLE) / CAST(j.total AS DOUBLE) AS largest_share,
    j.suppliers,
    j.contracts,
    j.total AS total_value,
    j.line AS line_of_business,
    CAST(j.year AS VARCHAR) AS year,
    s.top_suppliers
FROM judged j
LEFT JOIN shown s ON s.sphere = j.sphere AND s.line = j.line AND s.year = j.year
LEFT JOIN largest_of l ON l.sphere = j.sphere AND l.line = j.line AND l.year = j.year
