/*
id = "short_submission"
version = "1.2.0"
strength = "legal"
scope = "single"
reference = "OCP R003"
legal_basis = "Lei 14.133/2021 art. 55"
tags = ["deadline"]
groups = ["competition"]
tables = ["competitions", "tenders", "bids", "tender_items", "legal_limits"]

[title]
pt = "Prazo curto para apresentar propostas"
en = "Short period for bids"

[explanation]
pt = "Licitação brasileira sob a Lei 14.133/2021 com menos dias úteis entre a divulgação do edital e o fim do prazo do que o menor mínimo do art. 55 que pode valer para o objeto e o critério publicados. Onde essa lei não se aplica ou não é informada, só uma comparação: prazo em dias corridos abaixo do quantil de {low_quantile|exact} de ao menos {min_peers|exact} licitações da mesma fonte e modalidade, e abaixo de {short_days|exact}, número que é parâmetro deste detector e não está em lei alguma."
en = "A Brazilian tender under Lei 14.133/2021 with fewer working days from its notice to the end of the period than the shortest minimum of art. 55 that may apply to the published object and criterion. Where that law does not apply or is not stated, a comparison alone: calendar days below the {low_quantile|exact} quantile of at least {min_peers|exact} tenders of the same source and method, and below {short_days|exact}, a number that is a parameter of this detector and stands in no law."

[severity]
pt = "Alta se abaixo do mínimo legal; baixa se só abaixo das comparáveis."
en = "High if below the legal minimum; low if only below comparable tenders."

[text]
pt = "Licitação de {buyer_name|text}: edital de {notice|date}, propostas até {deadline|date}, {days|int} dias ({basis|text}: {minimum|int}). Prazo curto afasta concorrentes: é um indício a conferir."
en = "Tender of {buyer_name|text}: notice of {notice|date}, bids until {deadline|date}, {days|int} days ({basis|text}: {minimum|int}). A short period keeps competitors away: this is an indication to check."

[false_positives]
pt = ["Edital divulgado antes do que a fonte diz.", "Republicação em que só o prazo final foi atualizado.", "Prazo reduzido por decisão fundamentada, onde a lei o permite (art. 55 §2)."]
en = ["A notice published before what the source says.", "A second notice of which only the last day was updated.", "A period cut by a reasoned decision, where the law allows it (art. 55 §2)."]

[[parameters]]
name = "low_quantile"
value = "0.05"
unit = "ratio"
min = "0.01"
max = "0.5"
label = { pt = "Quantil das licitações comparáveis", en = "Quantile of comparable tenders" }

[[parameters]]
name = "short_days"
value = "15"
unit = "days"
min = "1"
max = "365"
label = { pt = "Dias corridos abaixo dos quais o prazo é curto", en = "Calendar days below which a period is short" }

[[parameters]]
name = "min_peers"
value = "100"
unit = "count"
min = "20"
label = { pt = "Licitações mínimas no grupo", en = "Fewest tenders in the group" }

[reasons]
cancelled = { outcome = "not_evaluable", pt = "A licitação foi cancelada, anulada, revogada ou ficou deserta.", en = "The tender was cancelled, annulled, or nobody bid." }
no_period = { outcome = "not_evaluable", pt = "Falta a data do edital ou a do fim do prazo.", en = "The day of the notice or the end of the period is missing.", columns = ["tenders.publication_date", "tenders.period_end"] }
deadline_before_notice = { outcome = "not_evaluable", pt = "O prazo termina antes de começar: dado a corrigir, não um prazo.", en = "The period ends before it begins: data to correct, not a period." }
halved_possible = { outcome = "not_evaluable", pt = "O prazo pode ter sido reduzido à metade (saúde, art. 55 §2).", en = "The period may have been halved (health, art. 55 §2)." }
peer_group_too_small = { outcome = "not_evaluable", pt = "A lei não se aplica ou não é informada, e há menos de {min_peers|exact} licitações comparáveis.", en = "The law does not apply or is not stated, and there are fewer than {min_peers|exact} comparable tenders." }

[[evidence]]
name = "notice"
unit = "date"
label = { pt = "Edital", en = "Notice" }

[[evidence]]
name = "deadline"
unit = "date"
label = { pt = "Fim do prazo", en = "End of the period" }

[[evidence]]
name = "days"
unit = "days"
label = { pt = "Dias contados", en = "Days counted" }

[[evidence]]
name = "minimum"
unit = "days"
label = { pt = "Limite com que se compara", en = "Limit that it is compared with" }

[[evidence]]
name = "basis"
unit = "text"
label = { pt = "Base da comparação", en = "Basis of the comparison" }
words = { law = { pt = "dias úteis; mínimo legal", en = "working days; legal minimum" }, peers = { pt = "dias corridos; não há mínimo legal a aplicar, e o limite é deste detector, o menor entre o quantil de {low_quantile|exact} das comparáveis e {short_days|exact}", en = "calendar days; there is no legal minimum to apply, and the limit is this detector's, the smaller of the {low_quantile|exact} quantile of comparable tenders and {short_days|exact}" } }

[[evidence]]
name = "peers"
unit = "count"
label = { pt = "Licitações comparáveis", en = "Comparable tenders" }

[[evidence]]
name = "lower_quartile"
unit = "days"
label = { pt = "Primeiro quartil das comparáveis", en = "First quartile of comparable tenders" }

[[evidence]]
name = "upper_quartile"
unit = "days"
label = { pt = "Terceiro quartil das comparáveis", en = "Third quartile of comparable tenders" }

[[evidence]]
name = "buyer_name"
unit = "text"
label = { pt = "Comprador", en = "Buyer" }
*/
WITH read AS (
    SELECT
        *,
        CAST(deadline_day AS INT) - CAST(notice_day AS INT) AS calendar_days,
        working_days(notice_day, deadline_day) AS working,
        brazilian AND legal_regime(legal_basis, object_folded) = '14133' AS of_law,
        fold(coalesce(criterion, '')) AS asked,
        CASE
            WHEN dropped THEN 'cancelled'
            WHEN notice_day IS NULL OR deadline_day IS NULL THEN 'no_period'
            WHEN deadline_day < notice_day THEN 'deadline_before_notice'
        END AS why
    FROM competitions
    WHERE NOT direct
),
-- The shortest minimum that may apply: what is not published never lengthens it.
ruled AS (
    SELECT
        *,
        CASE
            WHEN NOT of_law THEN NULL
            WHEN has_word(asked, 'tecnica') THEN 'submission_technique'
            WHEN has_word(asked, 'lance') THEN 'submission_highest_bid'
            -- What is supplied may be goods, whatever it is that words are taken for.
            WHEN kind = 'services' AND category IS NULL
                AND regexp_like(object_folded, '\b(fornecimento|abasteciment|aquisic|compra)') AND NOT regexp_like(object_folded, '\b(servic|prestac|locac)')
            THEN 'submission_goods'
            WHEN kind IN ('services', 'works') THEN 'submission_services'
            ELSE 'submission_goods'
        END AS rule
    FROM read
),
limited AS (
    SELECT r.*, l.limit_id, CAST(l.value AS BIGINT) AS legal_minimum
    FROM ruled r
    LEFT JOIN legal_limits l
        ON l."limit" = r.rule AND l.regime = '14133' AND r.notice_day BETWEEN l.valid_from AND l.valid_to
),
peers AS (
    SELECT
        source,
        modality_name,
        count(*) AS peers,
        quantile8(CAST(calendar_days AS DOUBLE), $low_quantile) AS low,
        quantile8(CAST(calendar_days AS DOUBLE), 0.25) AS q1,
        quantile8(CAST(calendar_days AS DOUBLE), 0.75) AS q3
    FROM limited
    WHERE why IS NULL
    GROUP BY source, modality_name
),
judged AS (
    SELECT
        l.*,
        p.peers,
        p.low,
        p.q1,
        p.q3,
        CASE
            WHEN l.why IS NOT NULL THEN l.why
            WHEN l.legal_minimum IS NOT NULL AND l.working >= l.legal_minimum THEN 'clear'
            WHEN l.legal_minimum IS NOT NULL AND 2 * l.working >= l.legal_minimum
                AND (has_word(fold(l.buyer_name), 'saude') OR has_word(fold(coalesce(l.organ_name, '')), 'saude')
                    OR has_word(fold(coalesce(l.superior_organ_name, '')), 'saude')) THEN 'halved_possible'
            WHEN l.legal_minimum IS NOT NULL THEN 'fired'
            WHEN p.peers < $min_peers THEN 'peer_group_too_small'
            WHEN l.calendar_days < p.low AND l.calendar_days < $short_days THEN 'fired'
            ELSE 'clear'
        END AS verdict
    FROM limited l
    LEFT JOIN peers p ON p.source = l.source AND p.modality_name = l.modality_name
)
SELECT
    tender_id AS subject,
    CASE WHEN verdict IN ('fired', 'clear') THEN verdict ELSE 'not_evaluable' END AS outcome,
    CASE WHEN verdict NOT IN ('fired', 'clear') THEN verdict END AS reason,
    CASE WHEN verdict <> 'fired' THEN NULL WHEN legal_minimum IS NOT NULL THEN 'high' ELSE 'low' END AS severity,
    in_scope,
    make_array(tender_id) AS tender_ids,
    CASE WHEN verdict = 'fired' AND limit_id IS NOT NULL THEN make_array(limit_id) END AS limits,
    notice_day AS notice,
    deadline_day AS deadline,
    CASE WHEN legal_minimum IS NOT NULL THEN working ELSE calendar_days END AS days,
    CASE WHEN legal_minimum IS NOT NULL THEN CAST(legal_minimum AS DOUBLE) ELSE least(low, CAST($short_days AS DOUBLE)) END AS minimum,
    CASE WHEN legal_minimum IS NOT NULL THEN 'law' ELSE 'peers' END AS basis,
    CASE WHEN legal_minimum IS NULL THEN peers END AS peers,
    CASE WHEN legal_minimum IS NULL THEN q1 END AS lower_quartile,
    CASE WHEN legal_minimum IS NULL THEN q3 END AS upper_quartile,
    buyer_name
FROM judged
