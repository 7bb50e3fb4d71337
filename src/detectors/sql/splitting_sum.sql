/*
id = "splitting_sum"
version = "1.2.0"
strength = "legal"
scope = "pattern"
reference = "OCP R011, R055"
legal_basis = "Lei 14.133/2021 art. 75 §1; Lei 8.666/1993 art. 23 §5 e art. 24 I e II"
tags = ["splitting", "direct_award"]
groups = ["value", "direct_award", "splitting"]
tables = ["contracts", "lines_of_business", "small_purchases", "legal_limits"]
modalities = ["dispensa_licitacao"]

[title]
pt = "Possível fracionamento de despesa"
en = "Possible splitting of expenditure"

[explanation]
pt = "Duas ou mais dispensas em razão do valor da mesma unidade, no mesmo ano e no mesmo ramo de atividade, cada uma dentro do limite de dispensa, somam o limite ou mais. Conta o que vence no ano da assinatura. Arquivos mensais que faltem nos dados podem esconder um caso, mas não criá-lo."
en = "Two or more direct awards on account of value, of the same unit, year and line of business, each within the ceiling, add up to the ceiling or more. What ends in the year of signature counts. Monthly files that are missing from the data can hide a case, not make one."

[severity]
pt = "Alta se há um só fornecedor, ou se todas foram assinadas em até {near_days|exact}, ou no mesmo processo; média nos demais casos."
en = "High if there is one supplier only, or all were signed within {near_days|exact}, or in the same process; medium otherwise."

[text]
pt = "{contracts|int} dispensas em razão do valor, no ramo “{line_of_business|text}” e no ano de {year|text}, somam {total|brl}; o limite em {last_signature|date} era de {ceiling|brl} ({ceiling_act|text}). A soma passa do limite em {amount|brl} ou o iguala. O ramo foi lido do item de maior valor: é um indício a conferir."
en = "{contracts|int} direct awards on account of value, in the line of business “{line_of_business|text}” and the year {year|text}, add up to {total|brl}; the ceiling on {last_signature|date} was {ceiling|brl} ({ceiling_act|text}). The sum is above the ceiling by {amount|brl}, or equal to it. The line of business was read from the item of largest value: this is an indication to check."

[false_positives]
pt = ["Necessidades distintas e imprevisíveis ao longo do ano.", "Ramos de atividade diferentes sob a mesma descrição de item.", "Unidades com autonomia que compram pelo mesmo código.", "Parte do valor que não chegou a ser gasta no ano."]
en = ["Needs that were different and could not be foreseen.", "Different lines of business under the same description of the item.", "Autonomous units that buy under one code.", "A part of the value that was not spent within the year."]

[[parameters]]
name = "near_days"
value = "30"
unit = "days"
max = "366"
label = { pt = "Intervalo que agrava", en = "Span that aggravates" }

[reasons.legal_basis_not_published]
outcome = "not_evaluable"
pt = "Dispensa abaixo do limite sem fundamento legal publicado."
en = "Direct award below the ceiling without a published legal basis."
columns = ["contracts.legal_basis"]

[reasons.line_of_business_unknown]
outcome = "not_evaluable"
pt = "Sem itens publicados que deem o ramo de atividade."
en = "No published items that give the line of business."

[reasons.no_signature_date]
outcome = "not_evaluable"
pt = "Sem data de assinatura."
en = "No date of signature."
columns = ["contracts.signature_date"]

[reasons.no_ceiling_at_date]
outcome = "not_evaluable"
pt = "A lei citada não tinha limite em vigor na data da assinatura."
en = "The law cited had no ceiling in force on the date of signature."

[reasons.term_beyond_year]
outcome = "not_evaluable"
pt = "O limite só é alcançado com contratos que vão além do ano, ou cujo fim não é publicado: a parte gasta no ano não se sabe."
columns = ["contracts.end_date"]
en = "The ceiling is reached only with contracts that last beyond the year, or whose end is not published: what was spent within it is not known."

[[evidence]]
name = "contracts"
unit = "count"
label = { pt = "Contratos somados", en = "Contracts added up" }

[[evidence]]
name = "total"
unit = "BRL"
label = { pt = "Soma", en = "Sum" }

[[evidence]]
name = "ceiling"
unit = "BRL"
label = { pt = "Limite na última assinatura", en = "Ceiling at the last signature" }

[[evidence]]
name = "ceiling_act"
unit = "text"
label = { pt = "Ato que fixa o limite", en = "Act that sets the ceiling" }

[[evidence]]
name = "ceiling_class"
unit = "text"
label = { pt = "Classe do limite", en = "Class of the ceiling" }
words = { goods = { pt = "compras e outros serviços", en = "purchases and other services" }, works = { pt = "obras, engenharia e manutenção de veículos", en = "works, engineering and upkeep of vehicles" } }

[[evidence]]
name = "line_of_business"
unit = "text"
label = { pt = "Ramo de atividade", en = "Line of business" }

[[evidence]]
name = "year"
unit = "text"
label = { pt = "Ano", en = "Year" }

[[evidence]]
name = "first_signature"
unit = "date"
label = { pt = "Primeira assinatura", en = "First signature" }

[[evidence]]
name = "last_signature"
unit = "date"
label = { pt = "Última assinatura", en = "Last signature" }

[[evidence]]
name = "suppliers"
unit = "count"
label = { pt = "Fornecedores", en = "Suppliers" }

[[evidence]]
name = "running_total"
unit = "text"
label = { pt = "Soma corrida", en = "Running total" }
*/
WITH dispensas AS (
    SELECT * FROM small_purchases WHERE initial_value > 0
),
with_ceiling AS (
    SELECT
        d.*,
        date_part('year', d.signature_date) AS year,
        coalesce(date_part('year', d.end_date) <= date_part('year', d.signature_date), false) AS within_year
    FROM dispensas d
    LEFT JOIN legal_limits v
        ON v."limit" = 'vehicle_maintenance'
        AND v.regime = d.regime
        AND d.signature_date BETWEEN v.valid_from AND v.valid_to
    -- Upkeep of vehicles up to the limit of art. 75 §7 is not added up.
    WHERE d.regime IS NOT NULL AND NOT (d.vehicles AND v.value IS NOT NULL AND d.initial_value <= v.value)
),
eligible AS (
    SELECT * FROM with_ceiling
    WHERE ceiling IS NULL OR initial_value < ceiling OR (comparison = 'le' AND initial_value = ceiling)
),
placed AS (
    SELECT e.*, l.line
    FROM eligible e
    LEFT JOIN lines_of_business l ON l.buyer_id = e.buyer_id AND l.number = e.number
),
members AS (
    SELECT * FROM placed WHERE ceiling IS NOT NULL AND line IS NOT NULL
),
grouped AS (
    SELECT
        buyer_id, year, line, class, regime,
        bool_or(in_scope) AS in_scope,
        count(*) AS members,
        count(*) FILTER (WHERE within_year) AS contracts,
        sum(initial_value) AS whole,
        sum(initial_value) FILTER (WHERE within_year) AS total
    FROM members
    GROUP BY buyer_id, year, line, class, regime
),
last_members AS (
    SELECT * FROM (
        SELECT
            buyer_id, year, line, class, regime, ceiling, comparison, limits, ceiling_act,
            signature_date AS last_signature,
            row_number() OVER (
                PARTITION BY buyer_id, year, line, class, regime ORDER BY signature_date DESC, contract_id DESC
            ) AS place
        FROM members
    )
    WHERE place = 1
),
judged AS (
    SELECT
        g.*,
        l.ceiling,
        l.comparison,
        l.limits,
        l.ceiling_act,
        l.last_signature,
        CASE
            WHEN members < 2 THEN 'clear'
            WHEN contracts >= 2 AND (total > ceiling OR (comparison = 'lt' AND total = ceiling)) THEN 'fired'
            WHEN whole > ceiling OR (comparison = 'lt' AND whole = ceiling) THEN 'term_beyond_year'
            ELSE 'clear'
        END AS verdict
    FROM grouped g
    JOIN last_members l
        ON l.buyer_id = g.buyer_id AND l.year = g.year AND l.line = g.line AND l.class = g.class AND l.regime = g.regime
),
steps AS (
    SELECT
        m.*,
        sum(m.initial_value) OVER (
            PARTITION BY m.buyer_id, m.year, m.line, m.class, m.regime
            ORDER BY m.signature_date, m.contract_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS running,
        row_number() OVER (
            PARTITION BY m.buyer_id, m.year, m.line, m.class, m.regime ORDER BY m.signature_date, m.contract_id
        ) AS step
    FROM judged j
    JOIN members m
        ON m.buyer_id = j.buyer_id AND m.year = j.year AND m.line = j.line AND m.class = j.class AND m.regime = j.regime
    WHERE j.verdict = 'fired' AND m.within_year
),
detailed AS (
    SELECT
        buyer_id, year, line, class, regime,
        array_agg(contract_id ORDER BY signature_date, contract_id) AS contract_ids,
        string_agg(
            CAST(signature_date AS VARCHAR) || ' + ' || CAST(initial_value AS VARCHAR) || ' = ' || CAST(running AS VARCHAR),
            '; ' ORDER BY signature_date, contract_id
        ) FILTER (WHERE step <= 100) AS running_total,
        min(signature_date) AS first_signature,
        max(signature_date) AS last_counted,
        count(DISTINCT supplier_key) AS suppliers,
        count(supplier_key) = count(*) AND count(DISTINCT supplier_key) = 1 AS one_supplier,
        count(tender) = count(*) AND count(DISTINCT tender) = 1 AS one_tender
    FROM steps
    GROUP BY buyer_id, year, line, class, regime
),
unknown_basis AS (
    SELECT DISTINCT d.contract_id, d.in_scope, d.signature_date IS NULL AS undated
    FROM dispensas d
    JOIN legal_limits l ON l."limit" = 'dispensa_goods'
    WHERE d.basis = 'unknown'
        AND (
            d.signature_date IS NULL
            OR (
                d.signature_date BETWEEN l.valid_from AND l.valid_to
                AND (
                    d.initial_value < l.value * CASE WHEN d.doubled THEN 2 ELSE 1 END
                    OR (l.comparison = 'le' AND d.initial_value = l.value * CASE WHEN d.doubled THEN 2 ELSE 1 END)
                )
            )
        )
)
SELECT
    j.buyer_id || '/' || CAST(j.year AS VARCHAR) || '/' || j.regime || '/' || j.class || '/' || j.line AS subject,
    CASE j.verdict WHEN 'term_beyond_year' THEN 'not_evaluable' ELSE j.verdict END AS outcome,
    CASE j.verdict WHEN 'term_beyond_year' THEN j.verdict END AS reason,
    CASE
        WHEN j.verdict <> 'fired' THEN NULL
        WHEN d.one_supplier OR d.one_tender THEN 'high'
        WHEN CAST(d.last_counted AS INT) - CAST(d.first_signature AS INT) <= $near_days THEN 'high'
        ELSE 'medium'
    END AS severity,
    j.in_scope,
    d.contract_ids,
    CASE WHEN j.verdict = 'fired' THEN j.total - j.ceiling END AS amount,
    CASE WHEN j.verdict = 'fired' THEN j.limits END AS limits,
    j.contracts,
    j.total,
    CAST(j.ceiling AS DECIMAL(18, 2)) AS ceiling,
    j.ceiling_act,
    j.class AS ceiling_class,
    j.line AS line_of_business,
    CAST(j.year AS VARCHAR) AS year,
    d.first_signature,
    j.last_signature,
    d.suppliers,
    d.running_total
FROM judged j
LEFT JOIN detailed d
    ON d.buyer_id = j.buyer_id AND d.year = j.year AND d.line = j.line AND d.class = j.class AND d.regime = j.regime
UNION ALL
SELECT
    contract_id,
    'not_evaluable',
    CASE
        WHEN signature_date IS NULL THEN 'no_signature_date'
        WHEN ceiling IS NULL THEN 'no_ceiling_at_date'
        ELSE 'line_of_business_unknown'
    END,
    NULL, in_scope, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM placed
WHERE ceiling IS NULL OR line IS NULL
UNION ALL
SELECT
    contract_id,
    'not_evaluable',
    CASE WHEN undated THEN 'no_signature_date' ELSE 'legal_basis_not_published' END,
    NULL, in_scope, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM unknown_basis
