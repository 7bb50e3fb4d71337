/*
id = "just_below_threshold"
version = "1.2.0"
strength = "statistical"
scope = "pattern"
reference = "OCP R049, R002"
legal_basis = "Lei 14.133/2021 art. 75 I e II; Lei 8.666/1993 art. 24 I e II"
tags = ["threshold", "direct_award"]
groups = ["value", "direct_award", "splitting"]
tables = ["small_purchases", "legal_limits"]
modalities = ["dispensa_licitacao"]

[title]
pt = "Dispensas logo abaixo do limite"
en = "Direct awards just below the ceiling"

[explanation]
pt = "Uma unidade tem duas ou mais dispensas em razão do valor com um fornecedor, no mesmo ano ou a menos de {across_days|exact} uma da outra, de {near_share|exact} do limite em vigor até ele; ou suas dispensas de {wide_share|exact} em diante se juntam acima de {near_share|exact} mais do que o acaso explica (cauda binomial abaixo de {max_chance|exact}, ao menos {min_wide|exact})."
en = "A unit has two or more direct awards on account of value with one supplier, in one year or less than {across_days|exact} apart, from {near_share|exact} of the ceiling in force up to it; or its awards from {wide_share|exact} on crowd above {near_share|exact} more than chance explains (binomial tail below {max_chance|exact}, {min_wide|exact} at least)."

[severity]
pt = "Média; alta se as duas coisas acontecem."
en = "Medium; high if both happen."

[text]
pt = "{near|int} dispensas da unidade têm valor de {near_share|exact} do limite até ele, de {wide|int} acima de {wide_share|exact} (probabilidade por acaso: {chance|percent}); {paired|int} delas repetem um fornecedor no mesmo ano ou em menos de {across_days|exact}. O limite mais recente era de {ceiling|brl}. Comprar perto do limite é lícito: é um indício a conferir."
en = "{near|int} direct awards of the unit are worth from {near_share|exact} of the ceiling up to it, of {wide|int} above {wide_share|exact} (probability by chance: {chance|percent}); {paired|int} of them repeat a supplier in one year or in less than {across_days|exact}. The latest ceiling was {ceiling|brl}. To buy close to the ceiling is lawful: this is an indication to check."

[false_positives]
pt = ["Preço de mercado que por acaso fica perto do limite.", "Lotes de objetos sem relação entre si."]
en = ["A market price that happens to lie near the ceiling.", "Purchases that have nothing to do with each other."]

[[parameters]]
name = "near_share"
value = "0.90"
unit = "ratio"
min = "0.01"
max = "0.99"
label = { pt = "Início da faixa logo abaixo do limite", en = "Start of the band just below the ceiling" }

[[parameters]]
name = "wide_share"
value = "0.70"
unit = "ratio"
min = "0.01"
max = "0.99"
not_above = "near_share"
label = { pt = "Início da faixa de comparação", en = "Start of the band of comparison" }

[[parameters]]
name = "min_wide"
value = "5"
unit = "count"
min = "1"
label = { pt = "Dispensas mínimas na faixa de comparação", en = "Fewest awards in the band of comparison" }

[[parameters]]
name = "max_chance"
value = "0.01"
unit = "ratio"
max = "1"
label = { pt = "Probabilidade máxima", en = "Largest probability" }

[[parameters]]
name = "across_days"
value = "180"
unit = "days"
max = "366"
label = { pt = "Intervalo que conta de um ano para o outro", en = "Gap that counts from one year to the next" }

[reasons.legal_basis_not_published]
outcome = "not_evaluable"
pt = "Dispensa com valor logo abaixo de um limite, sem fundamento legal publicado."
en = "Direct award just below a ceiling, without a published legal basis."
columns = ["contracts.legal_basis"]

[reasons.no_signature_date]
outcome = "not_evaluable"
pt = "Sem data de assinatura."
en = "No date of signature."
columns = ["contracts.signature_date"]

[reasons.no_ceiling_at_date]
outcome = "not_evaluable"
pt = "A lei citada não tinha limite em vigor na data da assinatura."
en = "The law cited had no ceiling in force on the date of signature."

[[evidence]]
name = "near"
unit = "count"
label = { pt = "Dispensas de {near_share|exact} do limite em diante", en = "Awards from {near_share|exact} of the ceiling on" }

[[evidence]]
name = "wide"
unit = "count"
label = { pt = "Dispensas de {wide_share|exact} do limite em diante", en = "Awards from {wide_share|exact} of the ceiling on" }

[[evidence]]
name = "chance"
unit = "ratio"
label = { pt = "Probabilidade por acaso", en = "Probability by chance" }

[[evidence]]
name = "paired"
unit = "count"
label = { pt = "Dispensas que repetem fornecedor", en = "Awards that repeat a supplier" }

[[evidence]]
name = "paired_suppliers"
unit = "count"
label = { pt = "Fornecedores repetidos", en = "Suppliers repeated" }

[[evidence]]
name = "near_value"
unit = "BRL"
label = { pt = "Soma das dispensas da faixa", en = "Sum of the awards of the band" }

[[evidence]]
name = "ceiling"
unit = "BRL"
label = { pt = "Limite mais recente", en = "Latest ceiling" }

[[evidence]]
name = "ceiling_class"
unit = "text"
label = { pt = "Classe do limite", en = "Class of the ceiling" }
words = { goods = { pt = "compras e outros serviços", en = "purchases and other services" }, works = { pt = "obras, engenharia e manutenção de veículos", en = "works, engineering and upkeep of vehicles" } }

[[evidence]]
name = "first_signature"
unit = "date"
label = { pt = "Primeira assinatura", en = "First signature" }

[[evidence]]
name = "last_signature"
unit = "date"
label = { pt = "Última assinatura", en = "Last signature" }
*/
WITH valued AS (
    SELECT *, CAST(initial_value AS DOUBLE) / CAST(ceiling AS DOUBLE) AS part
    FROM small_purchases
    WHERE regime IS NOT NULL AND initial_value > 0
),
placed AS (
    SELECT
        *,
        coalesce(initial_value >= $near_share * ceiling AND (initial_value < ceiling OR (comparison = 'le' AND initial_value = ceiling)), false) AS near,
        coalesce(initial_value >= $wide_share * ceiling AND initial_value < $near_share * ceiling, false) AS wide
    FROM valued
    WHERE ceiling IS NOT NULL
),
-- Near ones of one supplier that another such one precedes or follows. Ceilings are of the financial year (art. 75 §1 I): what
-- is bought once a year is no pair.
neighbours AS (
    SELECT
        contract_id,
        coalesce(date_part('year', signature_date) = date_part('year', lag(signature_date) OVER in_order), false)
            OR coalesce(CAST(signature_date AS INT) - CAST(lag(signature_date) OVER in_order AS INT) < $across_days, false)
            OR coalesce(date_part('year', signature_date) = date_part('year', lead(signature_date) OVER in_order), false)
            OR coalesce(CAST(lead(signature_date) OVER in_order AS INT) - CAST(signature_date AS INT) < $across_days, false) AS paired
    FROM placed
    WHERE near AND supplier_key IS NOT NULL
    WINDOW in_order AS (PARTITION BY buyer_id, regime, class, supplier_key ORDER BY signature_date, contract_id)
),
grouped AS (
    SELECT
        p.buyer_id,
        p.regime,
        p.class,
        bool_or(p.in_scope) AS in_scope,
        count(*) FILTER (WHERE p.near) AS near,
        count(*) FILTER (WHERE p.near OR p.wide) AS wide,
        count(*) FILTER (WHERE n.paired) AS paired
    FROM placed p
    LEFT JOIN neighbours n ON n.contract_id = p.contract_id
    GROUP BY p.buyer_id, p.regime, p.class
),
chances AS (
    SELECT
        *,
        CASE WHEN wide >= $min_wide THEN
            binomial_tail(CAST(near AS DOUBLE), CAST(wide AS DOUBLE), (1.0 - CAST($near_share AS DOUBLE)) / (1.0 - CAST($wide_share AS DOUBLE)))
        END AS chance
    FROM grouped
),
judged AS (
    SELECT
        *,
        coalesce(chance < CAST($max_chance AS DOUBLE), false) AS bunched,
        paired > 0 OR coalesce(chance < CAST($max_chance AS DOUBLE), false) AS fired
    FROM chances
),
-- Lists are made only of what fires: they keep a state on the heap for each group.
detailed AS (
    SELECT
        p.buyer_id,
        p.regime,
        p.class,
        count(DISTINCT CASE WHEN n.paired THEN p.supplier_key END) AS paired_suppliers,
        min(p.signature_date) FILTER (WHERE p.near) AS first_signature,
        max(p.signature_date) FILTER (WHERE p.near) AS last_signature,
        sum(p.initial_value) FILTER (WHERE p.near) AS near_value,
        last_value(p.limits ORDER BY p.signature_date, p.contract_id) AS limits,
        last_value(p.ceiling ORDER BY p.signature_date, p.contract_id) AS ceiling,
        array_agg(p.contract_id ORDER BY p.signature_date, p.contract_id) FILTER (WHERE p.near) AS near_ids,
        array_agg(p.contract_id ORDER BY p.signature_date, p.contract_id) FILTER (WHERE n.paired) AS paired_ids
    FROM judged j
    JOIN placed p ON p.buyer_id = j.buyer_id AND p.regime = j.regime AND p.class = j.class
    LEFT JOIN neighbours n ON n.contract_id = p.contract_id
    WHERE j.fired
    GROUP BY p.buyer_id, p.regime, p.class
),
unknown_basis AS (
    SELECT DISTINCT p.contract_id, p.in_scope
    FROM small_purchases p
    JOIN legal_limits l ON l."limit" IN ('dispensa_goods', 'dispensa_works') AND p.signature_date BETWEEN l.valid_from AND l.valid_to
    WHERE p.basis = 'unknown'
        AND p.initial_value >= $near_share * l.value * CASE WHEN p.doubled THEN 2 ELSE 1 END
        AND p.initial_value <= l.value * CASE WHEN p.doubled THEN 2 ELSE 1 END
)
SELECT
    j.buyer_id || '/' || j.regime || '/' || j.class AS subject,
    CASE WHEN j.fired THEN 'fired' ELSE 'clear' END AS outcome,
    NULL AS reason,
    CASE WHEN j.paired > 0 AND j.bunched THEN 'high' WHEN j.fired THEN 'medium' END AS severity,
    j.in_scope,
    CASE WHEN j.bunched THEN d.near_ids ELSE d.paired_ids END AS contract_ids,
    d.limits,
    j.near,
    j.wide,
    j.chance,
    j.paired,
    d.paired_suppliers,
    d.near_value,
    CAST(d.ceiling AS DECIMAL(18, 2)) AS ceiling,
    j.class AS ceiling_class,
    d.first_signature,
    d.last_signature
FROM judged j
LEFT JOIN detailed d ON d.buyer_id = j.buyer_id AND d.regime = j.regime AND d.class = j.class
UNION ALL
SELECT
    contract_id,
    'not_evaluable',
    CASE WHEN signature_date IS NULL THEN 'no_signature_date' ELSE 'no_ceiling_at_date' END,
    NULL, in_scope, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM valued
WHERE ceiling IS NULL
UNION ALL
SELECT contract_id, 'not_evaluable', 'legal_basis_not_published', NULL, in_scope, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM unknown_basis
