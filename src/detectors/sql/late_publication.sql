/*
id = "late_publication"
version = "1.2.0"
strength = "legal"
scope = "single"
reference = "OCP R063, R004"
legal_basis = "Lei 14.133/2021 art. 94; Lei 8.666/1993 art. 61 parágrafo único"
tags = ["publication"]
groups = ["publication"]
tables = ["contracts"]

[title]
pt = "Publicação fora do prazo"
en = "Publication after the deadline"

[explanation]
pt = "Contrato da Lei 8.666/1993 publicado no Diário Oficial mais de 20 dias depois do quinto dia útil do mês seguinte ao da assinatura; ou contrato da Lei 14.133/2021 publicado no PNCP mais de 20 dias úteis (licitação) ou 10 (contratação direta) depois da assinatura; onde a fonte não informa a modalidade, só o que passa do mais longo desses prazos. Dias sem expediente federal usual não contam."
en = "A contract under Lei 8.666/1993 published in the official gazette more than 20 days after the fifth working day of the month after its signature; or one under Lei 14.133/2021 published on PNCP more than 20 working days (tender) or 10 (direct award) after it; where the source does not give the modality, only what is later than the longer of the two. Days on which federal offices are usually closed do not count."

[severity]
pt = "Baixa; média acima de {long_days|exact} da assinatura."
en = "Low; medium above {long_days|exact} from the signature."

[text]
pt = "Assinado em {signed|date} e publicado em {published|date}, {days|int} dias depois ({office_days|int} úteis); o prazo terminou em {deadline|date} ({rule|text}). Publicar fora do prazo atrasa o controle: é um indício a conferir."
en = "Signed on {signed|date} and published on {published|date}, {days|int} days later ({office_days|int} of them working days); the deadline was {deadline|date} ({rule|text}). Late publication delays oversight: this is an indication to check."

[false_positives]
pt = ["Republicação ou correção de um extrato publicado antes.", "Feriados estaduais e municipais, que não são contados.", "Data de assinatura digitada com erro."]
en = ["A second or corrected notice of one published before.", "State and municipal holidays, which are not counted.", "A slip in typing the date of signature."]

[[parameters]]
name = "day_of_next_month"
value = "5"
unit = "days"
legal_basis = "Lei 8.666/1993 art. 61 parágrafo único"
label = { pt = "Dia útil do mês seguinte", en = "Working day of the next month" }

[[parameters]]
name = "days_8666"
value = "20"
unit = "days"
legal_basis = "Lei 8.666/1993 art. 61 parágrafo único"
label = { pt = "Dias a partir daí", en = "Days from there on" }

[[parameters]]
name = "days_tender"
value = "20"
unit = "days"
legal_basis = "Lei 14.133/2021 art. 94 I"
label = { pt = "Dias úteis após licitação", en = "Working days after a tender" }

[[parameters]]
name = "days_direct"
value = "10"
unit = "days"
legal_basis = "Lei 14.133/2021 art. 94 II"
label = { pt = "Dias úteis após contratação direta", en = "Working days after a direct award" }

[[parameters]]
name = "long_days"
value = "90"
unit = "days"
max = "3650"
label = { pt = "Dias para severidade média", en = "Days for medium severity" }

[[parameters]]
name = "most_days"
value = "365"
unit = "days"
min = "1"
label = { pt = "Dias acima dos quais a publicação pode ser outra", en = "Days above which the publication may be another one" }

[reasons.no_date]
outcome = "not_evaluable"
pt = "Falta a data da assinatura ou a da publicação."
en = "The date of signature or of publication is missing."
columns = ["contracts.signature_date", "contracts.publication_date"]

[reasons.published_before_signature]
outcome = "not_evaluable"
pt = "A publicação é anterior à assinatura: uma das datas está errada."
en = "The publication lies before the signature: one of the days is wrong."

[reasons.regime_not_covered]
outcome = "not_evaluable"
pt = "Contrato de empresa estatal (Lei 13.303/2016), com regras próprias."
en = "Contract of a state company (Lei 13.303/2016), with rules of its own."

[reasons.regime_unknown]
outcome = "not_evaluable"
pt = "A lei do contrato não foi publicada."
en = "The law of the contract was not published."
columns = ["contracts.legal_basis"]

[reasons.pncp_date_not_published]
outcome = "not_evaluable"
pt = "O prazo da Lei 14.133/2021 corre até a publicação no PNCP, que esta fonte não informa: a data dela é a do Diário Oficial."
en = "The deadline of Lei 14.133/2021 is for the publication on PNCP, which this source does not give: its date is that of the official gazette."

[reasons.gazette_date_not_published]
outcome = "not_evaluable"
pt = "O prazo da Lei 8.666/1993 corre até a publicação no Diário Oficial, que esta fonte não informa."
en = "The deadline of Lei 8.666/1993 is for the publication in the official gazette, which this source does not give."

[reasons.modality_not_informed]
outcome = "not_evaluable"
pt = "Sem a modalidade não se sabe qual dos prazos corre, e a publicação está entre o fim de um e o do outro."
en = "Without the modality it is not known which deadline runs, and the publication lies between them."

[reasons.small_municipality_possible]
outcome = "not_evaluable"
pt = "Municípios de até 20 mil habitantes têm até 2027 para usar o PNCP (art. 176)."
en = "Municipalities of up to 20,000 inhabitants have until 2027 to use PNCP (art. 176)."

[reasons.republication_possible]
outcome = "not_evaluable"
pt = "Mais de {most_days|exact} depois da assinatura: não deve ser a primeira publicação."
en = "More than {most_days|exact} after the signature: it is hardly the first publication."

[[evidence]]
name = "signed"
unit = "date"
label = { pt = "Assinatura", en = "Signature" }

[[evidence]]
name = "published"
unit = "date"
label = { pt = "Publicação", en = "Publication" }

[[evidence]]
name = "deadline"
unit = "date"
label = { pt = "Fim do prazo", en = "Deadline" }

[[evidence]]
name = "rule"
unit = "text"
label = { pt = "Prazo aplicado", en = "Deadline applied" }
words = { gazette = { pt = "Lei 8.666/1993, art. 61", en = "Lei 8.666/1993, art. 61" }, tender = { pt = "Lei 14.133/2021, art. 94, I", en = "Lei 14.133/2021, art. 94, I" }, direct = { pt = "Lei 14.133/2021, art. 94, II", en = "Lei 14.133/2021, art. 94, II" }, longest = { pt = "Lei 14.133/2021, art. 94, I, o mais longo dos que podem valer: a modalidade não foi informada", en = "Lei 14.133/2021, art. 94, I, the longest that may apply: the modality was not published" } }

[[evidence]]
name = "days"
unit = "days"
label = { pt = "Dias corridos", en = "Days" }

[[evidence]]
name = "office_days"
unit = "days"
label = { pt = "Dias úteis", en = "Working days" }

[[evidence]]
name = "regime"
unit = "text"
label = { pt = "Lei aplicada", en = "Law applied" }
words = { 14133 = { pt = "Lei 14.133/2021", en = "Lei 14.133/2021" }, 8666 = { pt = "Lei 8.666/1993", en = "Lei 8.666/1993" } }
*/
WITH dated AS (
    SELECT
        contract_id,
        in_scope,
        modality,
        sphere,
        source,
        signature_date,
        publication_date,
        legal_regime(legal_basis, object_folded) AS law
    FROM contracts
),
governed AS (
    SELECT
        *,
        CASE
            WHEN law = '14133' THEN '14133'
            WHEN law = '8666' THEN '8666'
            WHEN law = '13303' THEN '13303'
            -- Before Lei 13.303/2016 every contract of the administration followed Lei 8.666/1993.
            WHEN law = 'unknown' AND signature_date < DATE '2016-07-01' THEN '8666'
            ELSE 'unknown'
        END AS regime,
        source LIKE 'pncp%' AS of_pncp,
        modality IN ('dispensa_licitacao', 'inexigibilidade') AS direct
    FROM dated
),
limited AS (
    SELECT
        *,
        CASE
            WHEN regime = '8666' AND NOT of_pncp THEN CAST(
                CAST(nth_office_day(CAST(date_trunc('month', signature_date) + INTERVAL '1' MONTH AS DATE), $day_of_next_month) AS INT)
                    + $days_8666 AS DATE
            )
            WHEN regime = '14133' AND of_pncp THEN
                nth_office_day(CAST(CAST(signature_date AS INT) + 1 AS DATE), CASE WHEN direct THEN $days_direct ELSE $days_tender END)
        END AS deadline,
        -- The shortest that may apply: what is in time for it is so for each.
        CASE
            WHEN regime = '14133' AND of_pncp AND modality = 'not_informed' THEN
                nth_office_day(CAST(CAST(signature_date AS INT) + 1 AS DATE), $days_direct)
        END AS shortest
    FROM governed
),
judged AS (
    SELECT
        *,
        CAST(publication_date AS INT) - CAST(signature_date AS INT) AS days,
        CASE
            WHEN signature_date IS NULL OR publication_date IS NULL THEN 'no_date'
            WHEN publication_date < signature_date THEN 'published_before_signature'
            WHEN regime = '13303' THEN 'regime_not_covered'
            WHEN regime = 'unknown' THEN 'regime_unknown'
            WHEN regime = '14133' AND NOT of_pncp THEN 'pncp_date_not_published'
            WHEN regime = '8666' AND of_pncp THEN 'gazette_date_not_published'
            WHEN publication_date <= deadline AND publication_date > shortest THEN 'modality_not_informed'
            WHEN publication_date <= deadline THEN 'clear'
            -- Lei 14.133/2021 art. 176: municipalities of up to 20,000 inhabitants have until 2027-04-01.
            WHEN regime = '14133' AND sphere = 'municipal' AND signature_date < DATE '2027-04-01' THEN 'small_municipality_possible'
            WHEN CAST(publication_date AS INT) - CAST(signature_date AS INT) > $most_days THEN 'republication_possible'
            ELSE 'fired'
        END AS verdict
    FROM limited
)
SELECT
    contract_id AS subject,
    CASE WHEN verdict IN ('fired', 'clear') THEN verdict ELSE 'not_evaluable' END AS outcome,
    CASE WHEN verdict NOT IN ('fired', 'clear') THEN verdict END AS reason,
    CASE WHEN verdict <> 'fired' THEN NULL WHEN days > $long_days THEN 'medium' ELSE 'low' END AS severity,
    in_scope,
    make_array(contract_id) AS contract_ids,
    CASE
        WHEN verdict <> 'fired' THEN NULL
        WHEN regime = '8666' THEN make_array('publication_day_of_next_month/8666/1994-06-09', 'publication_days/8666/1994-06-09')
        WHEN direct THEN make_array('publication_direct/14133/2021-04-01')
        ELSE make_array('publication_tender/14133/2021-04-01')
    END AS limits,
    signature_date AS signed,
    publication_date AS published,
    deadline,
    CASE
        WHEN verdict <> 'fired' THEN NULL
        WHEN regime = '8666' THEN 'gazette'
        WHEN direct THEN 'direct'
        WHEN modality = 'not_informed' THEN 'longest'
        ELSE 'tender'
    END AS rule,
    days,
    CASE WHEN verdict = 'fired' THEN office_days(signature_date, publication_date) END AS office_days,
    regime
FROM judged
