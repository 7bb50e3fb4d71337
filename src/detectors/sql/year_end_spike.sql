/*
id = "year_end_spike"
version = "1.1.0"
strength = "statistical"
scope = "pattern"
reference = "OCP R055"
legal_basis = ""
tags = ["year_end"]
groups = ["time"]
tables = ["contracts", "covered_months"]

[title]
pt = "Pico de contratações em um mês"
en = "Spike of contracts in one month"

[explanation]
pt = "Em um mês coberto, o número de contratos que uma unidade assinou passa muito do seu próprio mês mediano, corrigido pelo que o mês significa para toda a esfera (dezembro é cheio para todos): escore robusto acima de {min_z|exact}, ao menos {min_ratio|exact} vezes o esperado e {min_spike|exact} contratos, de {min_contracts|exact} ou mais ao todo. Precisa de {min_months|exact} meses cobertos, cada um com o seguinte."
en = "In a covered month the number of contracts that a unit signed is far above its own median month, corrected by what the month means for the whole sphere (December is busy for all): a robust score above {min_z|exact}, at least {min_ratio|exact} times what is expected and {min_spike|exact} contracts, of {min_contracts|exact} or more in all. It needs {min_months|exact} covered months, each with the next one."

[severity]
pt = "Média em dezembro; baixa em outro mês."
en = "Medium in December; low in another month."

[text]
pt = "{buyer_name|text} assinou {month_contracts|int} contratos no mês que começa em {month_start|date} ({month_value|brl}); pelo seu mês mediano e pela época seriam {expected|ratio} (escore robusto {z|ratio}, {months|int} meses cobertos). Pressa para gastar o orçamento é uma explicação possível, planejamento é outra: é um indício a conferir."
en = "{buyer_name|text} signed {month_contracts|int} contracts in the month that begins on {month_start|date} ({month_value|brl}); by its median month and the season there would be {expected|ratio} (robust score {z|ratio}, {months|int} months covered). A rush to spend the budget is one possible explanation, planning is another: this is an indication to check."

[false_positives]
pt = ["Ata de registro de preços ou credenciamento assinado de uma vez.", "Mudança de unidade ou de sistema."]
en = ["A framework or an accreditation signed all at once.", "A change of unit or of system."]

[[parameters]]
name = "min_z"
value = "3.0"
unit = "factor"
min = "1"
label = { pt = "Escore robusto mínimo", en = "Smallest robust score" }

[[parameters]]
name = "min_ratio"
value = "3.0"
unit = "factor"
min = "1"
label = { pt = "Razão mínima ao esperado", en = "Smallest ratio to what is expected" }

[[parameters]]
name = "min_spike"
value = "10"
unit = "count"
min = "1"
label = { pt = "Contratos mínimos do mês", en = "Fewest contracts of the month" }

[[parameters]]
name = "min_contracts"
value = "24"
unit = "count"
min = "1"
label = { pt = "Contratos mínimos da unidade", en = "Fewest contracts of the unit" }

[[parameters]]
name = "min_months"
value = "12"
unit = "count"
min = "2"
label = { pt = "Meses cobertos mínimos", en = "Fewest months covered" }

[reasons.history_not_covered]
outcome = "not_evaluable"
pt = "Há menos de {min_months|exact} meses cobertos, cada um com o seguinte."
en = "There are fewer than {min_months|exact} covered months, each with the next one."

[reasons.too_few_contracts]
outcome = "not_evaluable"
pt = "A unidade tem menos de {min_contracts|exact} contratos nos meses cobertos."
en = "The unit has fewer than {min_contracts|exact} contracts in the covered months."

[[evidence]]
name = "month_contracts"
unit = "count"
label = { pt = "Contratos do mês", en = "Contracts of the month" }

[[evidence]]
name = "expected"
unit = "count"
label = { pt = "Esperado", en = "Expected" }

[[evidence]]
name = "z"
unit = "factor"
label = { pt = "Escore robusto", en = "Robust score" }

[[evidence]]
name = "month_value"
unit = "BRL"
label = { pt = "Valor do mês", en = "Value of the month" }

[[evidence]]
name = "months"
unit = "count"
label = { pt = "Meses cobertos", en = "Months covered" }

[[evidence]]
name = "month_start"
unit = "date"
label = { pt = "Mês", en = "Month" }

[[evidence]]
name = "buyer_name"
unit = "text"
label = { pt = "Unidade", en = "Unit" }
*/
WITH complete AS (
    -- What is signed in a month is published in it or in the next.
    SELECT m.month FROM covered_months m JOIN covered_months n ON n.month = m.month + 1
),
span AS (
    SELECT count(*) AS months FROM complete
),
signed AS (
    SELECT
        contract_id, buyer_id, buyer_name, initial_value,
        coalesce(sphere, '') AS sphere,
        CAST(date_part('year', signature_date) AS INT) * 12 + CAST(date_part('month', signature_date) AS INT) - 1 AS month
    FROM contracts
    WHERE signature_date IS NOT NULL
),
counts AS (
    SELECT
        s.buyer_id,
        s.month,
        min(s.sphere) AS sphere,
        min(s.buyer_name) AS buyer_name,
        count(*) AS contracts,
        sum(s.initial_value) AS value
    FROM signed s
    JOIN complete c ON c.month = s.month
    GROUP BY s.buyer_id, s.month
),
seasons AS (
    SELECT sphere, month, CAST(sum(contracts) AS DOUBLE) AS contracts FROM counts GROUP BY sphere, month
),
-- What the month means for everybody: December is no surprise where all contract in December.
factors AS (
    SELECT sphere, month, greatest(contracts / quantile8(contracts, 0.5) OVER (PARTITION BY sphere), 1.0) AS factor
    FROM seasons
),
-- A unit has a history from its first contract on: before it there may have been no unit.
buyers AS (
    SELECT
        buyer_id,
        bool_or(in_scope) AS in_scope,
        min(coalesce(sphere, '')) AS sphere,
        min(CAST(date_part('year', signature_date) AS INT) * 12 + CAST(date_part('month', signature_date) AS INT) - 1) AS first_month
    FROM contracts
    GROUP BY buyer_id
),
series AS (
    SELECT
        b.buyer_id,
        c.month,
        coalesce(n.contracts, 0) AS contracts,
        n.value,
        n.buyer_name,
        coalesce(f.factor, 1.0) AS factor
    FROM buyers b
    JOIN complete c ON c.month >= b.first_month
    LEFT JOIN counts n ON n.buyer_id = b.buyer_id AND n.month = c.month
    LEFT JOIN factors f ON f.sphere = b.sphere AND f.month = c.month
),
levels AS (
    SELECT
        *,
        sum(contracts) OVER (PARTITION BY buyer_id) AS all_contracts,
        factor * quantile8(CAST(contracts AS DOUBLE) / factor, 0.5) OVER (PARTITION BY buyer_id) AS expected
    FROM series
),
-- Twice the root of a count has a standard deviation of 1, whatever the count (Anscombe 1948).
distances AS (
    SELECT *, 2.0 * sqrt(CAST(contracts AS DOUBLE) + 0.375) - 2.0 * sqrt(expected + 0.375) AS distance FROM levels
),
scored AS (
    SELECT *, distance / greatest(mad(distance) OVER (PARTITION BY buyer_id) / 0.6745, 1.0) AS z FROM distances
),
flagged AS (
    SELECT *, z > $min_z AND contracts >= $min_spike AND CAST(contracts AS DOUBLE) >= $min_ratio * expected AS spike
    FROM scored
),
worst AS (
    SELECT * FROM (
        SELECT *, row_number() OVER (PARTITION BY buyer_id ORDER BY spike DESC, z DESC, month DESC) AS place FROM flagged
    )
    WHERE place = 1
),
judged AS (
    SELECT
        b.buyer_id,
        b.in_scope,
        s.months,
        w.month, w.contracts, w.expected, w.z, w.value, w.buyer_name,
        CASE
            WHEN s.months < $min_months THEN 'history_not_covered'
            WHEN coalesce(w.all_contracts, 0) < $min_contracts THEN 'too_few_contracts'
            WHEN w.spike THEN 'fired'
            ELSE 'clear'
        END AS verdict
    FROM buyers b
    CROSS JOIN span s
    LEFT JOIN worst w ON w.buyer_id = b.buyer_id
),
-- Lists are made only of what fires.
named AS (
    SELECT
        j.buyer_id,
        array_agg(s.contract_id ORDER BY s.initial_value DESC NULLS LAST, s.contract_id) AS contract_ids
    FROM judged j
    JOIN signed s ON s.buyer_id = j.buyer_id AND s.month = j.month
    WHERE j.verdict = 'fired'
    GROUP BY j.buyer_id
)
SELECT
    j.buyer_id AS subject,
    CASE WHEN j.verdict IN ('fired', 'clear') THEN j.verdict ELSE 'not_evaluable' END AS outcome,
    CASE WHEN j.verdict NOT IN ('fired', 'clear') THEN j.verdict END AS reason,
    CASE WHEN j.verdict <> 'fired' THEN NULL WHEN j.month % 12 = 11 THEN 'medium' ELSE 'low' END AS severity,
    j.in_scope,
    n.contract_ids,
    j.contracts AS month_contracts,
    j.expected,
    j.z,
    j.value AS month_value,
    j.months,
    make_date(j.month / 12, j.month % 12 + 1, 1) AS month_start,
    j.buyer_name
FROM judged j
LEFT JOIN named n ON n.buyer_id = j.buyer_id
