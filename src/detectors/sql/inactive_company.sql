/*
id = "inactive_company"
version = "1.1.0"
strength = "legal"
scope = "single"
reference = "OCP R045"
legal_basis = "Lei 14.133/2021 art. 68 I; Lei 8.666/1993 art. 29 I; IN RFB 2.119/2022 art. 37-42"
tags = ["supplier_registration"]
groups = ["supplier"]
tables = ["contracts", "establishments", "register_content"]

[title]
pt = "Fornecedor com inscrição no CNPJ que não estava ativa na assinatura"
en = "Supplier whose CNPJ was not active at the signature"

[explanation]
pt = "No cadastro da Receita Federal o estabelecimento está suspenso, inapto, baixado ou com a inscrição nula, desde antes do dia da assinatura. O cadastro mostra só a última situação e a sua data: quem deixou de estar ativo no dia da assinatura ou depois não conta, e de quem voltou a estar ativo depois da assinatura não se sabe."
en = "In the register of companies the establishment is suspended, unfit, closed, or its registration void, since before the day of signature. The register shows the latest status and its day alone: who ceased to be active on the day of signature or later does not count, and of who became active again after the signature nothing is known."

[severity]
pt = "Sempre alta."
en = "Always high."

[text]
pt = "Contrato assinado em {signature_date|date} com {supplier_name|text} ({supplier_id|text}), cuja inscrição no CNPJ consta como {status|text} desde {status_date|date}, {days|int} dias antes, no cadastro de {reference_date|date}. Uma situação cadastral pode ter sido anotada com data retroativa ou por engano: é um indício a conferir no comprovante de inscrição."
en = "Contract signed on {signature_date|date} with {supplier_name|text} ({supplier_id|text}), whose registration stands as {status|text} since {status_date|date}, {days|int} days before, in the register of {reference_date|date}. A status may have been noted with an earlier day, or by mistake: this is an indication to check in the certificate of registration."

[false_positives]
pt = ["Situação anotada depois, com data retroativa (baixa de ofício, anulação).", "Inaptidão por omissão de declarações, já sanada e não atualizada.", "Filial baixada por incorporação, com o contrato assumido por outro estabelecimento.", "Data de assinatura publicada com erro."]
en = ["A status noted later with an earlier day (closed or annulled ex officio).", "Unfit for missing declarations, since made good and not updated.", "A branch closed by merger, whose contract another establishment took over.", "A day of signature published with an error."]

[reasons]
became_inactive_later = { outcome = "clear", pt = "A inscrição deixou de estar ativa no dia da assinatura ou depois.", en = "The registration ceased to be active on the day of signature or later." }
supplier_secret = { outcome = "not_evaluable", pt = "A fonte mantém o fornecedor em sigilo ou não o informa.", en = "The source keeps the supplier secret or gives none.", columns = ["contracts.supplier_id"] }
supplier_is_person = { outcome = "not_evaluable", pt = "O fornecedor é pessoa física.", en = "The supplier is a natural person." }
no_tax_id = { outcome = "not_evaluable", pt = "O identificador do fornecedor não é CNPJ.", en = "The supplier's id is no CNPJ." }
tax_id_invalid = { outcome = "not_evaluable", pt = "Os dígitos do CNPJ do fornecedor não conferem: não se sabe quem é.", en = "The digits of the supplier's CNPJ do not agree: who it is is not known." }
no_signature_date = { outcome = "not_evaluable", pt = "Sem data de assinatura.", en = "No day of signature.", columns = ["contracts.signature_date"] }
register_not_taken_in = { outcome = "not_evaluable", pt = "O cadastro de estabelecimentos da Receita Federal não foi importado.", en = "The register of establishments was not taken in." }
company_unknown = { outcome = "not_evaluable", pt = "O estabelecimento não consta no cadastro importado.", en = "The establishment is not in the register that was taken in." }
register_undated = { outcome = "not_evaluable", pt = "O nome do arquivo do cadastro não diz de que dia ele é.", en = "The name of the file of the register does not say of which day it is." }
register_too_old = { outcome = "not_evaluable", pt = "O cadastro importado é anterior à assinatura.", en = "The register that was taken in is older than the signature." }
status_undated = { outcome = "not_evaluable", pt = "A situação cadastral não tem data.", en = "The status has no day.", columns = ["establishments.registration_status_date"] }
active_since_later = { outcome = "not_evaluable", pt = "A situação ativa é posterior à assinatura: qual era antes não se sabe.", en = "The registration is active since after the signature: what it was before is not known." }

[[evidence]]
name = "status"
unit = "text"
label = { pt = "Situação cadastral", en = "Registration status" }
words = { void = { pt = "nula", en = "void" }, suspended = { pt = "suspensa", en = "suspended" }, unfit = { pt = "inapta", en = "unfit" }, closed = { pt = "baixada", en = "closed" } }

[[evidence]]
name = "status_date"
unit = "date"
label = { pt = "Data da situação cadastral", en = "Day of the status" }

[[evidence]]
name = "status_reason"
unit = "text"
label = { pt = "Código do motivo da situação", en = "Code of the reason of the status" }

[[evidence]]
name = "signature_date"
unit = "date"
label = { pt = "Assinatura do contrato", en = "Signature of the contract" }

[[evidence]]
name = "days"
unit = "days"
label = { pt = "Dias entre as duas", en = "Days between the two" }

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
WITH judged AS (
    SELECT
        c.contract_id,
        c.in_scope,
        c.supplier_id,
        c.supplier_name,
        c.signature_date,
        coalesce(c.current_value, c.initial_value) AS worth,
        e.establishment_id,
        e.registration_status,
        e.registration_status_date,
        e.registration_status_reason,
        e.reference_date,
        coalesce(
            cnpj_unfit(c.supplier_key, c.supplier_kind, c.supplier_check),
            CASE
                WHEN c.signature_date IS NULL THEN 'no_signature_date'
                WHEN r.establishments = 0 THEN 'register_not_taken_in'
                WHEN e.establishment_id IS NULL THEN 'company_unknown'
                WHEN e.reference_date IS NULL THEN 'register_undated'
                WHEN e.reference_date < c.signature_date THEN 'register_too_old'
                WHEN e.registration_status_date IS NULL THEN 'status_undated'
                WHEN e.registration_status = 'active' THEN CASE WHEN e.registration_status_date > c.signature_date THEN 'active_since_later' ELSE 'clear' END
                WHEN e.registration_status_date >= c.signature_date THEN 'became_inactive_later'
                ELSE 'fired'
            END
        ) AS verdict
    FROM contracts c
    CROSS JOIN register_content r
    LEFT JOIN establishments e ON e.establishment_id = c.supplier_id
)
SELECT
    contract_id AS subject,
    CASE WHEN verdict IN ('fired', 'clear') THEN verdict WHEN verdict = 'became_inactive_later' THEN 'clear' ELSE 'not_evaluable' END AS outcome,
    CASE WHEN verdict NOT IN ('fired', 'clear') THEN verdict END AS reason,
    CASE WHEN verdict = 'fired' THEN 'high' END AS severity,
    in_scope,
    make_array(contract_id) AS contract_ids,
    CASE WHEN verdict = 'fired' THEN make_array(establishment_id) END AS establishment_ids,
    worth AS amount,
    registration_status AS status,
    registration_status_date AS status_date,
    registration_status_reason AS status_reason,
    signature_date,
    CAST(signature_date AS INT) - CAST(registration_status_date AS INT) AS days,
    reference_date,
    supplier_id,
    supplier_name
FROM judged
