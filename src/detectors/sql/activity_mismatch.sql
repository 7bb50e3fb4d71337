/*
id = "activity_mismatch"
version = "1.1.0"
strength = "statistical"
scope = "single"
reference = "Tá de Pé, alert 2"
legal_basis = "Lei 14.133/2021 art. 66, 67"
tags = ["supplier_activity"]
groups = ["supplier"]
tables = ["contracts", "lines_of_business", "establishments", "register_content"]

[title]
pt = "Fornecedor de atividade alheia ao que vendeu"
en = "Supplier whose activities are foreign to what it sold"

[explanation]
pt = "Dos contratos do mesmo ramo (a descrição do item principal) com outros fornecedores, no máximo {max_share|exact} são com empresas que têm algum dos grupos de CNAE (três dígitos) do fornecedor, contadas as atividades principais e secundárias de todos os estabelecimentos. O ramo precisa de {min_contracts|exact} contratos de outros e {min_suppliers|exact} outros fornecedores no cadastro. Quem tem atividade genérica, que vende de tudo, não é julgado: representação e comércio não especializado (4619, 469, 471, 4789), consultoria em gestão (7020), serviços profissionais e às empresas não especificados (7490, 829), apoio a edifícios e a escritórios (811, 821)."
en = "Of the contracts of the same line of business (the description of the main item) with other suppliers, at most {max_share|exact} are with companies that have one of the supplier's groups of activities (CNAE, three digits), main and secondary ones of all its establishments. The line needs {min_contracts|exact} contracts of others, and {min_suppliers|exact} other suppliers in the register. Who has a generic activity, which sells everything, is not judged: agents and non-specialised trade (4619, 469, 471, 4789), management consultancy (7020), professional and business services not specified elsewhere (7490, 829), support to buildings and offices (811, 821)."

[severity]
pt = "Baixa; média se também nenhuma divisão de CNAE (dois dígitos) do fornecedor passa dessa parcela."
en = "Low; medium if no division of activities (CNAE, two digits) of the supplier is above that share either."

[text]
pt = "{supplier_name|text} ({supplier_id|text}), cuja atividade principal é o CNAE {activity|text}, foi contratada para “{line|text}”. De {others|int} contratos desse ramo com {suppliers|int} outros fornecedores, {matching|int} são com empresas de algum dos seus grupos de CNAE; o mais comum no ramo é o {top_group|text}. O cadastro de {reference_date|date} mostra as atividades do seu dia, e a lei não limita a empresa ao CNAE: é um indício a conferir com o objeto social e a habilitação."
en = "{supplier_name|text} ({supplier_id|text}), whose main activity is CNAE {activity|text}, was contracted for “{line|text}”. Of {others|int} contracts of that line with {suppliers|int} other suppliers, {matching|int} are with companies of one of its groups of activities; the most common one in the line is {top_group|text}. The register of {reference_date|date} shows the activities of its day, and no law confines a company to its CNAE: this is an indication to check against its statutes and qualification."

[false_positives]
pt = ["Empresa que mudou de atividade depois do contrato.", "Objeto social mais amplo que o CNAE cadastrado.", "Ramo descrito por palavras que servem a coisas diversas.", "Fabricante ou importador único."]
en = ["A company that changed its activity after the contract.", "Statutes wider than the registered activities.", "A line described in words that fit different things.", "A sole maker or importer."]

[[parameters]]
name = "max_share"
value = "0.01"
unit = "ratio"
max = "1"
label = { pt = "Parcela dos contratos do ramo até a qual conta", en = "Share of the line's contracts up to which it counts" }

[[parameters]]
name = "min_contracts"
value = "30"
unit = "count"
min = "10"
label = { pt = "Contratos mínimos de outros no ramo", en = "Fewest contracts of others in the line" }

[[parameters]]
name = "min_suppliers"
value = "10"
unit = "count"
min = "2"
label = { pt = "Outros fornecedores mínimos no ramo", en = "Fewest other suppliers in the line" }

[reasons]
supplier_secret = { outcome = "not_evaluable", pt = "A fonte mantém o fornecedor em sigilo ou não o informa.", en = "The source keeps the supplier secret or gives none.", columns = ["contracts.supplier_id"] }
supplier_is_person = { outcome = "not_evaluable", pt = "O fornecedor é pessoa física.", en = "The supplier is a natural person." }
no_tax_id = { outcome = "not_evaluable", pt = "O identificador do fornecedor não é CNPJ.", en = "The supplier's id is no CNPJ." }
tax_id_invalid = { outcome = "not_evaluable", pt = "Os dígitos do CNPJ do fornecedor não conferem: não se sabe quem é.", en = "The digits of the supplier's CNPJ do not agree: who it is is not known." }
public_body = { outcome = "not_evaluable", pt = "O fornecedor é órgão ou entidade pública.", en = "The supplier is a public body." }
line_unknown = { outcome = "not_evaluable", pt = "O contrato não tem item que diga o ramo.", en = "No item of the contract tells the line of business." }
register_not_taken_in = { outcome = "not_evaluable", pt = "O cadastro de estabelecimentos da Receita Federal não foi importado.", en = "The register of establishments was not taken in." }
company_unknown = { outcome = "not_evaluable", pt = "A empresa não consta no cadastro importado.", en = "The company is not in the register that was taken in." }
activity_unknown = { outcome = "not_evaluable", pt = "O cadastro não informa a atividade da empresa.", en = "The register does not tell the company's activity.", columns = ["establishments.activity"] }
generic_activity = { outcome = "not_evaluable", pt = "A empresa tem atividade genérica, que vende de tudo.", en = "The company has a generic activity, which sells everything." }
class_too_small = { outcome = "not_evaluable", pt = "O ramo tem menos de {min_contracts|exact} contratos de outros fornecedores do cadastro.", en = "The line has fewer than {min_contracts|exact} contracts of other suppliers of the register." }
too_few_suppliers = { outcome = "not_evaluable", pt = "O ramo tem menos de {min_suppliers|exact} outros fornecedores do cadastro.", en = "The line has fewer than {min_suppliers|exact} other suppliers of the register." }

[[evidence]]
name = "line"
unit = "text"
label = { pt = "Ramo", en = "Line of business" }

[[evidence]]
name = "others"
unit = "count"
label = { pt = "Contratos do ramo com outros fornecedores", en = "Contracts of the line with other suppliers" }

[[evidence]]
name = "suppliers"
unit = "count"
label = { pt = "Outros fornecedores do ramo", en = "Other suppliers of the line" }

[[evidence]]
name = "matching"
unit = "count"
label = { pt = "Contratos com algum grupo de CNAE do fornecedor", en = "Contracts with one of the supplier's groups of activities" }

[[evidence]]
name = "share"
unit = "ratio"
label = { pt = "Parcela", en = "Share" }

[[evidence]]
name = "activity"
unit = "text"
label = { pt = "CNAE principal", en = "Main activity (CNAE)" }

[[evidence]]
name = "top_group"
unit = "text"
label = { pt = "Grupo de CNAE mais comum no ramo", en = "Most common group of activities in the line" }

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
WITH codes AS (
    SELECT DISTINCT root, trim(code) AS code
    FROM (
        SELECT root, activity AS code FROM establishments WHERE activity IS NOT NULL
        UNION ALL
        SELECT root, unnest(string_to_array(other_activities, ',')) AS code FROM establishments WHERE other_activities IS NOT NULL
    )
    WHERE regexp_like(trim(code), '^[0-9]{7}\z')
),
-- Who can be told from others by what it does.
telling AS (
    SELECT root, bool_or(regexp_like(code, '^(4619|469|471|4789|7020|7490|811|821|829)')) AS generic
    FROM codes
    GROUP BY root
),
known AS (
    SELECT root, min(establishment_id) AS establishment_id, max(reference_date) AS reference_date
    FROM establishments
    GROUP BY root
),
sold AS (
    SELECT c.contract_id, l.line, left(c.supplier_id, 8) AS root
    FROM contracts c
    JOIN lines_of_business l ON l.buyer_id = c.buyer_id AND l.number = c.number
    JOIN telling t ON t.root = left(c.supplier_id, 8)
    WHERE cnpj_unfit(c.supplier_key, c.supplier_kind, c.supplier_check) IS NULL
),
-- Contracts of each company in each line.
own AS (
    SELECT line, root, count(*) AS contracts FROM sold GROUP BY line, root
),
lines AS (
    SELECT line, CAST(sum(contracts) AS BIGINT) AS contracts, count(*) AS suppliers
    FROM own
    GROUP BY line
    HAVING sum(contracts) >= $min_contracts
),
groups AS (
    SELECT DISTINCT root, left(code, 3) AS activity_group FROM codes
),
divisions AS (
    SELECT DISTINCT root, left(code, 2) AS division FROM codes
),
by_group AS (
    SELECT o.line, g.activity_group, CAST(sum(o.contracts) AS BIGINT) AS contracts
    FROM own o
    JOIN lines l ON l.line = o.line
    JOIN groups g ON g.root = o.root
    GROUP BY o.line, g.activity_group
),
by_division AS (
    SELECT o.line, d.division, CAST(sum(o.contracts) AS BIGINT) AS contracts
    FROM own o
    JOIN lines l ON l.line = o.line
    JOIN divisions d ON d.root = o.root
    GROUP BY o.line, d.division
),
top_groups AS (
    SELECT line, activity_group
    FROM (SELECT *, row_number() OVER (PARTITION BY line ORDER BY contracts DESC, activity_group) AS place FROM by_group)
    WHERE place = 1
),
-- Its own contracts count for neither side.
of_company AS (
    SELECT o.line, o.root, max(b.contracts) - min(o.contracts) AS matching
    FROM own o
    JOIN groups g ON g.root = o.root
    JOIN by_group b ON b.line = o.line AND b.activity_group = g.activity_group
    GROUP BY o.line, o.root
),
of_company_wide AS (
    SELECT o.line, o.root, max(b.contracts) - min(o.contracts) AS matching
    FROM own o
    JOIN divisions d ON d.root = o.root
    JOIN by_division b ON b.line = o.line AND b.division = d.division
    GROUP BY o.line, o.root
),
measured AS (
    SELECT
        c.contract_id,
        c.in_scope,
        c.supplier_id,
        c.supplier_name,
        coalesce(c.current_value, c.initial_value) AS worth,
        b.line,
        k.establishment_id,
        k.reference_date,
        coalesce(e.activity, h.activity) AS activity,
        t.generic,
        p.activity_group AS top_group,
        coalesce(l.contracts, 0) - coalesce(o.contracts, 0) AS others,
        coalesce(l.suppliers, 0) - 1 AS suppliers,
        m.matching,
        w.matching AS matching_wide,
        coalesce(
            cnpj_unfit(c.supplier_key, c.supplier_kind, c.supplier_check),
            CASE
                WHEN is_public_body(c.supplier_kind, c.supplier_name) THEN 'public_body'
                WHEN b.line IS NULL THEN 'line_unknown'
                WHEN k.root IS NULL THEN 'company_unknown'
                WHEN t.root IS NULL THEN 'activity_unknown'
                WHEN t.generic THEN 'generic_activity'
            END
        ) AS unfit
    FROM contracts c
    CROSS JOIN register_content r
    LEFT JOIN lines_of_business b ON b.buyer_id = c.buyer_id AND b.number = c.number
    LEFT JOIN known k ON k.root = left(c.supplier_id, 8)
    LEFT JOIN telling t ON t.root = left(c.supplier_id, 8)
    LEFT JOIN establishments e ON e.establishment_id = c.supplier_id
    LEFT JOIN (SELECT root, min(activity) AS activity FROM establishments WHERE head_office GROUP BY root) h ON h.root = left(c.supplier_id, 8)
    LEFT JOIN lines l ON l.line = b.line
    LEFT JOIN top_groups p ON p.line = b.line
    LEFT JOIN own o ON o.line = b.line AND o.root = left(c.supplier_id, 8)
    LEFT JOIN of_company m ON m.line = b.line AND m.root = left(c.supplier_id, 8)
    LEFT JOIN of_company_wide w ON w.line = b.line AND w.root = left(c.supplier_id, 8)
    WHERE r.establishments > 0
),
-- Without a register there is nothing to join.
unregistered AS (
    SELECT
        c.contract_id,
        c.in_scope,
        coalesce(
            cnpj_unfit(c.supplier_key, c.supplier_kind, c.supplier_check),
            CASE
                WHEN is_public_body(c.supplier_kind, c.supplier_name) THEN 'public_body'
                ELSE 'register_not_taken_in'
            END
        ) AS verdict
    FROM contracts c
    CROSS JOIN register_content r
    WHERE r.establishments = 0
),
judged AS (
    SELECT
        *,
        CASE
            WHEN unfit IS NOT NULL THEN unfit
            WHEN others < $min_contracts THEN 'class_too_small'
            WHEN suppliers < $min_suppliers THEN 'too_few_suppliers'
            WHEN matching <= others * $max_share THEN 'fired'
            ELSE 'clear'
        END AS verdict
    FROM measured
)
SELECT
    contract_id AS subject,
    CASE WHEN verdict IN ('fired', 'clear') THEN verdict ELSE 'not_evaluable' END AS outcome,
    CASE WHEN verdict NOT IN ('fired', 'clear') THEN verdict END AS reason,
    CASE WHEN verdict <> 'fired' THEN NULL WHEN matching_wide <= others * $max_share THEN 'medium' ELSE 'low' END AS severity,
    in_scope,
    make_array(contract_id) AS contract_ids,
    CASE WHEN verdict = 'fired' THEN make_array(establishment_id) END AS establishment_ids,
    CASE WHEN verdict = 'fired' THEN worth END AS amount,
    line,
    others,
    suppliers,
    matching,
    CASE WHEN others > 0 THEN CAST(matching AS DOUBLE) / CAST(others AS DOUBLE) END AS share,
    activity,
    top_group,
    reference_date,
    supplier_id,
    supplier_name
FROM judged
UNION ALL
SELECT
    contract_id, 'not_evaluable', verdict, NULL, in_scope,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM unregistered
