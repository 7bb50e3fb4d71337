/*
id = "direct_award_growth"
version = "1.2.0"
strength = "legal"
scope = "single"
reference = "OCP R054"
legal_basis = "Lei 14.133/2021 art. 75 I e II; Lei 8.666/1993 art. 24 I e II"
tags = ["direct_award", "amendment"]
groups = ["value", "direct_award", "amendment"]
tables = ["small_purchases", "contract_amendments", "legal_limits"]
modalities = ["dispensa_licitacao"]

[title]
pt = "Dispensa que cresceu além do limite"
en = "Direct award that grew past the ceiling"

[explanation]
pt = "Dispensa em razão do valor, dentro do limite na assinatura, cujo valor atual alcança esse limite por aditivos que são todos de acréscimo, com ou sem supressões."
en = "Direct award on account of value, within the ceiling at the signature, whose current value reaches that ceiling through amendments that are all additions, with or without reductions."

[severity]
pt = "Alta."
en = "High."

[text]
pt = "Dispensa em razão do valor assinada em {signed|date} por {initial_value|brl}, dentro do limite de {ceiling|brl} ({ceiling_act|text}), vale agora {current_value|brl}: alcança o limite, ou passa dele em {amount|brl}. Aditivos publicados: {amendments|int}, todos de acréscimo. É um indício a conferir no processo."
en = "Direct award on account of value signed on {signed|date} for {initial_value|brl}, within the ceiling of {ceiling|brl} ({ceiling_act|text}), is now worth {current_value|brl}: it reaches the ceiling, or is above it by {amount|brl}. Published amendments: {amendments|int}, all of them additions. This is an indication to check in the case file."

[false_positives]
pt = ["Acréscimo de até 25 % imprevisível na contratação.", "Reajuste por apostilamento, que a fonte não publica como aditivo.", "Parte do valor gasta em outro exercício."]
en = ["An addition of up to 25% that could not be foreseen.", "A price adjustment by apostille, which the source does not publish as an amendment.", "A part of the value spent in another financial year."]

[reasons.no_value]
outcome = "not_evaluable"
pt = "Valor inicial ou atual não publicado, ou inicial não positivo."
en = "Initial or current value not published, or initial value not positive."
columns = ["contracts.initial_value", "contracts.current_value"]

[reasons.no_signature_date]
outcome = "not_evaluable"
pt = "Sem data de assinatura."
en = "No date of signature."
columns = ["contracts.signature_date"]

[reasons.no_ceiling_at_date]
outcome = "not_evaluable"
pt = "A lei citada não tinha limite em vigor na data da assinatura."
en = "The law cited had no ceiling in force on the date of signature."

[reasons.above_from_the_start]
outcome = "not_evaluable"
pt = "O valor inicial já alcança o limite: não há crescimento a julgar."
en = "The initial value reaches the ceiling already: there is no growth to judge."

[reasons.no_amendment_published]
outcome = "not_evaluable"
pt = "Nenhum aditivo foi publicado que diga a causa do aumento."
en = "No amendment was published that tells the cause of the increase."

[reasons.ambiguous_amendments]
outcome = "not_evaluable"
pt = "Mais de um contrato tem o mesmo número na mesma unidade: não se sabe de qual são os aditivos."
en = "More than one contract has the same number at the same unit: whose the amendments are is not known."

[reasons.amendment_undisclosed]
outcome = "not_evaluable"
pt = "O objeto de um aditivo está sob sigilo."
en = "The object of an amendment is secret."

[reasons.price_adjustment_mixed]
outcome = "not_evaluable"
pt = "Há reajuste, repactuação, revisão ou reequilíbrio, que não contam."
en = "There is a price adjustment, which does not count."

[reasons.renewal_mixed]
outcome = "not_evaluable"
pt = "Há prorrogação: a parte de cada período não é publicada."
en = "There is an extension of the term: the part of each period is not published."

[reasons.amendment_type_unknown]
outcome = "not_evaluable"
pt = "O objeto de um aditivo não diz se há acréscimo."
en = "The object of an amendment does not say whether there is an addition."

[reasons.legal_basis_not_published]
outcome = "not_evaluable"
pt = "Dispensa que cresceu, sem fundamento legal publicado."
en = "Direct award that grew, without a published legal basis."
columns = ["contracts.legal_basis"]

[[evidence]]
name = "initial_value"
unit = "BRL"
label = { pt = "Valor inicial", en = "Initial value" }

[[evidence]]
name = "current_value"
unit = "BRL"
label = { pt = "Valor atual", en = "Current value" }

[[evidence]]
name = "ceiling"
unit = "BRL"
label = { pt = "Limite na assinatura", en = "Ceiling at the signature" }

[[evidence]]
name = "ceiling_act"
unit = "text"
label = { pt = "Ato que fixa o limite", en = "Act that sets the ceiling" }

[[evidence]]
name = "signed"
unit = "date"
label = { pt = "Assinatura", en = "Signature" }

[[evidence]]
name = "amendments"
unit = "count"
label = { pt = "Aditivos publicados", en = "Published amendments" }
*/
WITH measured AS (
    SELECT p.*, a.amendments, a.ambiguous, a.addition, a.term, a.price, a.undisclosed, a.other, a.amendment_ids
    FROM small_purchases p
    LEFT JOIN contract_amendments a ON a.buyer_id = p.buyer_id AND a.contract_number = p.number
    WHERE p.regime IS NOT NULL
),
judged AS (
    SELECT
        *,
        CASE
            WHEN initial_value IS NULL OR current_value IS NULL OR initial_value <= 0 THEN 'no_value'
            WHEN signature_date IS NULL THEN 'no_signature_date'
            WHEN ceiling IS NULL THEN 'no_ceiling_at_date'
            -- Above it from the start: no growth past it.
            WHEN initial_value > ceiling OR (comparison = 'lt' AND initial_value = ceiling) THEN 'above_from_the_start'
            WHEN current_value < ceiling OR (comparison = 'le' AND current_value = ceiling) THEN 'clear'
            WHEN amendments IS NULL THEN 'no_amendment_published'
            WHEN ambiguous THEN 'ambiguous_amendments'
            WHEN undisclosed THEN 'amendment_undisclosed'
            WHEN price THEN 'price_adjustment_mixed'
            WHEN term THEN 'renewal_mixed'
            WHEN other OR NOT addition THEN 'amendment_type_unknown'
            ELSE 'fired'
        END AS verdict
    FROM measured
)
SELECT
    contract_id AS subject,
    CASE WHEN verdict IN ('fired', 'clear') THEN verdict ELSE 'not_evaluable' END AS outcome,
    CASE WHEN verdict NOT IN ('fired', 'clear') THEN verdict END AS reason,
    CASE WHEN verdict = 'fired' THEN 'high' END AS severity,
    in_scope,
    CASE WHEN verdict = 'fired' THEN make_array(contract_id) END AS contract_ids,
    CASE WHEN verdict = 'fired' THEN amendment_ids END AS amendment_ids,
    CASE WHEN verdict = 'fired' THEN current_value - ceiling END AS amount,
    CASE WHEN verdict = 'fired' THEN limits END AS limits,
    initial_value,
    current_value,
    CAST(ceiling AS DECIMAL(18, 2)) AS ceiling,
    ceiling_act,
    signature_date AS signed,
    amendments
FROM judged
UNION ALL
-- Without a published ground, a dispensa that was within the largest ceiling of its day and is not any more.
SELECT
    d.contract_id, 'not_evaluable', 'legal_basis_not_published',
    NULL, d.in_scope, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM small_purchases d
JOIN (
    SELECT valid_from, valid_to, max(value) AS value
    FROM legal_limits
    WHERE "limit" = 'dispensa_works' AND regime = '14133'
    GROUP BY valid_from, valid_to
) w ON d.signature_date BETWEEN w.valid_from AND w.valid_to
WHERE d.basis = 'unknown'
    AND d.initial_value > 0
    AND d.current_value > d.initial_value
    AND d.initial_value < w.value * CASE WHEN d.doubled THEN 2 ELSE 1 END
