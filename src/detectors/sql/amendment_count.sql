/*
id = "amendment_count"
version = "1.2.0"
strength = "contextual"
scope = "single"
reference = "OCP R064"
legal_basis = ""
tags = ["amendment"]
groups = ["amendment"]
tables = ["contracts", "contract_amendments"]

[title]
pt = "Muitos aditivos de valor, ou um logo após a assinatura"
en = "Many amendments of value, or one soon after the signature"

[explanation]
pt = "Foram publicados {many|exact} ou mais aditivos de acréscimo ou supressão, ou o primeiro deles até {early_days|exact} depois da assinatura. Prorrogações e reajustes não contam."
en = "{many|exact} or more amendments with additions or reductions were published, or the first of them within {early_days|exact} of the signature. Extensions and price adjustments do not count."

[severity]
pt = "Média com {many|exact} ou mais; baixa se só o prazo do primeiro conta."
en = "Medium with {many|exact} or more; low if only the time of the first counts."

[text]
pt = "O contrato tem {value_amendments|int} aditivos de acréscimo ou supressão, de {amendments|int} publicados; o primeiro saiu {first_days|int} dias depois da assinatura. O valor inicial era {initial_value|brl}, o atual é {current_value|brl}. Aditivos são lícitos: é um indício de planejamento a conferir."
en = "The contract has {value_amendments|int} amendments with additions or reductions, of {amendments|int} published; the first came out {first_days|int} days after the signature. The initial value was {initial_value|brl}, the current one is {current_value|brl}. Amendments are lawful: this is an indication about planning to check."

[false_positives]
pt = ["Contrato longo, com necessidades que mudaram.", "Termos que corrigem outros.", "Data de publicação diferente da de assinatura do aditivo."]
en = ["A long contract whose needs changed.", "Amendments that correct others.", "A date of publication that is not that of the amendment."]

[[parameters]]
name = "many"
value = "3"
unit = "count"
min = "1"
label = { pt = "Aditivos de valor", en = "Amendments of value" }

[[parameters]]
name = "early_days"
value = "90"
unit = "days"
max = "3650"
label = { pt = "Prazo do primeiro aditivo de valor", en = "Time of the first amendment of value" }

[reasons.no_amendment_published]
outcome = "not_evaluable"
pt = "O valor mudou e nenhum aditivo foi publicado."
en = "The value changed and no amendment was published."

[reasons.value_unchanged]
outcome = "not_evaluable"
pt = "Os aditivos dizem acrescentar ou suprimir, e o valor publicado é o inicial: um dos dois não confere."
en = "The amendments say that they add or reduce, and the published value is the initial one: one of the two is wrong."

[reasons.ambiguous_amendments]
outcome = "not_evaluable"
pt = "Mais de um contrato tem o mesmo número na mesma unidade: não se sabe de qual são os aditivos."
en = "More than one contract has the same number at the same unit: whose the amendments are is not known."

[reasons.no_date]
outcome = "not_evaluable"
pt = "Falta a data da assinatura ou a de publicação dos aditivos."
en = "The date of signature or those of the amendments are missing."
columns = ["contracts.signature_date", "amendments.publication_date"]

[reasons.amendment_type_unknown]
outcome = "not_evaluable"
pt = "O objeto de um aditivo que decidiria não diz o que ele altera, ou está sob sigilo."
en = "The object of an amendment that would decide does not tell what it changes, or is secret."

[[evidence]]
name = "value_amendments"
unit = "count"
label = { pt = "Aditivos de acréscimo ou supressão", en = "Amendments with additions or reductions" }

[[evidence]]
name = "amendments"
unit = "count"
label = { pt = "Aditivos publicados", en = "Published amendments" }

[[evidence]]
name = "first_days"
unit = "days"
label = { pt = "Dias da assinatura ao primeiro", en = "Days from the signature to the first" }

[[evidence]]
name = "initial_value"
unit = "BRL"
label = { pt = "Valor inicial", en = "Initial value" }

[[evidence]]
name = "current_value"
unit = "BRL"
label = { pt = "Valor atual", en = "Current value" }
*/
WITH measured AS (
    SELECT
        c.contract_id,
        c.in_scope,
        c.initial_value,
        c.current_value,
        a.amendments,
        a.ambiguous,
        a.value_amendments,
        a.addition AND a.reduction AS both_ways,
        a.silent_amendments,
        a.amendment_ids,
        CAST(a.first_of_value AS INT) - CAST(c.signature_date AS INT) AS first_days,
        CAST(a.first_silent AS INT) - CAST(c.signature_date AS INT) AS silent_days
    FROM contracts c
    LEFT JOIN contract_amendments a ON a.buyer_id = c.buyer_id AND a.contract_number = c.number
),
judged AS (
    SELECT
        *,
        value_amendments >= $many AS many,
        -- Published before the signature: one of the two days is a slip, and tells nothing.
        coalesce(value_amendments > 0 AND first_days BETWEEN 0 AND $early_days, false) AS early
    FROM measured
),
answers AS (
    SELECT
        *,
        CASE
            WHEN amendments IS NULL AND current_value <> initial_value THEN 'no_amendment_published'
            WHEN amendments IS NULL THEN 'clear'
            WHEN ambiguous THEN 'ambiguous_amendments'
            WHEN (many OR early) AND current_value = initial_value AND NOT both_ways THEN 'value_unchanged'
            WHEN many OR early THEN 'fired'
            WHEN value_amendments > 0 AND first_days IS NULL THEN 'no_date'
            WHEN silent_amendments > 0
                AND (value_amendments + silent_amendments >= $many OR coalesce(silent_days BETWEEN 0 AND $early_days, true))
            THEN 'amendment_type_unknown'
            ELSE 'clear'
        END AS verdict
    FROM judged
)
SELECT
    contract_id AS subject,
    CASE WHEN verdict IN ('fired', 'clear') THEN verdict ELSE 'not_evaluable' END AS outcome,
    CASE WHEN verdict NOT IN ('fired', 'clear') THEN verdict END AS reason,
    CASE WHEN verdict <> 'fired' THEN NULL WHEN many THEN 'medium' ELSE 'low' END AS severity,
    in_scope,
    CASE WHEN verdict = 'fired' THEN make_array(contract_id) END AS contract_ids,
    CASE WHEN verdict = 'fired' THEN amendment_ids END AS amendment_ids,
    value_amendments,
    amendments,
    CASE WHEN first_days >= 0 THEN first_days END AS first_days,
    initial_value,
    current_value
FROM answers
