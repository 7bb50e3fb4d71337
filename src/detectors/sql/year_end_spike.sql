/*
id = "year_end_spike"
version = "1.0.0"
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
pt = "Em um mês coberto, o número de contratos que uma unidade assinou passa muito do seu próprio mês mediano, corrigido pelo que o mês significa para toda a esfera (dezembro é cheio para todos): escore robusto acima de 3, ao menos 3 vezes o esperado e 10 contratos. Precisa de 12 meses cobertos, cada um com o seguinte."
en = "In a covered month the number of contracts that a unit signed is far above its own median month, corrected by what the month means for the whole sphere (December is busy for all): a robust score above 3, at least 3 times what is expected and 10 contracts. It needs 12 covered months, each with the next one."

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
label = { pt = "Escore robusto mínimo", en = "Smallest robust score" }

[[parameters]]
name = "min_ratio"
value = "3.0"
unit = "factor"
label = { pt = "Razão mínima ao esperado", en = "Smallest ratio to what is expected" }

[[parameters]]
name = "min_spike"
value = "10"
unit = "count"
label = { pt = "Contratos mínimos do mês", en = "Fewest contracts of the month" }

[[parameters]]
name = "min_contracts"
value = "24"
unit = "count"
label = { pt = "Contratos mínimos da unidade", en = "Fewest contracts of the unit" }

[[parameters]]
name = "min_months"
value = "12"
unit = "count"
label = { pt = "Meses cobertos mínimos", en = "Fewest months covered" }

[reasons.history_not_covered]
outcome = "not_evaluable"
pt = "Há menos de 12 meses cobertos, cada um com o seguinte."
en = "There are fewer than 12 covered months, each with the next one."

[reasons.too_few_contracts]
outcome = "not_evaluable"
pt = "A unidade tem menos de 24 contratos nos meses cobertos."
en = "The unit has fewer than 24 contracts in the covered months."

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
signed AS (
    SELECT
        contract_id, buyer_id, buyer_name, in_scope, initial_value,
        coalesce(sphere, '') AS sphere,
        CAST(date_part('year', signature_date) AS INT) * 12 + CAST(date_part('month', signature_date) AS INT) - 1 AS month
    FROM contracts
    WHERE signature_date IS NOT NULL
),
within AS (
    SELECT s.* FROM signed s JOIN complete c ON c.month = s.month
),
scoped AS (
    SELECT buyer_id, bool_or(in_scope) AS in_scope, min(coalesce(sphere, '')) AS sphere FROM contracts GROUP BY buyer_id
),
buyers AS (
    SELECT s.buyer_id, s.in_scope, s.sphere, count(w.contract_id) AS contracts
    FROM scoped s
    LEFT JOIN within w ON w.buyer_id = s.buyer_id
    GROUP BY s.buyer_id, s.in_scope, s.sphere
),
span AS (
    SELECT count(*) AS months FROM complete
),
-- What the month means for everybody: December is no surprise where all contract in December.
seasons AS (
    SELECT sphere, month, count(*) AS contracts FROM within GROUP BY sphere, month
),
usual AS (
    SELECT sphere, quantile8(CAST(contracts AS DOUBLE), 0.5) AS contracts FROM seasons GROUP BY sphere
),
factors AS (
    SELECT s.sphere, s.month, greatest(CAST(s.contracts AS DOUBLE) / u.contracts, 1.0) AS factor
    FROM seasons s
    JOIN usual u ON u.sphere = s.sphere
),
eligible AS (
    SELECT b.* FROM buyers b CROSS JOIN span p WHERE p.months >= $min_months AND b.contracts >= $min_contracts
),
counts AS (
    SELECT w.buyer_id, w.month, count(*) AS contracts, sum(w.initial_value) AS value
    FROM within w
    GROUP BY w.buyer_id, w.month
),
series AS (
    SELECT e.buyer_id, c.month, coalesce(n.contracts, 0) AS contracts, n.value, coalesce(f.factor, 1.0) AS factor
    FROM eligible e
    CROSS JOIN complete c
    LEFT JOIN counts n ON n.buyer_id = e.buyer_id AND n.month = c.month
    LEFT JOIN factors f ON f.sphere = e.sphere AND f.month = c.month
),
levels AS (
    SELECT buyer_id, quantile8(CAST(contracts AS DOUBLE) / factor, 0.5) AS median FROM series GROUP BY buyer_id
),
-- Twice the root of a count has a standard deviation of 1, whatever the count (Anscombe 1948).
distances AS (
    SELECT
        s.*,
        l.median * s.factor AS expected,
        2.0 * sqrt(CAST(s.contracts AS DOUBLE) + 0.375) - 2.0 * sqrt(l.median * s.factor + 0.375) AS distance
    FROM series s
    JOIN levels l ON l.buyer_id = s.buyer_id
),
scales AS (
    SELECT buyer_id, greatest(mad(distance) / 0.6745, 1.0) AS scale FROM distances GROUP BY buyer_id
),
scored AS (
    SELECT d.*, d.distance / s.scale AS z
    FROM distances d
    JOIN scales s ON s.buyer_id = d.buyer_id
),
spikes AS (
    SELECT * FROM (
        SELECT *, row_number() OVER (PARTITION BY buyer_id ORDER BY z DESC, month DESC) AS place
        FROM scored
        WHERE z > $min_z AND contracts >= $min_spike AND CAST(contracts AS DOUBLE) >= $min_ratio * expected
    )
    WHERE place = 1
),
named AS (
    SELECT
        p.buyer_id,
        min(w.buyer_name) AS buyer_name,
        array_agg(w.contract_id ORDER BY w.initial_value DESC NULLS LAST, w.contract_id) AS contract_ids
    FROM spikes p
    JOIN within w ON w.buyer_id = p.buyer_id AND w.month = p.month
    GROUP BY p.buyer_id
)
SELECT
    b.buyer_id AS subject,
    CASE WHEN p.month IS NOT NULL THEN 'fired' WHEN e.buyer_id IS NOT NULL THEN 'clear' ELSE 'not_evaluable' END AS outcome,
    CASE
        WHEN e.buyer_id IS NOT NULL THEN NULL
        WHEN s.months < $min_months THEN 'history_not_covered'
        ELSE 'too_few_contracts'
    END AS reason,
    CASE WHEN p.month IS NULL THEN NULL WHEN p.month % 12 = 11 THEN 'medium' ELSE 'low' END AS severity,
    b.in_scope,
    n.contract_ids,
    p.contracts AS month_contracts,
    p.expected,
    p.z,
    p.value AS month_value,
    s.months,
    make_date(p.month / 12, p.month % 12 + 1, 1) AS month_start,
    n.buyer_name
FROM buyers b
CROSS JOIN span s
LEFT JOIN eligible e ON e.buyer_id = b.buyer_id
LEFT JOIN spikes p ON p.buyer_id = b.buyer_id
LEFT JOIN named n ON n.buyer_id = b.buyer_id
