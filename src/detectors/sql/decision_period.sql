/*
id = "decision_period"
version = "1.1.1"
strength = "statistical"
scope = "single"
reference = "OCP R061, R062"
legal_basis = ""
tags = ["deadline"]
groups = ["competition"]
tables = ["competitions", "tenders", "bids", "tender_items"]

[title]
pt = "Decisão muito rápida ou muito demorada"
en = "Very fast or very slow decision"

[explanation]
pt = "Dias entre o fim do prazo das propostas e o último resultado: até {fast_auction_days|exact} em pregão ou leilão, até {fast_days|exact} nas outras modalidades; ou a partir do quantil de {slow_quantile|exact} de ao menos {min_peers|exact} licitações da mesma fonte e modalidade."
en = "Days from the end of the period for bids to the last result: up to {fast_auction_days|exact} in a pregão or auction, up to {fast_days|exact} in other methods; or from the {slow_quantile|exact} quantile of at least {min_peers|exact} tenders of the same source and method on."

[severity]
pt = "Baixa; média se decidida no próprio dia fora de pregão ou leilão, ou com mais do dobro do quantil de {slow_quantile|exact}."
en = "Low; medium if decided on the very day outside of a pregão or auction, or with more than twice the {slow_quantile|exact} quantile."

[text]
pt = "Licitação de {buyer_name|text}: propostas até {deadline|date}, resultado em {result|date}, {days|int} dia(s) depois ({side|text}). Metade das {peers|int} licitações comparáveis leva de {lower_quartile|ratio} a {upper_quartile|ratio} dias. É um indício a conferir."
en = "Tender of {buyer_name|text}: bids until {deadline|date}, result on {result|date}, {days|int} day(s) later ({side|text}). Half of the {peers|int} comparable tenders take {lower_quartile|ratio} to {upper_quartile|ratio} days. This is an indication to check."

[false_positives]
pt = ["Poucas propostas simples de julgar.", "Recursos, diligências ou amostras, que alongam o julgamento.", "Data de resultado que é a de um evento posterior."]
en = ["Few bids that are easy to judge.", "Appeals, enquiries or samples, which lengthen the judgement.", "A day of result that is that of a later event."]

[[parameters]]
name = "fast_auction_days"
value = "1"
unit = "days"
max = "365"
label = { pt = "Dias de uma decisão rápida em pregão ou leilão", en = "Days of a fast decision in a pregão or auction" }

[[parameters]]
name = "fast_days"
value = "4"
unit = "days"
max = "365"
label = { pt = "Dias de uma decisão rápida nas outras modalidades", en = "Days of a fast decision in other methods" }

[[parameters]]
name = "slow_quantile"
value = "0.95"
unit = "ratio"
min = "0.5"
max = "0.99"
label = { pt = "Quantil a partir do qual é demorada", en = "Quantile from which it is slow" }

[[parameters]]
name = "min_peers"
value = "100"
unit = "count"
min = "20"
label = { pt = "Licitações mínimas no grupo", en = "Fewest tenders in the group" }

[reasons]
cancelled = { outcome = "not_evaluable", pt = "A licitação foi cancelada, anulada, revogada ou ficou deserta.", en = "The tender was cancelled, annulled, or nobody bid." }
no_days = { outcome = "not_evaluable", pt = "Falta o fim do prazo ou a data do resultado.", en = "The end of the period or the day of the result is missing.", columns = ["tenders.period_end", "tenders.result_date"] }
result_before_deadline = { outcome = "not_evaluable", pt = "O resultado é anterior ao fim do prazo: dado a corrigir.", en = "The result is before the end of the period: data to correct." }
peer_group_too_small = { outcome = "not_evaluable", pt = "Não é rápida, e há menos de {min_peers|exact} licitações comparáveis para dizer se é demorada.", en = "It is not fast, and there are fewer than {min_peers|exact} comparable tenders to tell whether it is slow." }
peer_group_without_spread = { outcome = "not_evaluable", pt = "O quantil de {slow_quantile|exact} do grupo não passa da mediana.", en = "The {slow_quantile|exact} quantile of the group is not above its median." }

[[evidence]]
name = "deadline"
unit = "date"
label = { pt = "Fim do prazo", en = "End of the period" }

[[evidence]]
name = "result"
unit = "date"
label = { pt = "Resultado", en = "Result" }

[[evidence]]
name = "days"
unit = "days"
label = { pt = "Dias", en = "Days" }

[[evidence]]
name = "side"
unit = "text"
label = { pt = "Lado", en = "Side" }
words = { fast = { pt = "muito rápida", en = "very fast" }, slow = { pt = "muito demorada", en = "very slow" } }

[[evidence]]
name = "slow_from"
unit = "days"
label = { pt = "Quantil de {slow_quantile|exact} do grupo", en = "{slow_quantile|exact} quantile of the group" }

[[evidence]]
name = "lower_quartile"
unit = "days"
label = { pt = "Primeiro quartil", en = "First quartile" }

[[evidence]]
name = "upper_quartile"
unit = "days"
label = { pt = "Terceiro quartil", en = "Third quartile" }

[[evidence]]
name = "peers"
unit = "count"
label = { pt = "Licitações comparáveis", en = "Comparable tenders" }

[[evidence]]
name = "buyer_name"
unit = "text"
label = { pt = "Comprador", en = "Buyer" }
*/
WITH read AS (
    SELECT
        *,
        CAST(result_date AS INT) - CAST(deadline_day AS INT) AS days,
        CASE WHEN auction THEN $fast_auction_days ELSE $fast_days END AS fast_until,
        CASE
            WHEN dropped THEN 'cancelled'
            WHEN deadline_day IS NULL OR result_date IS NULL THEN 'no_days'
            WHEN result_date < deadline_day THEN 'result_before_deadline'
        END AS why
    FROM competitions
    WHERE NOT direct
),
peers AS (
    SELECT
        source,
        modality_name,
        count(*) AS peers,
        quantile8(CAST(days AS DOUBLE), 0.25) AS q1,
        quantile8(CAST(days AS DOUBLE), 0.5) AS median,
        quantile8(CAST(days AS DOUBLE), 0.75) AS q3,
        quantile8(CAST(days AS DOUBLE), $slow_quantile) AS slow_from
    FROM read
    WHERE why IS NULL
    GROUP BY source, modality_name
),
judged AS (
    SELECT
        r.*,
        p.peers,
        p.q1,
        p.q3,
        p.slow_from,
        CASE
            WHEN r.why IS NOT NULL THEN r.why
            WHEN r.days <= r.fast_until THEN 'fast'
            WHEN p.peers < $min_peers THEN 'peer_group_too_small'
            WHEN p.slow_from <= p.median THEN 'peer_group_without_spread'
            WHEN r.days >= p.slow_from THEN 'slow'
            ELSE 'clear'
        END AS verdict
    FROM read r
    LEFT JOIN peers p ON p.source = r.source AND p.modality_name = r.modality_name
)
SELECT
    tender_id AS subject,
    CASE WHEN verdict IN ('fast', 'slow') THEN 'fired' WHEN verdict = 'clear' THEN verdict ELSE 'not_evaluable' END AS outcome,
    CASE WHEN verdict NOT IN ('fast', 'slow', 'clear') THEN verdict END AS reason,
    CASE
        WHEN verdict NOT IN ('fast', 'slow') THEN NULL
        WHEN verdict = 'fast' AND days = 0 AND NOT auction THEN 'medium'
        WHEN verdict = 'slow' AND days > 2 * slow_from THEN 'medium'
        ELSE 'low'
    END AS severity,
    in_scope,
    make_array(tender_id) AS tender_ids,
    deadline_day AS deadline,
    result_date AS result,
    days,
    CASE WHEN verdict IN ('fast', 'slow') THEN verdict END AS side,
    slow_from,
    q1 AS lower_quartile,
    q3 AS upper_quartile,
    peers,
    buyer_name
FROM judged
