/*
id = "disqualification_pattern"
version = "1.0.0"
strength = "statistical"
scope = "pattern"
reference = "OCP R035, R036, R038"
legal_basis = ""
tags = ["competition"]
groups = ["competition"]
tables = ["lots", "lot_bids", "competitions", "tenders", "bids", "tender_items"]

[title]
pt = "Desclassificações que decidem"
en = "Disqualifications that decide"

[explanation]
pt = "Em um lote: todos menos o vencedor foram desclassificados; ou a menor proposta foi desclassificada e venceu outra (só onde o preço é o critério, ou critério algum é publicado). De um comprador ou licitante com ao menos 5 licitações: a parcela de propostas desclassificadas passa de Q3 + 1,5·(Q3 − Q1) dos comparáveis da fonte (30 no mínimo, quartis do tipo 8)."
en = "In a lot: all but the winner were disqualified; or the lowest bid was disqualified and another won (only where the price is the criterion, or no criterion is published). Of a buyer or a bidder with at least 5 tenders: the share of disqualified bids is above Q3 + 1.5·(Q3 − Q1) of the comparable ones of the source (30 at least, quartiles of type 8)."

[severity]
pt = "Média."
en = "Medium."

[text]
pt = "{name|text}: {disqualified|int} de {bids|int} propostas desclassificadas ({pattern|text}). Desclassificar pode ser o que o edital exige: é um indício a conferir nas atas."
en = "{name|text}: {disqualified|int} of {bids|int} bids disqualified ({pattern|text}). To disqualify may be what the notice demands: this is an indication to check in the minutes."

[false_positives]
pt = ["Propostas que de fato não atendem ao edital.", "Documentação que falta a muitas empresas pequenas.", "Preço inexequível da menor proposta."]
en = ["Bids that do fall short of the notice.", "Papers that many small firms lack.", "A lowest bid that could not be carried out."]

[[parameters]]
name = "min_disqualified"
value = "1"
unit = "count"
label = { pt = "Licitantes desclassificados mínimos em um lote", en = "Fewest disqualified bidders in a lot" }

[[parameters]]
name = "outlier_k"
value = "1.5"
unit = "factor"
label = { pt = "Múltiplo da amplitude entre quartis", en = "Multiple of the interquartile range" }

[[parameters]]
name = "min_tenders"
value = "5"
unit = "count"
label = { pt = "Licitações mínimas do comprador ou licitante", en = "Fewest tenders of the buyer or bidder" }

[[parameters]]
name = "min_peers"
value = "30"
unit = "count"
label = { pt = "Compradores ou licitantes mínimos no grupo", en = "Fewest buyers or bidders in the group" }

[reasons]
cancelled = { outcome = "not_evaluable", pt = "A licitação foi cancelada, anulada, revogada ou ficou deserta.", en = "The tender was cancelled, annulled, or nobody bid." }
status_not_published = { outcome = "not_evaluable", pt = "A fonte não diz quais propostas são válidas.", en = "The source does not say which bids are valid." }
bidder_unknown = { outcome = "not_evaluable", pt = "A fonte não diz de quem é alguma proposta.", en = "The source does not say whose a bid is." }
lots_not_stated = { outcome = "not_evaluable", pt = "A licitação tem lotes e as propostas não dizem de qual são.", en = "The tender has lots and the bids do not say for which they are." }
single_bidder = { outcome = "not_evaluable", pt = "Há menos de dois licitantes.", en = "There are fewer than two bidders." }
winner_unknown = { outcome = "not_evaluable", pt = "A fonte não diz qual proposta válida venceu.", en = "The source does not say which valid bid won." }
too_few_tenders = { outcome = "not_evaluable", pt = "O comprador ou licitante tem menos de 5 licitações.", en = "The buyer or bidder has fewer than 5 tenders." }
peer_group_too_small = { outcome = "not_evaluable", pt = "Há menos de 30 comparáveis na fonte.", en = "There are fewer than 30 comparable ones in the source." }
peer_group_without_spread = { outcome = "not_evaluable", pt = "Os quartis do grupo são iguais.", en = "The quartiles of the group are equal." }

[[evidence]]
name = "pattern"
unit = "text"
label = { pt = "Padrão", en = "Pattern" }
words = { all_but_winner = { pt = "todos menos o vencedor", en = "all but the winner" }, lowest = { pt = "a menor proposta", en = "the lowest bid" }, both = { pt = "todos menos o vencedor, a menor proposta entre eles", en = "all but the winner, the lowest bid among them" }, buyer = { pt = "parcela alta entre os compradores", en = "a high share among buyers" }, bidder = { pt = "parcela alta entre os licitantes", en = "a high share among bidders" } }

[[evidence]]
name = "name"
unit = "text"
label = { pt = "Comprador ou licitante", en = "Buyer or bidder" }

[[evidence]]
name = "disqualified"
unit = "count"
label = { pt = "Propostas desclassificadas", en = "Disqualified bids" }

[[evidence]]
name = "bids"
unit = "count"
label = { pt = "Propostas", en = "Bids" }

[[evidence]]
name = "share"
unit = "ratio"
label = { pt = "Parcela desclassificada", en = "Share disqualified" }

[[evidence]]
name = "fence"
unit = "ratio"
label = { pt = "Limite estatístico", en = "Fence" }

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
label = { pt = "Comparáveis", en = "Comparable ones" }

[[evidence]]
name = "lowest_bid"
unit = "amount"
label = { pt = "Menor proposta, desclassificada", en = "Lowest bid, disqualified" }

[[evidence]]
name = "lowest_valid"
unit = "amount"
label = { pt = "Menor proposta válida", en = "Lowest valid bid" }

[[evidence]]
name = "currency"
unit = "text"
label = { pt = "Moeda", en = "Currency" }
*/
WITH made AS (
    SELECT
        lot_id,
        count(DISTINCT CASE WHEN status = 'valid' THEN bidder_key END) AS valid_bidders,
        min(CASE WHEN status = 'valid' THEN bidder_key END) AS valid_bidder,
        min(CASE WHEN status = 'disqualified' THEN amount END) AS lowest_out,
        min(CASE WHEN status = 'valid' THEN amount END) AS lowest_valid,
        min(CASE WHEN status NOT IN ('valid', 'disqualified') THEN amount END) AS lowest_other,
        array_agg(bid_id ORDER BY bid_id) AS bid_ids
    FROM lot_bids
    GROUP BY lot_id
),
-- Disqualified, and without any valid bid of their own.
thrown_out AS (
    SELECT lot_id, count(*) AS bidders
    FROM (
        SELECT lot_id, bidder_key
        FROM lot_bids
        WHERE bidder_key IS NOT NULL
        GROUP BY lot_id, bidder_key
        HAVING bool_and(coalesce(status, '') = 'disqualified')
    )
    GROUP BY lot_id
),
read AS (
    SELECT
        l.*,
        m.bid_ids,
        m.lowest_out,
        m.lowest_valid,
        l.winners = 1 AND m.valid_bidders = 1 AND m.valid_bidder = l.winner_key
            AND coalesce(t.bidders, 0) >= $min_disqualified AND coalesce(t.bidders, 0) + 1 = l.bidders AS all_but_winner,
        coalesce(
            l.currencies = 1
                AND coalesce(lower(l.criterion), 'priceonly') NOT IN ('ratedcriteria', 'qualityonly', 'bestproposal')
                AND NOT has_word(fold(coalesce(l.criterion, '')), 'tecnica')
                AND m.lowest_out < m.lowest_valid
                AND (m.lowest_other IS NULL OR m.lowest_out < m.lowest_other),
            false
        ) AS lowest,
        CASE
            WHEN l.dropped THEN 'cancelled'
            WHEN l.silent > 0 THEN 'status_not_published'
            WHEN l.unnamed > 0 THEN 'bidder_unknown'
            WHEN l.unstated_lots THEN 'lots_not_stated'
            WHEN l.bidders < 2 THEN 'single_bidder'
        END AS why
    FROM lots l
    JOIN made m ON m.lot_id = l.lot_id
    LEFT JOIN thrown_out t ON t.lot_id = l.lot_id
),
of_lots AS (
    SELECT
        *,
        CASE
            WHEN why IS NOT NULL THEN why
            WHEN winners = 0 THEN 'winner_unknown'
            WHEN all_but_winner AND lowest THEN 'both'
            WHEN all_but_winner THEN 'all_but_winner'
            WHEN lowest THEN 'lowest'
            ELSE 'clear'
        END AS verdict
    FROM read
),
judged_bids AS (
    SELECT
        b.tender_id, b.bid_id, b.bidder_key, b.bidder_id, b.bidder_name, r.buyer_id, r.buyer_name, r.source, r.in_scope,
        CASE WHEN b.status = 'disqualified' THEN 1 ELSE 0 END AS disqualified
    FROM lot_bids b
    JOIN read r ON r.lot_id = b.lot_id
    WHERE r.why IS NULL OR r.why = 'single_bidder'
),
entities AS (
    SELECT
        source, 'buyer' AS pattern, buyer_id AS id, min(buyer_name) AS name, bool_or(in_scope) AS in_scope,
        count(DISTINCT tender_id) AS tenders, count(*) AS bids, sum(disqualified) AS disqualified,
        array_agg(DISTINCT tender_id ORDER BY tender_id) FILTER (WHERE disqualified = 1) AS tender_ids,
        array_agg(bid_id ORDER BY bid_id) FILTER (WHERE disqualified = 1) AS bid_ids
    FROM judged_bids
    GROUP BY source, buyer_id
    UNION ALL
    SELECT
        source, 'bidder' AS pattern, bidder_key AS id, min(bidder_name) AS name, bool_or(in_scope) AS in_scope,
        count(DISTINCT tender_id) AS tenders, count(*) AS bids, sum(disqualified) AS disqualified,
        array_agg(DISTINCT tender_id ORDER BY tender_id) FILTER (WHERE disqualified = 1) AS tender_ids,
        array_agg(bid_id ORDER BY bid_id) FILTER (WHERE disqualified = 1) AS bid_ids
    FROM judged_bids
    GROUP BY source, bidder_key
),
peers AS (
    SELECT
        source,
        pattern,
        count(*) AS peers,
        quantile8(CAST(disqualified AS DOUBLE) / bids, 0.25) AS q1,
        quantile8(CAST(disqualified AS DOUBLE) / bids, 0.75) AS q3
    FROM entities
    WHERE tenders >= $min_tenders
    GROUP BY source, pattern
),
of_entities AS (
    SELECT
        e.*,
        CAST(e.disqualified AS DOUBLE) / e.bids AS share,
        p.peers,
        p.q1,
        p.q3,
        p.q3 + $outlier_k * (p.q3 - p.q1) AS fence,
        CASE
            WHEN e.tenders < $min_tenders THEN 'too_few_tenders'
            WHEN p.peers < $min_peers THEN 'peer_group_too_small'
            WHEN p.q3 <= p.q1 THEN 'peer_group_without_spread'
            WHEN CAST(e.disqualified AS DOUBLE) / e.bids > p.q3 + $outlier_k * (p.q3 - p.q1) THEN 'fired'
            ELSE 'clear'
        END AS verdict
    FROM entities e
    LEFT JOIN peers p ON p.source = e.source AND p.pattern = e.pattern
)
SELECT
    lot_id AS subject,
    CASE WHEN verdict IN ('both', 'all_but_winner', 'lowest') THEN 'fired' WHEN verdict = 'clear' THEN verdict ELSE 'not_evaluable' END AS outcome,
    CASE WHEN verdict NOT IN ('both', 'all_but_winner', 'lowest', 'clear') THEN verdict END AS reason,
    CASE WHEN verdict IN ('both', 'all_but_winner', 'lowest') THEN 'medium' END AS severity,
    in_scope,
    make_array(tender_id) AS tender_ids,
    CASE WHEN verdict IN ('both', 'all_but_winner', 'lowest') THEN bid_ids END AS bid_ids,
    CASE WHEN verdict IN ('both', 'all_but_winner', 'lowest') THEN verdict END AS pattern,
    buyer_name AS name,
    disqualified,
    bids,
    CAST(disqualified AS DOUBLE) / bids AS share,
    CAST(NULL AS DOUBLE) AS fence,
    CAST(NULL AS DOUBLE) AS lower_quartile,
    CAST(NULL AS DOUBLE) AS upper_quartile,
    CAST(NULL AS BIGINT) AS peers,
    CASE WHEN verdict IN ('both', 'lowest') THEN lowest_out END AS lowest_bid,
    CASE WHEN verdict IN ('both', 'lowest') THEN lowest_valid END AS lowest_valid,
    CASE WHEN verdict IN ('both', 'lowest') THEN currency END AS currency
FROM of_lots
UNION ALL
SELECT
    source || ' ' || pattern || ' ' || id AS subject,
    CASE WHEN verdict IN ('fired', 'clear') THEN verdict ELSE 'not_evaluable' END AS outcome,
    CASE WHEN verdict NOT IN ('fired', 'clear') THEN verdict END AS reason,
    CASE WHEN verdict = 'fired' THEN 'medium' END AS severity,
    in_scope,
    CASE WHEN verdict = 'fired' THEN tender_ids END AS tender_ids,
    CASE WHEN verdict = 'fired' THEN bid_ids END AS bid_ids,
    CASE WHEN verdict = 'fired' THEN pattern END AS pattern,
    name,
    disqualified,
    bids,
    share,
    fence,
    q1 AS lower_quartile,
    q3 AS upper_quartile,
    peers,
    CAST(NULL AS DECIMAL(18, 2)) AS lowest_bid,
    CAST(NULL AS DECIMAL(18, 2)) AS lowest_valid,
    CAST(NULL AS VARCHAR) AS currency
FROM of_entities
