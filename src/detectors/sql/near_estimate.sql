/*
id = "near_estimate"
version = "1.1.0"
strength = "statistical"
scope = "single"
reference = "OCP R031; ProZorro sas-3-6"
legal_basis = ""
tags = ["price"]
groups = ["competition"]
tables = ["competitions", "tenders", "bids", "tender_items"]

[title]
pt = "Resultado colado, acima ou muito abaixo da estimativa"
en = "Result close to, above or far below the estimate"

[explanation]
pt = "Valor adjudicado sobre valor estimado, na mesma moeda: de {near_from|exact} até o valor estimado havendo ao menos dois participantes (o preço pode ter sido conhecido antes), acima dele, ou até {low_until|exact} (a estimativa pode ter sido inflada). Diferenças de {slip_ratio|exact} vezes ou mais são tidas por engano de digitação."
en = "Value awarded over value estimated, in one currency: from {near_from|exact} up to the value estimated with at least two bidders (the price may have been known before), above it, or up to {low_until|exact} (the estimate may have been inflated). Differences of {slip_ratio|exact} times or more are taken for slips in typing."

[severity]
pt = "Média acima da estimativa; baixa nos outros casos."
en = "Medium above the estimate; low otherwise."

[text]
pt = "Licitação de {buyer_name|text}: adjudicados {currency|text} {awarded|amount} de {currency|text} {estimate|amount} estimados, {ratio|percent} ({side|text}). Licitações da fonte com ambos os valores: {peers|int}; quartis dessa razão: {lower_quartile|percent} e {upper_quartile|percent}. É um indício a conferir."
en = "Tender of {buyer_name|text}: {currency|text} {awarded|amount} awarded of {currency|text} {estimate|amount} estimated, {ratio|percent} ({side|text}). Tenders of the source with both values: {peers|int}; quartiles of that ratio: {lower_quartile|percent} and {upper_quartile|percent}. This is an indication to check."

[false_positives]
pt = ["Preço tabelado, ou máximo divulgado no edital.", "Mercado que mudou depois da estimativa.", "Adjudicação parcial, ou de quantidade maior, que a fonte não mostra."]
en = ["A regulated price, or a ceiling stated in the notice.", "A market that changed after the estimate.", "An award of a part, or of more, that the source does not show."]

[[parameters]]
name = "near_from"
value = "0.98"
unit = "ratio"
min = "0.5"
max = "1"
label = { pt = "Razão a partir da qual está colado", en = "Ratio from which it is close" }

[[parameters]]
name = "low_until"
value = "0.70"
unit = "ratio"
min = "0.01"
max = "1"
not_above = "near_from"
label = { pt = "Razão até a qual a estimativa pode estar inflada", en = "Ratio up to which the estimate may be inflated" }

[[parameters]]
name = "slip_ratio"
value = "10"
unit = "factor"
min = "2"
label = { pt = "Diferença tida por engano de digitação", en = "Difference taken for a slip" }

[[parameters]]
name = "copied_share"
value = "0.20"
unit = "ratio"
max = "1"
label = { pt = "Parcela da fonte com valores iguais acima da qual a estimativa repete o resultado", en = "Share of the source with equal values above which the estimate repeats the result" }

[[parameters]]
name = "min_peers"
value = "20"
unit = "count"
min = "1"
label = { pt = "Licitações a partir das quais a parcela conta", en = "Tenders from which the share counts" }

[reasons]
no_competitor = { outcome = "clear", pt = "Colado à estimativa, mas com um só participante: nada há que combinar.", en = "Close to the estimate, but with a single bidder: there is nothing to agree upon." }
cancelled = { outcome = "not_evaluable", pt = "A licitação foi cancelada, anulada, revogada ou ficou deserta.", en = "The tender was cancelled, annulled, or nobody bid." }
highest_bid_wins = { outcome = "not_evaluable", pt = "Vence a maior oferta (concessão, permissão, alienação): acima do valor estimado está o que se procura.", en = "The highest bid wins (a concession, a permit, a sale): above the estimate is what is sought." }
no_estimate = { outcome = "not_evaluable", pt = "Falta a estimativa ou o valor adjudicado, na mesma moeda.", en = "The estimate or the value awarded is missing, in one currency.", columns = ["tenders.estimated_value", "tenders.value"] }
slip_possible = { outcome = "not_evaluable", pt = "A diferença é de {slip_ratio|exact} vezes ou mais: provável engano.", en = "The difference is {slip_ratio|exact} times or more: probably a slip." }
estimate_repeats_result = { outcome = "not_evaluable", pt = "Em mais de {copied_share|exact} das licitações da fonte ({min_peers|exact} no mínimo) a estimativa é igual ao resultado: ela o repete.", en = "In more than {copied_share|exact} of the source's tenders ({min_peers|exact} at least) the estimate equals the result: it repeats it." }
partly_awarded = { outcome = "not_evaluable", pt = "Abaixo da estimativa, mas pode faltar a adjudicação de itens ou lotes.", en = "Below the estimate, but items or lots may not have been awarded." }
bidders_not_published = { outcome = "not_evaluable", pt = "Colado à estimativa, e a fonte não diz quantos participaram.", en = "Close to the estimate, and the source does not say how many took part.", columns = ["tenders.tenderers"] }

[[evidence]]
name = "ratio"
unit = "ratio"
label = { pt = "Razão", en = "Ratio" }

[[evidence]]
name = "awarded"
unit = "amount"
label = { pt = "Valor adjudicado", en = "Value awarded" }

[[evidence]]
name = "estimate"
unit = "amount"
label = { pt = "Valor estimado", en = "Value estimated" }

[[evidence]]
name = "currency"
unit = "text"
label = { pt = "Moeda", en = "Currency" }

[[evidence]]
name = "side"
unit = "text"
label = { pt = "Lado", en = "Side" }
words = { near = { pt = "colado à estimativa", en = "close to the estimate" }, above = { pt = "acima da estimativa", en = "above the estimate" }, low = { pt = "muito abaixo da estimativa", en = "far below the estimate" } }

[[evidence]]
name = "bidders"
unit = "count"
label = { pt = "Participantes", en = "Bidders" }

[[evidence]]
name = "lower_quartile"
unit = "ratio"
label = { pt = "Primeiro quartil", en = "First quartile" }

[[evidence]]
name = "upper_quartile"
unit = "ratio"
label = { pt = "Terceiro quartil", en = "Third quartile" }

[[evidence]]
name = "peers"
unit = "count"
label = { pt = "Licitações da fonte com ambos os valores", en = "Tenders of the source with both values" }

[[evidence]]
name = "buyer_name"
unit = "text"
label = { pt = "Comprador", en = "Buyer" }
*/
WITH read AS (
    SELECT
        *,
        CAST(value AS DOUBLE) / nullif(CAST(estimated_value AS DOUBLE), 0) AS ratio,
        CASE
            WHEN dropped THEN 'cancelled'
            WHEN income THEN 'highest_bid_wins'
            WHEN estimated_value IS NULL OR value IS NULL OR estimated_value <= 0 OR value <= 0 THEN 'no_estimate'
            WHEN value >= $slip_ratio * estimated_value OR estimated_value >= $slip_ratio * value THEN 'slip_possible'
        END AS why
    FROM competitions
    WHERE NOT direct
),
sources AS (
    SELECT
        source,
        count(*) AS peers,
        avg(CASE WHEN value = estimated_value THEN 1.0 ELSE 0.0 END) AS copied,
        quantile8(ratio, 0.25) AS q1,
        quantile8(ratio, 0.75) AS q3
    FROM read
    WHERE why IS NULL
    GROUP BY source
),
judged AS (
    SELECT
        r.*,
        s.peers,
        s.q1,
        s.q3,
        CASE
            WHEN r.why IS NOT NULL THEN r.why
            WHEN s.peers >= $min_peers AND s.copied > $copied_share THEN 'estimate_repeats_result'
            WHEN r.value > r.estimated_value THEN 'above'
            WHEN r.value >= $near_from * r.estimated_value AND r.bidders IS NULL THEN 'bidders_not_published'
            WHEN r.value >= $near_from * r.estimated_value AND r.bidders < 2 THEN 'no_competitor'
            WHEN r.value >= $near_from * r.estimated_value THEN 'near'
            WHEN r.value > $low_until * r.estimated_value THEN 'clear'
            WHEN r.items > 1 AND r.items_won < r.items THEN 'partly_awarded'
            ELSE 'low'
        END AS verdict
    FROM read r
    LEFT JOIN sources s ON s.source = r.source
)
SELECT
    tender_id AS subject,
    CASE
        WHEN verdict IN ('near', 'above', 'low') THEN 'fired'
        WHEN verdict IN ('clear', 'no_competitor') THEN 'clear'
        ELSE 'not_evaluable'
    END AS outcome,
    CASE WHEN verdict NOT IN ('near', 'above', 'low', 'clear') THEN verdict END AS reason,
    CASE WHEN verdict = 'above' THEN 'medium' WHEN verdict IN ('near', 'low') THEN 'low' END AS severity,
    in_scope,
    make_array(tender_id) AS tender_ids,
    CASE WHEN verdict = 'above' AND currency = 'BRL' THEN value - estimated_value END AS amount,
    ratio,
    value AS awarded,
    estimated_value AS estimate,
    currency,
    CASE WHEN verdict IN ('near', 'above', 'low') THEN verdict END AS side,
    bidders,
    q1 AS lower_quartile,
    q3 AS upper_quartile,
    peers,
    buyer_name
FROM judged
