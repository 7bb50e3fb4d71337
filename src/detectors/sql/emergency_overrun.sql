/*
id = "emergency_overrun"
version = "1.2.0"
strength = "legal"
scope = "single"
reference = "OCP R010"
legal_basis = "Lei 14.133/2021 art. 75 VIII; Lei 8.666/1993 art. 24 IV"
tags = ["emergency", "direct_award"]
groups = ["direct_award", "emergency"]
tables = ["contracts"]
modalities = ["dispensa_licitacao"]

[title]
pt = "Contratação emergencial além do prazo legal"
en = "Emergency contract beyond the legal term"

[explanation]
pt = "A vigência de uma dispensa por emergência, ou de várias em seguida da mesma unidade e fornecedor com o mesmo processo ou objeto, passa de um ano (Lei 14.133/2021) ou de 180 dias (Lei 8.666/1993). Sem a lei publicada, só conta o que passa dos dois prazos."
en = "The term of an emergency dispensa, or of several in a row of one unit and supplier with the same process or object, is above one year (Lei 14.133/2021) or 180 days (Lei 8.666/1993). Without a published law only what is above both counts."

[severity]
pt = "Alta se um contrato passa sozinho do prazo e o fundamento é publicado; média se a emergência foi lida do objeto ou os contratos foram somados."
en = "High if one contract alone is above the term and the ground is published; medium if the emergency was read from the object or contracts were joined."

[text]
pt = "{contracts|int} contrato(s) por emergência, de {first_day|date} a {last_day|date}: {days|int} dias, acima do limite de {limit_days|int} dias. Fundamento publicado: {ground_published|text}. A lei conta o prazo da ocorrência da emergência; quanto à Lei 14.133/2021, o STF admitiu na ADI 6890 recontratar dentro de um ano. É um indício a conferir no processo."
en = "{contracts|int} emergency contract(s), from {first_day|date} to {last_day|date}: {days|int} days, above the limit of {limit_days|int} days. Published ground: {ground_published|text}. The law counts the term from the event; as to Lei 14.133/2021, the Supreme Court admitted in ADI 6890 contracting again within one year. This is an indication to check in the case file."

[false_positives]
pt = ["Emergências diferentes com o mesmo objeto.", "Vigência que inclui garantia ou recebimento depois da execução.", "A palavra emergência dita do serviço, não do motivo da dispensa."]
en = ["Different emergencies with the same object.", "A term that includes guarantee or acceptance after the execution.", "The word emergency said of the service, not of the reason for the dispensa."]

[[parameters]]
name = "days_8666"
value = "180"
unit = "days"
legal_basis = "Lei 8.666/1993 art. 24 IV"
label = { pt = "Prazo da lei anterior", en = "Term of the former law" }

[[parameters]]
name = "gap_days"
value = "30"
unit = "days"
max = "366"
label = { pt = "Intervalo entre contratos em seguida", en = "Gap between contracts in a row" }

[reasons.regime_not_covered]
outcome = "not_evaluable"
pt = "Contrato de empresa estatal (Lei 13.303/2016), com regras próprias."
en = "Contract of a state company (Lei 13.303/2016), with rules of its own."

[reasons.special_regime]
outcome = "not_evaluable"
pt = "Emergência com lei própria (Lei 13.979/2020, Lei 14.217/2021, MP 1.221/2024, Lei 14.981/2024), ou que pode ser dela: sem fundamento publicado, de 2020 ou 2021."
en = "An emergency with a law of its own (Lei 13.979/2020, Lei 14.217/2021, MP 1.221/2024, Lei 14.981/2024), or that may be of it: without a published ground, of 2020 or 2021."

[reasons.other_ground]
outcome = "not_evaluable"
pt = "O fundamento publicado não é o de emergência."
en = "The published ground is not that of an emergency."

[reasons.no_term]
outcome = "not_evaluable"
pt = "Sem início ou fim da vigência, ou fim antes do início."
en = "No start or end of the term, or an end before the start."
columns = ["contracts.start_date", "contracts.end_date"]

[reasons.regime_unknown]
outcome = "not_evaluable"
pt = "Acima de 180 dias e até um ano, sem a lei publicada: cabe no prazo da Lei 14.133/2021."
en = "Above 180 days and up to one year without a published law: within the term of Lei 14.133/2021."
columns = ["contracts.legal_basis"]

[[evidence]]
name = "days"
unit = "days"
label = { pt = "Dias de vigência", en = "Days of the term" }

[[evidence]]
name = "limit_days"
unit = "days"
label = { pt = "Limite em dias", en = "Limit in days" }

[[evidence]]
name = "first_day"
unit = "date"
label = { pt = "Início", en = "First day" }

[[evidence]]
name = "last_day"
unit = "date"
label = { pt = "Fim", en = "Last day" }

[[evidence]]
name = "contracts"
unit = "count"
label = { pt = "Contratos", en = "Contracts" }

[[evidence]]
name = "regime"
unit = "text"
label = { pt = "Lei aplicada", en = "Law applied" }
words = { 14133 = { pt = "Lei 14.133/2021", en = "Lei 14.133/2021" }, 8666 = { pt = "Lei 8.666/1993", en = "Lei 8.666/1993" }, unknown = { pt = "não publicada; acima dos dois prazos", en = "not published; above both terms" } }

[[evidence]]
name = "ground_published"
unit = "text"
label = { pt = "Fundamento publicado", en = "Published ground" }
words = { yes = { pt = "sim", en = "yes" }, no = { pt = "não", en = "no" } }
*/
WITH urgent AS (
    SELECT
        contract_id,
        in_scope,
        buyer_id,
        supplier_key,
        signature_date,
        coalesce(start_date, signature_date) AS begins,
        end_date,
        object_folded,
        coalesce(coalesce(tender_buyer_id, '') || '/' || tender_number, object_folded) AS event,
        legal_basis_kind(legal_basis, object_folded) AS basis,
        legal_regime(legal_basis, object_folded) AS law,
        coalesce(legal_basis, '') AS ground
    FROM contracts
    WHERE modality = 'dispensa_licitacao' AND is_emergency(legal_basis, object_folded)
),
governed AS (
    SELECT
        *,
        CASE
            WHEN basis = '13303' OR law = '13303' THEN 'regime_not_covered'
            -- Lei 13.979/2020 for the covid emergency; Lei 14.981/2024 for calamities from 2024-05-17 on.
            WHEN law = 'emergency' OR ground LIKE '%13.979%' OR ground LIKE '%14.981%' OR has_word(object_folded, '13 979') OR has_word(object_folded, '14 981')
                OR (basis = 'unknown' AND law = 'unknown' AND signature_date BETWEEN DATE '2020-02-06' AND DATE '2021-12-31')
                OR (
                    signature_date BETWEEN DATE '2020-02-06' AND DATE '2022-12-31'
                    AND regexp_like(object_folded, 'covid|coronav|pandemi|sars|saude publica|sanitaria')
                )
                -- The floods of Rio Grande do Sul began on 2024-04-27.
                OR (signature_date >= DATE '2024-04-27' AND regexp_like(object_folded, 'calamidade|enchente|inundac|alagament'))
            THEN 'special_regime'
            WHEN basis NOT IN ('14133_emergency', '8666_emergency', 'unknown') THEN 'other_ground'
            WHEN begins IS NULL OR end_date IS NULL OR end_date < begins THEN 'no_term'
        END AS obstacle,
        CASE
            WHEN basis = '14133_emergency' OR (basis = 'unknown' AND law = '14133') THEN '14133'
            WHEN basis = '8666_emergency' OR (basis = 'unknown' AND law = '8666') THEN '8666'
            -- The new law was in force from 2021-04-01.
            WHEN signature_date < DATE '2021-04-01' THEN '8666'
            ELSE 'unknown'
        END AS regime
    FROM urgent
),
termed AS (
    SELECT
        *,
        CASE WHEN supplier_key IS NULL THEN contract_id ELSE event END AS same_event,
        coalesce(supplier_key, contract_id) AS supplier,
        basis <> 'unknown' AS published
    FROM governed
    WHERE obstacle IS NULL
),
-- Contracts of one event that follow one another within the gap are one stretch of time.
followed AS (
    SELECT
        *,
        max(end_date) OVER (
            PARTITION BY buyer_id, supplier, regime, same_event
            ORDER BY begins, end_date, contract_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS before
    FROM termed
),
stretches AS (
    SELECT
        *,
        sum(CASE WHEN before IS NULL OR CAST(begins AS INT) - CAST(before AS INT) > $gap_days THEN 1 ELSE 0 END) OVER (
            PARTITION BY buyer_id, supplier, regime, same_event
            ORDER BY begins, end_date, contract_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS stretch
    FROM followed
),
spans AS (
    SELECT
        buyer_id, supplier, regime, same_event, stretch,
        bool_or(in_scope) AS in_scope,
        min(begins) AS first_day,
        max(end_date) AS last_day,
        count(*) AS contracts,
        bool_and(published) AS published,
        bool_or(end_date > CASE WHEN regime = '8666' THEN CAST(CAST(begins AS INT) + $days_8666 AS DATE) ELSE anniversary(begins, 1) END) AS alone,
        array_agg(contract_id ORDER BY begins, end_date, contract_id) AS contract_ids
    FROM stretches
    GROUP BY buyer_id, supplier, regime, same_event, stretch
),
judged AS (
    SELECT
        *,
        CAST(last_day AS INT) - CAST(first_day AS INT) AS days,
        CASE
            WHEN regime = '8666' AND last_day > CAST(CAST(first_day AS INT) + $days_8666 AS DATE) THEN 'fired'
            -- Longer than either law allows.
            WHEN regime <> '8666' AND last_day > anniversary(first_day, 1) THEN 'fired'
            WHEN regime = 'unknown' AND last_day > CAST(CAST(first_day AS INT) + $days_8666 AS DATE) THEN 'regime_unknown'
            ELSE 'clear'
        END AS verdict
    FROM spans
)
SELECT
    contract_ids[1] AS subject,
    CASE verdict WHEN 'regime_unknown' THEN 'not_evaluable' ELSE verdict END AS outcome,
    CASE verdict WHEN 'regime_unknown' THEN verdict END AS reason,
    CASE WHEN verdict <> 'fired' THEN NULL WHEN alone AND published THEN 'high' ELSE 'medium' END AS severity,
    in_scope,
    contract_ids,
    CASE
        WHEN verdict <> 'fired' THEN NULL
        WHEN regime = '8666' THEN make_array('emergency_term/8666/1993-06-22')
        ELSE make_array('emergency_term/14133/2021-04-01')
    END AS limits,
    days,
    CASE WHEN regime = '8666' THEN $days_8666 ELSE CAST(anniversary(first_day, 1) AS INT) - CAST(first_day AS INT) END AS limit_days,
    first_day,
    last_day,
    contracts,
    regime,
    CASE WHEN published THEN 'yes' ELSE 'no' END AS ground_published
FROM judged
UNION ALL
SELECT contract_id, 'not_evaluable', obstacle, NULL, in_scope, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM governed
WHERE obstacle IS NOT NULL
