/*
id = "benford"
version = "1.1.0"
strength = "contextual"
scope = "pattern"
reference = "OCP R029"
legal_basis = ""
tags = ["benford"]
groups = ["outlier"]
tables = ["contracts"]

[title]
pt = "Primeiros dígitos fora da lei de Benford"
en = "First digits off Benford's law"

[explanation]
pt = "Os primeiros dígitos dos valores iniciais de uma unidade com ao menos {min_contracts|exact} contratos, em modalidades sem teto de valor, que cobrem ao menos {min_decades|exact} ordens de grandeza, desviam da lei de Benford: desvio médio acima de {min_deviation|exact} (Nigrini) e qui-quadrado com p abaixo de {max_chance|exact}."
en = "The first digits of the initial values of a unit with at least {min_contracts|exact} contracts, in modalities without a ceiling of value, that span at least {min_decades|exact} orders of magnitude, are off Benford's law: a mean deviation above {min_deviation|exact} (Nigrini) and a chi-square with p below {max_chance|exact}."

[severity]
pt = "Baixa: é contexto para amostragem."
en = "Low: it is context for sampling."

[text]
pt = "Os primeiros dígitos dos valores de {contracts|int} contratos de {buyer_name|text} desviam da lei de Benford em {deviation|percent} na média; o dígito {digit|int} é o mais frequente demais. Encontrado (esperado): {digit_table|text}. Preços tabelados e compras parecidas também desviam: é um indício fraco, para escolher o que conferir."
en = "The first digits of the values of {contracts|int} contracts of {buyer_name|text} are off Benford's law by {deviation|percent} on average; digit {digit|int} is the most in excess. Found (expected): {digit_table|text}. Listed prices and purchases that are alike deviate too: this is a weak indication, to choose what to check."

[false_positives]
pt = ["Preços tabelados ou valores que se repetem.", "Unidade que compra sempre o mesmo."]
en = ["Listed prices or values that repeat.", "A unit that always buys the same."]

[[parameters]]
name = "min_contracts"
value = "500"
unit = "count"
min = "100"
label = { pt = "Contratos mínimos", en = "Fewest contracts" }

[[parameters]]
name = "min_decades"
value = "2"
unit = "count"
min = "1"
max = "10"
label = { pt = "Ordens de grandeza entre os quantis de 5 % e 95 %", en = "Orders of magnitude between the quantiles of 5% and 95%" }

[[parameters]]
name = "min_deviation"
value = "0.015"
unit = "ratio"
max = "1"
label = { pt = "Desvio médio mínimo", en = "Smallest mean deviation" }

[[parameters]]
name = "max_chance"
value = "0.001"
unit = "ratio"
max = "1"
label = { pt = "Probabilidade máxima", en = "Largest probability" }

[reasons.too_few_contracts]
outcome = "not_evaluable"
pt = "A unidade tem menos de {min_contracts|exact} contratos em modalidades sem teto."
en = "The unit has fewer than {min_contracts|exact} contracts in modalities without a ceiling."

[reasons.values_too_narrow]
outcome = "not_evaluable"
pt = "Os valores não cobrem {min_decades|exact} ordens de grandeza: a lei não se aplica."
en = "The values do not span {min_decades|exact} orders of magnitude: the law does not apply."

[[evidence]]
name = "contracts"
unit = "count"
label = { pt = "Contratos", en = "Contracts" }

[[evidence]]
name = "deviation"
unit = "ratio"
label = { pt = "Desvio médio", en = "Mean deviation" }

[[evidence]]
name = "chance"
unit = "ratio"
label = { pt = "Probabilidade por acaso", en = "Probability by chance" }

[[evidence]]
name = "digit"
unit = "count"
label = { pt = "Dígito mais frequente demais", en = "Digit most in excess" }

[[evidence]]
name = "digit_table"
unit = "text"
label = { pt = "Dígitos: encontrado (esperado)", en = "Digits: found (expected)" }

[[evidence]]
name = "buyer_name"
unit = "text"
label = { pt = "Unidade", en = "Unit" }
*/
WITH valued AS (
    SELECT
        contract_id, buyer_id, buyer_name, in_scope, initial_value,
        -- Modalities that a ceiling of value cuts off, and those that may be one of them, are left out.
        coalesce(
            initial_value > 0
                AND modality NOT IN ('dispensa_licitacao', 'convite', 'tomada_de_precos', 'not_informed'),
            false
        ) AS counted
    FROM contracts
),
buyers AS (
    SELECT
        buyer_id,
        min(buyer_name) AS buyer_name,
        bool_or(in_scope) AS in_scope,
        count(*) FILTER (WHERE counted) AS contracts,
        quantile8(CASE WHEN counted THEN log10(CAST(initial_value AS DOUBLE)) END, 0.95)
            - quantile8(CASE WHEN counted THEN log10(CAST(initial_value AS DOUBLE)) END, 0.05) AS decades
    FROM valued
    GROUP BY buyer_id
),
digits AS (
    SELECT digit, log10(1.0 + 1.0 / CAST(digit AS DOUBLE)) AS share
    FROM (VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9)) AS d (digit)
),
long_series AS (
    SELECT * FROM buyers WHERE contracts >= $min_contracts AND decades >= $min_decades
),
counts AS (
    SELECT v.buyer_id, first_digit(CAST(v.initial_value AS VARCHAR)) AS digit, count(*) AS contracts
    FROM valued v
    JOIN long_series l ON l.buyer_id = v.buyer_id
    WHERE v.counted
    GROUP BY v.buyer_id, first_digit(CAST(v.initial_value AS VARCHAR))
),
compared AS (
    SELECT
        l.buyer_id,
        d.digit,
        d.share,
        coalesce(c.contracts, 0) AS found,
        CAST(coalesce(c.contracts, 0) AS DOUBLE) / CAST(l.contracts AS DOUBLE) AS found_share,
        CAST(l.contracts AS DOUBLE) * d.share AS expected
    FROM long_series l
    CROSS JOIN digits d
    LEFT JOIN counts c ON c.buyer_id = l.buyer_id AND c.digit = d.digit
),
measured AS (
    SELECT
        buyer_id,
        avg(abs(found_share - share)) AS deviation,
        chi_square_tail(sum(power(CAST(found AS DOUBLE) - expected, 2) / expected), 8.0) AS chance,
        string_agg(CAST(digit AS VARCHAR) || ': ' || CAST(found AS VARCHAR) || ' (' || CAST(round(expected, 1) AS VARCHAR) || ')', '; ' ORDER BY digit) AS digit_table,
        first_value(digit ORDER BY found_share - share DESC, digit) AS digit
    FROM compared
    GROUP BY buyer_id
),
named AS (
    SELECT v.buyer_id, array_agg(v.contract_id ORDER BY v.initial_value DESC, v.contract_id) AS contract_ids
    FROM valued v
    JOIN long_series l ON l.buyer_id = v.buyer_id
    WHERE v.counted
    GROUP BY v.buyer_id
),
judged AS (
    SELECT
        b.*,
        m.deviation,
        m.chance,
        m.digit_table,
        m.digit,
        CASE
            WHEN b.contracts < $min_contracts THEN 'too_few_contracts'
            WHEN b.decades < $min_decades THEN 'values_too_narrow'
            WHEN m.deviation > CAST($min_deviation AS DOUBLE) AND m.chance < CAST($max_chance AS DOUBLE) THEN 'fired'
            ELSE 'clear'
        END AS verdict
    FROM buyers b
    LEFT JOIN measured m ON m.buyer_id = b.buyer_id
)
SELECT
    j.buyer_id AS subject,
    CASE WHEN j.verdict IN ('fired', 'clear') THEN j.verdict ELSE 'not_evaluable' END AS outcome,
    CASE WHEN j.verdict NOT IN ('fired', 'clear') THEN j.verdict END AS reason,
    CASE WHEN j.verdict = 'fired' THEN 'low' END AS severity,
    j.in_scope,
    CASE WHEN j.verdict = 'fired' THEN n.contract_ids END AS contract_ids,
    j.contracts,
    j.deviation,
    j.chance,
    j.digit,
    j.digit_table,
    j.buyer_name
FROM judged j
LEFT JOIN named n ON n.buyer_id = j.buyer_id
