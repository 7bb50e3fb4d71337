/*
id = "sanctioned_supplier"
version = "1.2.0"
strength = "legal"
scope = "single"
reference = "OCP R046"
legal_basis = "Lei 14.133/2021 art. 14 III, 91 §4, 156 III-V; Lei 8.666/1993 art. 87 III-IV; Lei 10.520/2002 art. 7; Lei 8.443/1992 art. 46; Lei 8.429/1992 art. 12; Lei 13.303/2016 art. 38"
tags = ["sanction"]
groups = ["supplier", "sanction"]
tables = ["contracts", "sanctions", "tenders"]

[title]
pt = "Fornecedor com sanção em vigor que alcança o comprador"
en = "Supplier under a sanction in force that covers the buyer"

[explanation]
pt = "O fornecedor consta no CEIS ou no CNEP com sanção que impede contratar, em vigor no dia da assinatura (ou no da abertura da licitação), e o alcance legal da sanção e a abrangência publicada cobrem o comprador. Multas, publicação da decisão, acordos de leniência e o CEPIM não impedem contratar e nunca contam."
en = "The supplier is in CEIS or CNEP with a sanction that bars from contracting, in force on the day of signature (or on that of the opening of bids), and both the legal reach of the sanction and the published scope cover the buyer. Fines, publication of the decision, leniency agreements and CEPIM bar nobody from contracts and never count."

[severity]
pt = "Crítica se a sanção vale para todas as esferas; alta se vale para o ente ou o órgão do comprador; média se a sanção é de outro estabelecimento da mesma empresa ou se só estava em vigor na abertura da licitação."
en = "Critical if the sanction holds for every sphere; high if it holds for the buyer's entity or body; medium if it is of another establishment of the same company, or was in force at the opening of bids only."

[text]
pt = "Contrato assinado em {signature_date|date} com {supplier_name|text}. O cadastro {list|text} traz, para {match|text}, a sanção “{category|text}” de {body|text}, de {start_date|date} a {end_date|date}, em vigor {in_force_at|text}; alcance: {reach|text}. Processo da sanção: {process_number|text}. A sanção pode ter sido suspensa por decisão judicial ou revista: é um indício a conferir no cadastro e no processo."
en = "Contract signed on {signature_date|date} with {supplier_name|text}. The list {list|text} has, for {match|text}, the sanction “{category|text}” by {body|text}, from {start_date|date} to {end_date|date}, in force {in_force_at|text}; reach: {reach|text}. Case of the sanction: {process_number|text}. The sanction may have been suspended by a court or reviewed: this is an indication to check in the list and in the case file."

[false_positives]
pt = ["Sanção suspensa por liminar, revista ou com reabilitação que o cadastro ainda não mostra.", "Contrato que decorre de ata ou de licitação homologada antes da sanção, que o órgão manteve.", "Órgão sancionador de outro ente com o mesmo nome.", "Data de assinatura publicada com erro."]
en = ["A sanction suspended by a court, reviewed or with rehabilitation that the list does not show yet.", "A contract that comes of a price register or a tender concluded before the sanction, which the buyer kept.", "A sanctioning body of another entity with the same name.", "A day of signature published with an error."]

[[parameters]]
name = "open_days"
value = "730"
unit = "days"
legal_basis = "Lei 8.666/1993 art. 87 III-IV; Lei 14.133/2021 art. 156 §5"
label = { pt = "Dias em que uma inidoneidade sem fim publicado certamente vale", en = "Days for which a declaration without a published end holds for sure" }

[reasons.supplier_secret]
outcome = "not_evaluable"
pt = "A fonte mantém o fornecedor em sigilo ou não o informa."
en = "The source keeps the supplier secret or gives none."
columns = ["contracts.supplier_id"]

[reasons.no_tax_id]
outcome = "not_evaluable"
pt = "O identificador do fornecedor não é CPF nem CNPJ."
en = "The supplier's id is neither a CPF nor a CNPJ."

[reasons.tax_id_invalid]
outcome = "not_evaluable"
pt = "Os dígitos do CPF ou CNPJ do fornecedor não conferem: não se sabe quem é."
en = "The digits of the supplier's CPF or CNPJ do not agree: who it is is not known."

[reasons.no_signature_date]
outcome = "not_evaluable"
pt = "Sem data de assinatura."
en = "No day of signature."
columns = ["contracts.signature_date"]

[reasons.list_not_taken_in]
outcome = "not_evaluable"
pt = "O CEIS não foi importado."
en = "CEIS was not taken in."

[reasons.list_too_old]
outcome = "not_evaluable"
pt = "O CEIS importado é anterior à assinatura."
en = "The CEIS that was taken in is older than the signature."

[reasons.identity_unsure]
outcome = "not_evaluable"
pt = "Há sanção que pode ser do fornecedor, mas o CPF foi publicado mascarado ou o número não confere."
en = "There is a sanction that may be the supplier's, but the CPF was published masked or the number does not agree."

[reasons.sanction_without_start]
outcome = "not_evaluable"
pt = "A sanção não tem data de início."
en = "The sanction has no first day."

[reasons.suspension_scope_disputed]
outcome = "not_evaluable"
pt = "Suspensão do art. 87 III da Lei 8.666/1993 aplicada por outro órgão: se vale além dele é controverso (TCU e STJ divergem)."
en = "Suspension under art. 87 III of Lei 8.666/1993 by another body: whether it holds beyond that body is disputed (TCU and STJ differ)."

[reasons.scope_unclear]
outcome = "not_evaluable"
pt = "Não se sabe se a sanção alcança o comprador: fundamento ou abrangência não publicados, em desacordo, ou ente não identificado."
en = "Whether the sanction covers the buyer is not known: legal basis or scope not published, at odds, or the entity not identified."

[reasons.state_company]
outcome = "not_evaluable"
pt = "O comprador é empresa estatal e a sanção é de outro órgão: o art. 38 da Lei 13.303/2016 não a traz entre as que impedem contratar com ela."
en = "The buyer is a state company and the sanction is of another body: art. 38 of Lei 13.303/2016 does not have it among those that bar from its contracts."

[reasons.open_ended]
outcome = "not_evaluable"
pt = "A sanção não tem data final publicada: não se sabe se ainda valia."
en = "The sanction has no published end: whether it still held is not known."

[reasons.published_later]
outcome = "not_evaluable"
pt = "A sanção foi publicada depois do dia em questão."
en = "The sanction was published after the day in question."

[reasons.judgment_not_final]
outcome = "not_evaluable"
pt = "Condenação por improbidade sem trânsito em julgado publicado até a assinatura (Lei 8.429/1992 art. 12 §9)."
en = "Conviction for improbity without a published final judgment by the signature (Lei 8.429/1992 art. 12 §9)."

[reasons.covid_waiver]
outcome = "not_evaluable"
pt = "Contrato da Lei 13.979/2020, que admitia fornecedor único sancionado (art. 4 §3)."
en = "Contract under Lei 13.979/2020, which admitted a sanctioned sole supplier (art. 4 §3)."

[[evidence]]
name = "sanction"
unit = "text"
label = { pt = "Registro da sanção", en = "Entry of the sanction" }

[[evidence]]
name = "list"
unit = "text"
label = { pt = "Cadastro", en = "List" }
words = { ceis = { pt = "CEIS", en = "CEIS" }, cnep = { pt = "CNEP", en = "CNEP" } }

[[evidence]]
name = "category"
unit = "text"
label = { pt = "Categoria da sanção", en = "Category of the sanction" }

[[evidence]]
name = "basis"
unit = "text"
label = { pt = "Fundamentação legal publicada", en = "Published legal basis" }

[[evidence]]
name = "reach"
unit = "text"
label = { pt = "Alcance aplicado", en = "Reach applied" }
words = { national = { pt = "todas as esferas (inidoneidade)", en = "every sphere (declaration of unfitness)" }, federal = { pt = "administração federal (Lei 8.443/1992 art. 46)", en = "federal administration (Lei 8.443/1992 art. 46)" }, entity = { pt = "ente que aplicou a sanção (impedimento)", en = "entity that imposed it (impediment)" }, body = { pt = "órgão ou empresa que aplicou a sanção", en = "body or company that imposed it" }, disputed = { pt = "órgão que aplicou a suspensão", en = "body that imposed the suspension" }, published = { pt = "conforme a abrangência publicada", en = "as the published scope says" }, judicial = { pt = "condenação judicial, conforme a abrangência publicada", en = "court conviction, as the published scope says" } }

[[evidence]]
name = "published_scope"
unit = "text"
label = { pt = "Abrangência publicada", en = "Published scope" }

[[evidence]]
name = "body"
unit = "text"
label = { pt = "Órgão sancionador", en = "Sanctioning body" }

[[evidence]]
name = "process_number"
unit = "text"
label = { pt = "Processo da sanção", en = "Case of the sanction" }

[[evidence]]
name = "start_date"
unit = "date"
label = { pt = "Início da sanção", en = "First day of the sanction" }

[[evidence]]
name = "end_date"
unit = "date"
label = { pt = "Fim da sanção", en = "Last day of the sanction" }

[[evidence]]
name = "publication_date"
unit = "date"
label = { pt = "Publicação da sanção", en = "Publication of the sanction" }

[[evidence]]
name = "signature_date"
unit = "date"
label = { pt = "Assinatura do contrato", en = "Signature of the contract" }

[[evidence]]
name = "bid_date"
unit = "date"
label = { pt = "Abertura da licitação", en = "Opening of bids" }

[[evidence]]
name = "in_force_at"
unit = "text"
label = { pt = "Em vigor", en = "In force" }
words = { signature = { pt = "na assinatura", en = "at the signature" }, bid = { pt = "na abertura da licitação, não na assinatura", en = "at the opening of bids, not at the signature" } }

[[evidence]]
name = "days_in_force"
unit = "days"
label = { pt = "Dias da sanção até então", en = "Days of the sanction until then" }

[[evidence]]
name = "match"
unit = "text"
label = { pt = "Identificação", en = "Match" }
words = { same = { pt = "o mesmo CPF ou CNPJ", en = "the same CPF or CNPJ" }, branch = { pt = "outro estabelecimento da mesma empresa (a mesma raiz de CNPJ, outro número de ordem)", en = "another establishment of the same company (the same root of the CNPJ, another number behind it)" } }

[[evidence]]
name = "supplier_name"
unit = "text"
label = { pt = "Fornecedor", en = "Supplier" }

[[evidence]]
name = "sanctions"
unit = "count"
label = { pt = "Sanções nessa situação", en = "Sanctions in this situation" }
*/
WITH taken_in AS (
    SELECT
        count(*) AS entries,
        max(CASE
            WHEN regexp_like(source_file, '^[0-9]{8}_')
            THEN TRY_CAST(substr(source_file, 1, 4) || '-' || substr(source_file, 5, 2) || '-' || substr(source_file, 7, 2) AS DATE)
        END) AS list_day
    FROM sanctions
    WHERE list = 'ceis'
),
listed AS (
    SELECT
        sanction_id, list, person_kind, person_id, person_key, person_check, category, legal_basis, scope, body, body_sphere,
        process_number, start_date, end_date, publication_date, final_judgment_date,
        fold(coalesce(category, '')) AS what,
        fold(coalesce(category, '') || ' ' || coalesce(legal_basis, '')) AS law_text,
        fold(coalesce(scope, '')) AS scope_folded,
        fold(coalesce(body, '')) AS body_folded
    FROM sanctions
    WHERE list IN ('ceis', 'cnep') AND person_kind IN ('cnpj', 'cpf')
),
-- How far each sanction reaches by the law that it rests on.
bars AS (
    SELECT
        *,
        CASE
            -- Lei 12.846/2013: fines, publication, ban on subsidies, suspension of activities.
            WHEN what LIKE '%multa%' OR what LIKE '%publicacao extraordinaria%' OR what LIKE '%advertencia%' THEN 'punishment'
            WHEN what NOT LIKE '%inidone%' AND regexp_like(law_text, '\b12 ?846\b') THEN 'punishment'
            WHEN regexp_like(law_text, '\b8 ?429\b|\bimprobidade\b') THEN 'judicial'
            WHEN what LIKE '%inidone%' AND (regexp_like(law_text, '\b8 ?443\b|\btcu\b') OR body_folded LIKE 'tribunal de contas da uniao%') THEN 'federal'
            WHEN what LIKE '%inidone%' AND regexp_like(law_text, '\b8 ?666\b|\b14 ?133\b|\blei de licitacoes\b') THEN 'national'
            WHEN regexp_like(law_text, '\b13 ?303\b') THEN 'body'
            WHEN what LIKE '%suspens%' AND regexp_like(law_text, '\b8 ?666\b|\blei de licitacoes\b') THEN 'disputed'
            WHEN regexp_like(law_text, '\b10 ?520\b|\b12 ?462\b|\blei do pregao\b|\brdc\b') THEN 'entity'
            WHEN what LIKE '%impedimento%' AND regexp_like(law_text, '\b14 ?133\b') THEN 'entity'
            WHEN what LIKE '%inidone%' OR what LIKE '%impedimento%' OR what LIKE '%proibicao%' OR what LIKE '%suspens%' THEN 'published'
            ELSE 'unknown'
        END AS law
    FROM listed
),
signed AS (
    SELECT
        contract_id, in_scope, sphere, signature_date, supplier_kind, supplier_id, supplier_key, supplier_check, supplier_name,
        tender_id, legal_basis AS ground, object_folded,
        coalesce(current_value, initial_value) AS worth,
        left(fold(buyer_name), 40) AS buyer,
        left(fold(coalesce(organ_name, '')), 40) AS organ
    FROM contracts
    WHERE signature_date IS NOT NULL
),
-- All establishments of a company are one legal person and share the root of its CNPJ.
companies AS (
    SELECT
        c.*, b.*,
        CASE
            WHEN c.supplier_check <> 'valid' OR b.person_check <> 'valid' THEN 'unsure'
            WHEN c.supplier_id = b.person_id THEN 'same'
            ELSE 'branch'
        END AS identity
    FROM signed AS c
    JOIN bars AS b ON left(c.supplier_id, 8) = left(b.person_id, 8)
    WHERE c.supplier_kind = 'cnpj' AND b.person_kind = 'cnpj'
        AND (c.supplier_id = b.person_id OR (c.supplier_check = 'valid' AND b.person_check = 'valid'))
),
-- A CPF stands in the lake masked: only its key, made of all its digits, tells persons apart.
persons AS (
    SELECT
        c.*, b.*,
        CASE WHEN c.supplier_check = 'valid' AND b.person_check = 'valid' THEN 'same' ELSE 'unsure' END AS identity
    FROM signed AS c
    JOIN bars AS b ON c.supplier_id = b.person_id
    WHERE c.supplier_kind = 'cpf' AND b.person_kind = 'cpf'
        AND (c.supplier_key = b.person_key OR c.supplier_check <> 'valid' OR b.person_check <> 'valid')
),
placed AS (
    SELECT
        *,
        body_folded <> '' AND (left(body_folded, 40) = buyer OR left(body_folded, 40) = organ) AS same_body
    FROM (SELECT * FROM companies UNION ALL SELECT * FROM persons) AS pairs
),
in_entities AS (
    SELECT
        *,
        CASE
            WHEN same_body THEN 'yes'
            WHEN body_sphere = 'federal' AND sphere = 'federal' THEN 'yes'
            WHEN sphere IS NULL OR body_sphere IS NULL THEN 'unknown'
            -- Which state or town the buyer is of is not published.
            WHEN body_sphere = sphere THEN 'unknown'
            WHEN body_sphere IN ('federal', 'state', 'municipal') THEN 'no'
            ELSE 'unknown'
        END AS in_entity
    FROM placed
),
reaches AS (
    SELECT
        *,
        CASE law
            WHEN 'punishment' THEN 'no'
            WHEN 'national' THEN 'yes'
            WHEN 'federal' THEN CASE WHEN sphere = 'federal' THEN 'yes' WHEN sphere IS NULL THEN 'unknown' ELSE 'no' END
            WHEN 'entity' THEN in_entity
            WHEN 'body' THEN CASE WHEN same_body THEN 'yes' WHEN in_entity = 'no' THEN 'no' ELSE 'unknown' END
            WHEN 'disputed' THEN CASE WHEN same_body THEN 'yes' ELSE 'disputed' END
            WHEN 'unknown' THEN 'unknown'
            ELSE 'silent'
        END AS by_law,
        CASE
            WHEN scope_folded = '' THEN 'silent'
            WHEN scope_folded LIKE 'todas as esferas%' THEN 'yes'
            WHEN scope_folded IN ('em todos os poderes da esfera do orgao sancionador', 'na esfera em todos os poderes') THEN in_entity
            WHEN scope_folded = 'na esfera e no poder do orgao sancionador' THEN CASE
                WHEN same_body THEN 'yes'
                -- Other powers than the executive.
                WHEN in_entity = 'yes' AND regexp_like(
                    body_folded || ' / ' || buyer || ' / ' || organ,
                    '\btribunal\b|\bjuizo\b|\bvara\b|justica (federal|eleitoral|militar|estadual|do trabalho)|\bsenado\b|\bcamara\b|assembleia legislativa|ministerio publico|\bdefensoria\b|conselho nacional de justica'
                ) THEN 'unknown'
                ELSE in_entity
            END
            WHEN scope_folded = 'no orgao sancionador' THEN CASE WHEN same_body THEN 'yes' WHEN in_entity = 'no' THEN 'no' ELSE 'unknown' END
            ELSE 'unknown'
        END AS by_list
    FROM in_entities
),
covering AS (
    SELECT
        r.*,
        CASE
            WHEN by_law = 'no' THEN 'no'
            WHEN by_law = 'disputed' THEN 'disputed'
            WHEN by_law = 'yes' AND by_list IN ('yes', 'silent') THEN 'yes'
            WHEN by_law = 'silent' AND by_list IN ('yes', 'no') THEN by_list
            ELSE 'unknown'
        END AS covers,
        r.start_date <= r.signature_date AND (r.end_date IS NULL OR r.signature_date <= r.end_date) AS at_signature,
        t.bid_date
    FROM reaches AS r
    LEFT JOIN (
        -- A moment is read in the time of Brasília, three hours behind UTC.
        SELECT
            tender_id AS opened,
            min(coalesce(open_date, CAST(CASE WHEN period_end_clock = 'zoned' THEN period_end - INTERVAL '3' HOUR ELSE period_end END AS DATE))) AS bid_date
        FROM tenders
        GROUP BY tender_id
    ) AS t ON t.opened = r.tender_id
),
dated AS (
    SELECT
        *,
        -- An open end is judged at the signature only.
        coalesce(bid_date <= signature_date AND start_date <= bid_date AND bid_date <= end_date, false) AS at_bid
    FROM covering
),
verdicts AS (
    SELECT
        *,
        CASE
            WHEN covers = 'no' THEN 'clear'
            WHEN start_date IS NULL THEN 'sanction_without_start'
            WHEN NOT at_signature AND NOT at_bid THEN 'clear'
            WHEN identity = 'unsure' THEN 'identity_unsure'
            WHEN covers = 'disputed' THEN 'suspension_scope_disputed'
            WHEN covers = 'unknown' THEN 'scope_unclear'
            -- Lei 13.303/2016 art. 38: what bars from a state company is its own suspension, and a declaration of unfitness by
            -- the Union, a state or the entity that it belongs to.
            WHEN NOT same_body AND is_state_company(buyer, organ, ground)
                AND CASE
                    WHEN what LIKE '%inidone%' THEN law IN ('national', 'published') AND body_sphere = 'municipal'
                    ELSE law = 'entity'
                        OR (law = 'published' AND regexp_like(what, 'impedimento|suspens') AND NOT regexp_like(law_text, '\b12 ?529\b'))
                END THEN 'state_company'
            WHEN end_date IS NULL AND NOT (law = 'national' AND CAST(signature_date AS INT) - CAST(start_date AS INT) <= $open_days) THEN 'open_ended'
            WHEN publication_date > CASE WHEN at_signature THEN signature_date ELSE bid_date END THEN 'published_later'
            WHEN law = 'judicial' AND (final_judgment_date IS NULL OR final_judgment_date > signature_date) THEN 'judgment_not_final'
            WHEN coalesce(ground, '') LIKE '%13.979%' OR has_word(object_folded, '13 979') THEN 'covid_waiver'
            ELSE 'fired'
        END AS verdict,
        CASE
            WHEN identity = 'branch' OR NOT at_signature THEN 'medium'
            WHEN law = 'national' OR (law IN ('published', 'judicial') AND scope_folded LIKE 'todas as esferas%') THEN 'critical'
            ELSE 'high'
        END AS severity
    FROM dated
),
ranked AS (
    SELECT
        *,
        count(*) OVER (PARTITION BY contract_id, verdict) AS sanctions,
        row_number() OVER (
            PARTITION BY contract_id
            ORDER BY
                CASE verdict WHEN 'fired' THEN 0 WHEN 'clear' THEN 2 ELSE 1 END,
                CASE severity WHEN 'critical' THEN 0 WHEN 'high' THEN 1 ELSE 2 END,
                verdict,
                sanction_id
        ) AS place
    FROM verdicts
),
worst AS (
    SELECT contract_id AS judged_id, * EXCLUDE (contract_id) FROM ranked WHERE place = 1
),
answers AS (
    SELECT
        c.contract_id AS subject,
        CASE
            WHEN w.verdict <> 'clear' THEN w.verdict
            WHEN c.supplier_key IS NULL THEN 'supplier_secret'
            WHEN c.supplier_kind NOT IN ('cnpj', 'cpf') THEN 'no_tax_id'
            WHEN c.signature_date IS NULL THEN 'no_signature_date'
            WHEN c.supplier_check = 'invalid' THEN 'tax_id_invalid'
            WHEN i.entries = 0 THEN 'list_not_taken_in'
            WHEN i.list_day < c.signature_date THEN 'list_too_old'
            ELSE 'clear'
        END AS answer,
        c.in_scope AS of_plan,
        w.*
    FROM contracts AS c
    CROSS JOIN taken_in AS i
    LEFT JOIN worst AS w ON w.judged_id = c.contract_id
)
SELECT
    subject,
    CASE WHEN answer IN ('fired', 'clear') THEN answer ELSE 'not_evaluable' END AS outcome,
    CASE WHEN answer NOT IN ('fired', 'clear') THEN answer END AS reason,
    CASE WHEN answer = 'fired' THEN severity END AS severity,
    of_plan AS in_scope,
    make_array(subject) AS contract_ids,
    make_array(sanction_id) AS sanction_ids,
    worth AS amount,
    sanction_id AS sanction,
    list,
    category,
    legal_basis AS basis,
    law AS reach,
    scope AS published_scope,
    body,
    process_number,
    start_date,
    end_date,
    publication_date,
    signature_date,
    bid_date,
    CASE WHEN at_signature THEN 'signature' ELSE 'bid' END AS in_force_at,
    CAST(CASE WHEN at_signature THEN signature_date ELSE bid_date END AS INT) - CAST(start_date AS INT) AS days_in_force,
    identity AS match,
    supplier_name,
    sanctions
FROM answers
