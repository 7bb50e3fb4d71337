/*
id = "invalid_tax_id"
version = "1.1.0"
strength = "contextual"
scope = "single"
reference = "OCP R045"
legal_basis = "IN RFB 2.229/2024 (CNPJ)"
tags = ["data_quality"]
groups = ["supplier", "data_quality"]
tables = ["contracts"]

[title]
pt = "CPF ou CNPJ do fornecedor com dígitos inválidos"
en = "Supplier's tax id with wrong check digits"

[explanation]
pt = "Os dígitos verificadores do CPF ou CNPJ publicado não conferem com o cálculo por módulo 11, ou todos os caracteres são iguais."
en = "The check digits of the published CPF or CNPJ do not agree with the modulo 11 calculation, or all its characters are the same."

[severity]
pt = "Sempre média: é antes de tudo um problema de qualidade do dado."
en = "Always medium: it is a matter of data quality first of all."

[text]
pt = "O identificador {shown_id|text} de {supplier_name|text} não é válido: {problem|text}. Dígitos esperados (só para CNPJ): {expected_digits|text}. Contratos: {contracts|int}, somando {total|brl}. O mais provável é um erro de digitação: é um indício a conferir."
en = "The id {shown_id|text} of {supplier_name|text} is not valid: {problem|text}. Digits expected (CNPJ only): {expected_digits|text}. Contracts: {contracts|int}, {total|brl} in all. A slip in typing is most likely: this is an indication to check."

[false_positives]
pt = ["Erro de digitação na fonte.", "Identificador estrangeiro ou interno publicado no lugar do CNPJ."]
en = ["A slip in typing at the source.", "A foreign or internal id published in place of the CNPJ."]

[reasons.masked]
outcome = "not_evaluable"
pt = "O CPF foi publicado mascarado."
en = "The CPF was published masked."

[reasons.foreign]
outcome = "not_evaluable"
pt = "Fornecedor estrangeiro, sem CPF ou CNPJ."
en = "Foreign supplier, without a Brazilian tax id."

[reasons.other_id]
outcome = "not_evaluable"
pt = "O identificador publicado não é CPF nem CNPJ."
en = "The published id is neither a CPF nor a CNPJ."

[reasons.supplier_secret]
outcome = "not_evaluable"
pt = "A fonte mantém o fornecedor em sigilo ou não o informa."
en = "The source keeps the supplier secret or gives none."
columns = ["contracts.supplier_id"]

[[evidence]]
name = "shown_id"
unit = "text"
label = { pt = "Identificador publicado", en = "Published id" }

[[evidence]]
name = "supplier_name"
unit = "text"
label = { pt = "Fornecedor", en = "Supplier" }

[[evidence]]
name = "problem"
unit = "text"
label = { pt = "Problema", en = "Problem" }
words = { wrong_digits = { pt = "os dígitos verificadores não conferem", en = "the check digits do not agree" }, repeated = { pt = "todos os caracteres são iguais", en = "all characters are the same" } }

[[evidence]]
name = "expected_digits"
unit = "text"
label = { pt = "Dígitos esperados", en = "Digits expected" }

[[evidence]]
name = "contracts"
unit = "count"
label = { pt = "Contratos", en = "Contracts" }

[[evidence]]
name = "total"
unit = "BRL"
label = { pt = "Valor total", en = "Total value" }
*/
WITH invalid AS (
    SELECT
        supplier_key,
        min(supplier_kind) AS kind,
        min(supplier_id) AS id,
        min(supplier_name) AS supplier_name,
        bool_or(in_scope) AS in_scope,
        count(*) AS contracts,
        sum(coalesce(current_value, initial_value)) AS total,
        array_agg(contract_id ORDER BY signature_date, contract_id) AS contract_ids
    FROM contracts
    WHERE supplier_check = 'invalid' AND supplier_key IS NOT NULL
    GROUP BY supplier_key
),
others AS (
    SELECT
        supplier_key,
        bool_or(in_scope) AS in_scope,
        min(CASE
            WHEN supplier_check = 'valid' THEN 'clear'
            WHEN supplier_kind = 'cpf' THEN 'masked'
            WHEN supplier_kind = 'foreign' THEN 'foreign'
            ELSE 'other_id'
        END) AS verdict
    FROM contracts
    WHERE supplier_check <> 'invalid' AND supplier_key IS NOT NULL
    GROUP BY supplier_key
),
-- Subjects name a CPF only in its masked form.
answers AS (
    SELECT
        show_tax_id(kind, id) AS subject, 'fired' AS verdict, in_scope, contract_ids,
        show_tax_id(kind, id) AS shown_id,
        supplier_name,
        CASE WHEN kind = 'cnpj' AND replace(id, left(id, 1), '') = '' THEN 'repeated' ELSE 'wrong_digits' END AS problem,
        CASE WHEN kind = 'cnpj' AND replace(id, left(id, 1), '') <> '' THEN cnpj_expected_digits(id) END AS expected_digits,
        contracts,
        total
    FROM invalid
    UNION ALL
    SELECT 'supplier', verdict, in_scope, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM others
    UNION ALL
    SELECT contract_id, 'supplier_secret', in_scope, NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM contracts
    WHERE supplier_key IS NULL
)
SELECT
    subject,
    CASE WHEN verdict IN ('fired', 'clear') THEN verdict ELSE 'not_evaluable' END AS outcome,
    CASE WHEN verdict NOT IN ('fired', 'clear') THEN verdict END AS reason,
    CASE WHEN verdict = 'fired' THEN 'medium' END AS severity,
    in_scope,
    contract_ids,
    shown_id,
    supplier_name,
    problem,
    expected_digits,
    contracts,
    total
FROM answers
