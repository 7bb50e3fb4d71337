/*
id = "new_company"
version = "1.1.0"
strength = "contextual"
scope = "single"
reference = ""
legal_basis = "Lei 14.133/2021 art. 67, 69"
tags = ["supplier_age"]
groups = ["supplier"]
tables = ["contracts", "establishments", "register_content"]

[title]
pt = "Contrato de empresa recém-aberta"
en = "Contract of a company just opened"

[explanation]
pt = "O contrato, de {min_value|brl} ou mais, foi assinado até {low_days|exact} dias depois do início de atividade da empresa no cadastro da Receita Federal. De uma filial conta a data da matriz; se outro estabelecimento da mesma raiz de CNPJ é mais antigo, conta a dele."
en = "The contract, of {min_value|brl} or more, was signed up to {low_days|exact} days after the company began its activity in the register of companies. Of a branch the day of the head office counts; if another establishment with the same root of the CNPJ is older, its day does."

[severity]
pt = "Alta até {high_days|exact} dias, média até {medium_days|exact}, baixa até {low_days|exact}."
en = "High up to {high_days|exact} days, medium up to {medium_days|exact}, low up to {low_days|exact}."

[text]
pt = "Contrato de {worth|brl}, assinado em {signature_date|date} com {supplier_name|text} ({supplier_id|text}), empresa aberta em {opening_date|date}, {days|int} dias antes. Empresa nova pode suceder outra, ou ter sido constituída para o contrato que venceu: é um indício a conferir com a habilitação."
en = "Contract of {worth|brl}, signed on {signature_date|date} with {supplier_name|text} ({supplier_id|text}), a company opened on {opening_date|date}, {days|int} days before. A new company may succeed another, or have been founded for the contract that it won: this is an indication to check against its qualification."

[false_positives]
pt = ["Empresa que resulta de cisão, fusão ou incorporação de outra mais antiga.", "Sociedade de propósito específico, constituída pelo vencedor por exigência do edital.", "Empresário que já atuava e só agora tem CNPJ.", "Data de assinatura publicada com erro."]
en = ["A company that comes of a split or merger of an older one.", "A special-purpose company, founded by the winner because the notice asks for it.", "A trader who was active before and has a CNPJ only now.", "A day of signature published with an error."]

[[parameters]]
name = "high_days"
value = "30"
unit = "days"
not_above = "medium_days"
label = { pt = "Dias desde a abertura até os quais é alta", en = "Days since the opening up to which it is high" }

[[parameters]]
name = "medium_days"
value = "180"
unit = "days"
not_above = "low_days"
label = { pt = "Dias desde a abertura até os quais é média", en = "Days since the opening up to which it is medium" }

[[parameters]]
name = "low_days"
value = "365"
unit = "days"
max = "3650"
label = { pt = "Dias desde a abertura até os quais conta", en = "Days since the opening up to which it counts" }

[[parameters]]
name = "min_value"
value = "50000.00"
unit = "BRL"
label = { pt = "Valor mínimo do contrato", en = "Least value of the contract" }

[reasons]
small_contract = { outcome = "clear", pt = "O contrato vale menos de {min_value|brl}.", en = "The contract is worth less than {min_value|brl}." }
supplier_secret = { outcome = "not_evaluable", pt = "A fonte mantém o fornecedor em sigilo ou não o informa.", en = "The source keeps the supplier secret or gives none.", columns = ["contracts.supplier_id"] }
supplier_is_person = { outcome = "not_evaluable", pt = "O fornecedor é pessoa física.", en = "The supplier is a natural person." }
no_tax_id = { outcome = "not_evaluable", pt = "O identificador do fornecedor não é CNPJ.", en = "The supplier's id is no CNPJ." }
public_body = { outcome = "not_evaluable", pt = "O fornecedor é órgão ou entidade pública.", en = "The supplier is a public body." }
tax_id_invalid = { outcome = "not_evaluable", pt = "Os dígitos do CNPJ do fornecedor não conferem: não se sabe quem é.", en = "The digits of the supplier's CNPJ do not agree: who it is is not known." }
no_signature_date = { outcome = "not_evaluable", pt = "Sem data de assinatura.", en = "No day of signature.", columns = ["contracts.signature_date"] }
register_not_taken_in = { outcome = "not_evaluable", pt = "O cadastro de estabelecimentos da Receita Federal não foi importado.", en = "The register of establishments was not taken in." }
company_unknown = { outcome = "not_evaluable", pt = "A empresa não consta no cadastro importado.", en = "The company is not in the register that was taken in." }
head_office_unknown = { outcome = "not_evaluable", pt = "A matriz não consta no cadastro importado, ou não tem data de abertura.", en = "The head office is not in the register that was taken in, or has no day of opening." }
opened_later = { outcome = "not_evaluable", pt = "A abertura no cadastro é posterior à assinatura: uma das datas não está certa.", en = "The opening in the register is later than the signature: one of the days is not right." }
no_value = { outcome = "not_evaluable", pt = "O valor do contrato não foi publicado.", en = "The value of the contract is not published.", columns = ["contracts.initial_value", "contracts.current_value"] }

[[evidence]]
name = "opening_date"
unit = "date"
label = { pt = "Início de atividade da empresa", en = "Beginning of the company's activity" }

[[evidence]]
name = "signature_date"
unit = "date"
label = { pt = "Assinatura do contrato", en = "Signature of the contract" }

[[evidence]]
name = "days"
unit = "days"
label = { pt = "Dias entre as duas", en = "Days between the two" }

[[evidence]]
name = "worth"
unit = "BRL"
label = { pt = "Valor do contrato", en = "Value of the contract" }

[[evidence]]
name = "activity"
unit = "text"
label = { pt = "CNAE principal da matriz", en = "Main activity (CNAE) of the head office" }

[[evidence]]
name = "oldest"
unit = "text"
label = { pt = "Estabelecimento mais antigo", en = "Oldest establishment" }

[[evidence]]
name = "reference_date"
unit = "date"
label = { pt = "Dia do cadastro", en = "Day of the register" }

[[evidence]]
name = "supplier_id"
unit = "text"
label = { pt = "CNPJ", en = "CNPJ" }

[[evidence]]
name = "supplier_name"
unit = "text"
label = { pt = "Fornecedor", en = "Supplier" }
*/
WITH heads AS (
    SELECT root, min(opening_date) AS opening_date, min(activity) AS activity
    FROM establishments
    WHERE head_office
    GROUP BY root
),
-- The seat of a company may have moved to a younger establishment: the oldest tells when it began.
oldest AS (
    SELECT root, establishment_id, opening_date, reference_date
    FROM (
        SELECT *, row_number() OVER (PARTITION BY root ORDER BY opening_date, establishment_id) AS place
        FROM establishments
        WHERE opening_date IS NOT NULL
    )
    WHERE place = 1
),
known AS (
    SELECT DISTINCT root FROM establishments
),
judged AS (
    SELECT
        c.contract_id,
        c.in_scope,
        c.supplier_id,
        c.supplier_name,
        c.signature_date,
        coalesce(c.initial_value, c.current_value) AS worth,
        h.activity,
        o.establishment_id,
        o.opening_date,
        o.reference_date,
        CAST(c.signature_date AS INT) - CAST(o.opening_date AS INT) AS days,
        coalesce(
            cnpj_unfit(c.supplier_key, c.supplier_kind, c.supplier_check),
            CASE
                -- Public bodies are founded, split and merged by law.
                WHEN is_public_body(c.supplier_kind, c.supplier_name) THEN 'public_body'
                WHEN c.signature_date IS NULL THEN 'no_signature_date'
                WHEN r.establishments = 0 THEN 'register_not_taken_in'
                WHEN k.root IS NULL THEN 'company_unknown'
                WHEN h.opening_date IS NULL THEN 'head_office_unknown'
                WHEN o.opening_date > c.signature_date THEN 'opened_later'
                WHEN CAST(c.signature_date AS INT) - CAST(o.opening_date AS INT) > $low_days THEN 'clear'
                WHEN coalesce(c.initial_value, c.current_value) IS NULL THEN 'no_value'
                WHEN coalesce(c.initial_value, c.current_value) < $min_value THEN 'small_contract'
                ELSE 'fired'
            END
        ) AS verdict
    FROM contracts c
    CROSS JOIN register_content r
    LEFT JOIN known k ON k.root = left(c.supplier_id, 8)
    LEFT JOIN heads h ON h.root = left(c.supplier_id, 8)
    LEFT JOIN oldest o ON o.root = left(c.supplier_id, 8)
)
SELECT
    contract_id AS subject,
    CASE WHEN verdict IN ('fired', 'clear') THEN verdict WHEN verdict = 'small_contract' THEN 'clear' ELSE 'not_evaluable' END AS outcome,
    CASE WHEN verdict NOT IN ('fired', 'clear') THEN verdict END AS reason,
    CASE WHEN verdict <> 'fired' THEN NULL WHEN days <= $high_days THEN 'high' WHEN days <= $medium_days THEN 'medium' ELSE 'low' END AS severity,
    in_scope,
    make_array(contract_id) AS contract_ids,
    CASE WHEN verdict = 'fired' THEN make_array(establishment_id) END AS establishment_ids,
    CASE WHEN verdict = 'fired' THEN worth END AS amount,
    opening_date,
    signature_date,
    days,
    worth,
    activity,
    establishment_id AS oldest,
    reference_date,
    supplier_id,
    supplier_name
FROM judged
