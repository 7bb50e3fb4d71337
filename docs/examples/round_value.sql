/*
id = "round_value"
version = "1.0.0"
strength = "contextual"
scope = "single"
reference = ""
legal_basis = ""
tags = ["value"]
groups = ["value"]
tables = ["contracts"]

[title]
pt = "Valor redondo"
en = "Round value"

[explanation]
pt = "O valor inicial é alto e múltiplo exato de um valor redondo."
en = "The initial value is large and an exact multiple of a round value."

[severity]
pt = "Baixa."
en = "Low."

[text]
pt = "O valor inicial, {initial_value|brl}, é múltiplo exato de {step|exact}. Orçamentos são muitas vezes redondos: é um indício a conferir."
en = "The initial value, {initial_value|brl}, is an exact multiple of {step|exact}. Budgets are often round: this is an indication to check."

[false_positives]
pt = ["Convênio ou contrato de gestão com valor fixado em orçamento."]
en = ["An agreement whose value a budget sets."]

[[parameters]]
name = "step"
value = "50000.00"
unit = "BRL"
min = "1.00"
label = { pt = "Valor redondo", en = "Round value" }

[[parameters]]
name = "min_value"
value = "100000.00"
unit = "BRL"
label = { pt = "Valor mínimo", en = "Smallest value" }

[reasons.no_value]
outcome = "not_evaluable"
pt = "Valor inicial não publicado."
en = "Initial value not published."
columns = ["contracts.initial_value"]

[[evidence]]
name = "initial_value"
unit = "BRL"
label = { pt = "Valor inicial", en = "Initial value" }
*/
WITH judged AS (
    SELECT
        *,
        CASE
            WHEN initial_value IS NULL THEN 'not_evaluable'
            WHEN initial_value >= $min_value AND initial_value % $step = 0 THEN 'fired'
            ELSE 'clear'
        END AS verdict
    FROM contracts
)
SELECT
    contract_id AS subject,
    verdict AS outcome,
    CASE WHEN verdict = 'not_evaluable' THEN 'no_value' END AS reason,
    CASE WHEN verdict = 'fired' THEN 'low' END AS severity,
    in_scope,
    make_array(contract_id) AS contract_ids,
    initial_value
FROM judged
