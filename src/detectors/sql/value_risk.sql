/*
id = "value_risk"
version = "1.1.0"
strength = "contextual"
scope = "single"
reference = ""
legal_basis = ""
tags = ["value_risk"]
groups = ["value"]
tables = ["contracts"]
on_request = true

[title]
pt = "Faixa de risco pelo valor"
en = "Risk band by value"

[explanation]
pt = "Faixa do valor atual (ou, se não publicado ou zero, do inicial): baixa abaixo de {medium_from|exact}, média abaixo de {high_from|exact}, alta abaixo de {critical_from|exact}, crítica a partir daí. Só roda quando pedido: um valor alto, por si só, nada diz de irregular."
en = "Band of the current value (or, where that is not published or zero, of the initial one): low below {medium_from|exact}, medium below {high_from|exact}, high below {critical_from|exact}, critical from there on. It runs on request only: a high value says nothing irregular by itself."

[severity]
pt = "Alta a partir de {high_from|exact}; crítica a partir de {critical_from|exact}."
en = "High from {high_from|exact}; critical from {critical_from|exact}."

[text]
pt = "O valor do contrato, {value|brl}, está na faixa de risco {level|text}. A faixa serve para ordenar o que conferir primeiro: é um indício de relevância, não de irregularidade."
en = "The value of the contract, {value|brl}, is in the {level|text} risk band. The band helps to choose what to check first: it is an indication of weight, not of irregularity."

[false_positives]
pt = ["Todo contrato grande e regular está nas faixas altas."]
en = ["Every large and regular contract is in the upper bands."]

[[parameters]]
name = "medium_from"
value = "100000.00"
unit = "BRL"
not_above = "high_from"
label = { pt = "Início da faixa média", en = "Start of the medium band" }

[[parameters]]
name = "high_from"
value = "1000000.00"
unit = "BRL"
not_above = "critical_from"
label = { pt = "Início da faixa alta", en = "Start of the high band" }

[[parameters]]
name = "critical_from"
value = "5000000.00"
unit = "BRL"
label = { pt = "Início da faixa crítica", en = "Start of the critical band" }

[reasons.low_value]
outcome = "clear"
pt = "Valor abaixo de {medium_from|exact}."
en = "Value below {medium_from|exact}."

[reasons.medium_value]
outcome = "clear"
pt = "Valor de {medium_from|exact} a menos de {high_from|exact}."
en = "Value from {medium_from|exact} to less than {high_from|exact}."

[reasons.no_value]
outcome = "not_evaluable"
pt = "O valor do contrato não foi publicado, ou não é positivo."
en = "The value of the contract was not published, or is not positive."
columns = ["contracts.initial_value", "contracts.current_value"]

[[evidence]]
name = "value"
unit = "BRL"
label = { pt = "Valor", en = "Value" }

[[evidence]]
name = "level"
unit = "text"
label = { pt = "Faixa", en = "Band" }
words = { high = { pt = "alta", en = "high" }, critical = { pt = "crítica", en = "critical" } }
*/
WITH valued AS (
    SELECT contract_id, in_scope, coalesce(nullif(current_value, 0), initial_value) AS value
    FROM contracts
),
judged AS (
    SELECT
        *,
        CASE
            WHEN value IS NULL OR value <= 0 THEN 'no_value'
            WHEN value < $medium_from THEN 'low_value'
            WHEN value < $high_from THEN 'medium_value'
            ELSE 'fired'
        END AS verdict
    FROM valued
)
SELECT
    contract_id AS subject,
    CASE verdict WHEN 'fired' THEN 'fired' WHEN 'no_value' THEN 'not_evaluable' ELSE 'clear' END AS outcome,
    CASE WHEN verdict <> 'fired' THEN verdict END AS reason,
    CASE WHEN verdict <> 'fired' THEN NULL WHEN value >= $critical_from THEN 'critical' ELSE 'high' END AS severity,
    in_scope,
    make_array(contract_id) AS contract_ids,
    value,
    CASE WHEN value >= $critical_from THEN 'critical' ELSE 'high' END AS level
FROM judged
