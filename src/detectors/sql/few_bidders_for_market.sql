/*
id = "few_bidders_for_market"
version = "1.1.1"
strength = "statistical"
scope = "single"
reference = "OCP R019"
legal_basis = ""
tags = ["competition"]
groups = ["competition"]
tables = ["competitions", "tenders", "bids", "tender_items"]

[title]
pt = "Poucos participantes para o mercado"
en = "Few bidders for the market"

[explanation]
pt = "Licitação decidida com menos de {half|exact} da mediana de participantes das licitações comparáveis (mesma fonte e mesma classe ou categoria), ou com Q1 − {outlier_k|exact}·(Q3 − Q1) ou menos; só onde há {min_peers|exact} licitações comparáveis e a mediana é {min_median|exact} ou mais. Onde as propostas são por lote ou item, conta a média deles."
en = "A decided tender with less than {half|exact} of the median number of bidders of comparable tenders (same source and same class or category), or with Q1 − {outlier_k|exact}·(Q3 − Q1) or fewer; only where there are {min_peers|exact} comparable tenders and the median is {min_median|exact} or more. Where bids are for lots or items, their average counts."

[severity]
pt = "Baixa."
en = "Low."

[text]
pt = "Licitação de {buyer_name|text} com {bidders|ratio} participante(s) (por lote ou item, em média, se houver); a mediana das {peers|int} licitações comparáveis ({market|text}) é {median|ratio}, e metade delas fica entre {lower_quartile|ratio} e {upper_quartile|ratio}. É um indício a conferir."
en = "Tender of {buyer_name|text} with {bidders|ratio} bidder(s) (per lot or item, on average, if there are any); the median of the {peers|int} comparable tenders ({market|text}) is {median|ratio}, and half of them lie between {lower_quartile|ratio} and {upper_quartile|ratio}. This is an indication to check."

[false_positives]
pt = ["Objeto mais específico que o do grupo.", "Local de entrega distante ou lote pequeno."]
en = ["An object more specific than its group.", "A remote place of delivery, or a small lot."]

[[parameters]]
name = "outlier_k"
value = "1.5"
unit = "factor"
min = "1"
label = { pt = "Múltiplo da amplitude entre quartis", en = "Multiple of the interquartile range" }

[[parameters]]
name = "half"
value = "0.5"
unit = "ratio"
min = "0.01"
max = "1"
label = { pt = "Parcela da mediana", en = "Share of the median" }

[[parameters]]
name = "min_median"
value = "3"
unit = "count"
min = "1"
label = { pt = "Mediana mínima do mercado", en = "Least median of the market" }

[[parameters]]
name = "min_peers"
value = "30"
unit = "count"
min = "4"
label = { pt = "Licitações mínimas no grupo", en = "Fewest tenders in the group" }

[reasons]
method_unknown = { outcome = "not_evaluable", pt = "A fonte não diz se houve competição aberta.", en = "The source does not say whether it was open to competition.", columns = ["tenders.method"] }
cancelled = { outcome = "not_evaluable", pt = "A licitação foi cancelada, anulada, revogada ou ficou deserta.", en = "The tender was cancelled, annulled, or nobody bid." }
not_decided = { outcome = "not_evaluable", pt = "Nenhum resultado foi publicado.", en = "No result is published." }
bidders_not_published = { outcome = "not_evaluable", pt = "A fonte não diz quantos participaram.", en = "The source does not say how many took part.", columns = ["tenders.tenderers"] }
counts_differ = { outcome = "not_evaluable", pt = "O número publicado de participantes é menor que o de participantes nomeados.", en = "The published number of bidders is below that of the bidders named." }
market_unknown = { outcome = "not_evaluable", pt = "Nem a classe nem a categoria do objeto são conhecidas.", en = "Neither the class nor the category of the object is known." }
peer_group_too_small = { outcome = "not_evaluable", pt = "Há menos de {min_peers|exact} licitações comparáveis.", en = "There are fewer than {min_peers|exact} comparable tenders." }
market_of_few = { outcome = "not_evaluable", pt = "A mediana de participantes do mercado é menor que {min_median|exact}.", en = "The market's median number of bidders is below {min_median|exact}." }

[[evidence]]
name = "bidders"
unit = "ratio"
label = { pt = "Participantes (por lote ou item, em média, onde as propostas os dizem)", en = "Bidders (per lot or item, on average, where bids name them)" }

[[evidence]]
name = "median"
unit = "ratio"
label = { pt = "Mediana do mercado", en = "Median of the market" }

[[evidence]]
name = "lower_quartile"
unit = "count"
label = { pt = "Primeiro quartil", en = "First quartile" }

[[evidence]]
name = "upper_quartile"
unit = "count"
label = { pt = "Terceiro quartil", en = "Third quartile" }

[[evidence]]
name = "peers"
unit = "count"
label = { pt = "Licitações comparáveis", en = "Comparable tenders" }

[[evidence]]
name = "market"
unit = "text"
label = { pt = "Mercado", en = "Market" }
words = { goods = { pt = "compras", en = "goods" }, services = { pt = "serviços", en = "services" }, works = { pt = "obras", en = "works" } }

[[evidence]]
name = "buyer_name"
unit = "text"
label = { pt = "Comprador", en = "Buyer" }
*/
WITH read AS (
    SELECT
        *,
        CASE
            WHEN NOT competitive THEN 'method_unknown'
            WHEN dropped THEN 'cancelled'
            WHEN NOT decided THEN 'not_decided'
            WHEN bidders IS NULL OR bidders < 1 THEN 'bidders_not_published'
            WHEN stated < named THEN 'counts_differ'
            WHEN market IS NULL THEN 'market_unknown'
        END AS why
    FROM competitions
    WHERE NOT direct
),
markets AS (
    SELECT
        source,
        market,
        count(*) AS peers,
        quantile8(bidders_per_lot, 0.25) AS q1,
        quantile8(bidders_per_lot, 0.5) AS median,
        quantile8(bidders_per_lot, 0.75) AS q3
    FROM read
    WHERE why IS NULL
    GROUP BY source, market
),
judged AS (
    SELECT
        r.*,
        m.peers,
        m.q1,
        m.median,
        m.q3,
        CASE
            WHEN r.why IS NOT NULL THEN r.why
            WHEN m.peers < $min_peers THEN 'peer_group_too_small'
            WHEN m.median < $min_median THEN 'market_of_few'
            WHEN r.bidders_per_lot < $half * m.median THEN 'fired'
            WHEN m.q3 > m.q1 AND r.bidders_per_lot <= m.q1 - $outlier_k * (m.q3 - m.q1) THEN 'fired'
            ELSE 'clear'
        END AS verdict
    FROM read r
    LEFT JOIN markets m ON m.source = r.source AND m.market = r.market
)
SELECT
    tender_id AS subject,
    CASE WHEN verdict IN ('fired', 'clear') THEN verdict ELSE 'not_evaluable' END AS outcome,
    CASE WHEN verdict NOT IN ('fired', 'clear') THEN verdict END AS reason,
    CASE WHEN verdict = 'fired' THEN 'low' END AS severity,
    in_scope,
    make_array(tender_id) AS tender_ids,
    bidders_per_lot AS bidders,
    median,
    q1 AS lower_quartile,
    q3 AS upper_quartile,
    peers,
    market,
    buyer_name
FROM judged
