/*
id = "high_value_direct_award"
version = "1.2.0"
strength = "contextual"
scope = "single"
reference = "OCP R010"
legal_basis = "Lei 14.133/2021 art. 72, 74 e 75"
tags = ["direct_award", "emergency"]
groups = ["value", "direct_award", "emergency"]
tables = ["contracts"]
modalities = ["dispensa_licitacao", "inexigibilidade"]

[title]
pt = "Contratação direta de alto valor"
en = "Direct award of high value"

[explanation]
pt = "Contrato por dispensa ou inexigibilidade de licitação cujo valor atual (ou, sem ele, o inicial) alcança o valor mínimo."
en = "Contract by dispensa or inexigibilidade whose current value (or else its initial value) reaches the minimum."

[severity]
pt = "Média; alta se emergencial; crítica se emergencial com vigência de até {short_term_days|exact}."
en = "Medium; high if an emergency; critical if an emergency with a term of at most {short_term_days|exact}."

[text]
pt = "Contrato sem licitação ({modality|text}) no valor de {amount|brl}, a partir do mínimo de {min_value|brl} deste indício. Emergencial: {emergency|text}. Vigência: {term_days|int} dias. A lei permite a contratação direta nos casos que enumera: é um indício a conferir, não uma irregularidade."
en = "Contract without tender ({modality|text}) worth {amount|brl}, at or above this flag's minimum of {min_value|brl}. Emergency: {emergency|text}. Term: {term_days|int} days. The law allows direct awards in the cases that it lists: this is an indication to check, not an irregularity."

[false_positives]
pt = ["Fornecedor exclusivo, fundação de apoio, imprensa oficial e outros casos que os artigos 74 e 75 preveem.", "Emergência real, declarada e documentada."]
en = ["Sole supplier, supporting foundation, official press and other cases of articles 74 and 75.", "A real emergency, declared and documented."]

[[parameters]]
name = "min_value"
value = "1000000.00"
unit = "BRL"
label = { pt = "Valor mínimo", en = "Minimum value" }

[[parameters]]
name = "short_term_days"
value = "60"
unit = "days"
max = "3650"
label = { pt = "Vigência curta", en = "Short term" }

[reasons.no_value]
outcome = "not_evaluable"
pt = "O valor do contrato não foi publicado."
en = "The value of the contract was not published."
columns = ["contracts.initial_value", "contracts.current_value"]

[[evidence]]
name = "modality"
unit = "text"
label = { pt = "Modalidade", en = "Modality" }
words = { dispensa_licitacao = { pt = "dispensa de licitação", en = "dispensa (waived tender)" }, inexigibilidade = { pt = "inexigibilidade de licitação", en = "inexigibilidade (no competition possible)" } }

[[evidence]]
name = "value"
unit = "BRL"
label = { pt = "Valor", en = "Value" }

[[evidence]]
name = "emergency"
unit = "text"
label = { pt = "Emergencial", en = "Emergency" }
words = { yes = { pt = "sim", en = "yes" }, no = { pt = "não consta", en = "not stated" } }

[[evidence]]
name = "term_days"
unit = "days"
label = { pt = "Vigência em dias", en = "Term in days" }
*/
WITH direct AS (
    SELECT
        contract_id,
        modality,
        in_scope,
        -- A current value of zero is none.
        CASE WHEN current_value > 0 OR initial_value IS NULL THEN current_value ELSE initial_value END AS value,
        -- An emergency is a ground of a dispensa.
        modality = 'dispensa_licitacao' AND is_emergency(legal_basis, object_folded) AS urgent,
        CAST(end_date AS INT) - CAST(coalesce(start_date, signature_date) AS INT) AS term_days
    FROM contracts
    WHERE modality IN ('dispensa_licitacao', 'inexigibilidade')
),
judged AS (
    SELECT *, CASE WHEN value IS NULL OR value <= 0 THEN 'no_value' WHEN value >= $min_value THEN 'fired' ELSE 'clear' END AS verdict
    FROM direct
)
SELECT
    contract_id AS subject,
    CASE verdict WHEN 'no_value' THEN 'not_evaluable' ELSE verdict END AS outcome,
    CASE verdict WHEN 'no_value' THEN verdict END AS reason,
    CASE
        WHEN verdict <> 'fired' THEN NULL
        -- A term that ends before it begins is a slip, not a short one.
        WHEN urgent AND term_days BETWEEN 0 AND $short_term_days THEN 'critical'
        WHEN urgent THEN 'high'
        ELSE 'medium'
    END AS severity,
    in_scope,
    make_array(contract_id) AS contract_ids,
    value AS amount,
    modality,
    value,
    CASE WHEN urgent THEN 'yes' ELSE 'no' END AS emergency,
    term_days
FROM judged
