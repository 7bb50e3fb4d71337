/*
id = "disqualification_pattern"
version = "1.3.0"
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
pt = "Em um lote: todos menos o vencedor ({min_disqualified|exact} ao menos) foram desclassificados; ou a menor proposta foi desclassificada e venceu outra (só onde o preço é o critério, ou critério algum é publicado, e não vence a maior oferta). De um comprador ou licitante com ao menos {min_tenders|exact} licitações: a parcela de propostas desclassificadas passa de Q3 + {outlier_k|exact}·(Q3 − Q1) dos comparáveis da fonte ({min_peers|exact} no mínimo, quartis do tipo 8)."
en = "In a lot: all but the winner ({min_disqualified|exact} at least) were disqualified; or the lowest bid was disqualified and another won (only where the price is the criterion, or no criterion is published, and the highest bid does not win). Of a buyer or a bidder with at least {min_tenders|exact} tenders: the share of disqualified bids is above Q3 + {outlier_k|exact}·(Q3 − Q1) of the comparable ones of the source ({min_peers|exact} at least, quartiles of type 8)."

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
min = "1"
label = { pt = "Licitantes desclassificados mínimos em um lote", en = "Fewest disqualified bidders in a lot" }

[[parameters]]
name = "outlier_k"
value = "1.5"
unit = "factor"
min = "1"
label = { pt = "Múltiplo da amplitude entre quartis", en = "Multiple of the interquartile range" }

[[parameters]]
name = "min_tenders"
value = "5"
unit = "count"
min = "1"
label = { pt = "Licitações mínimas do comprador ou licitante", en = "Fewest tenders of the buyer or bidder" }

[[parameters]]
name = "min_peers"
value = "30"
unit = "count"
min = "4"
label = { pt = "Compradores ou licitantes mínimos no grupo", en = "Fewest buyers or bidders in the group" }

[reasons]
cancelled = { outcome = "not_evaluable", pt = "A licitação foi cancelada, anulada, revogada ou ficou deserta.", en = "The tender was cancelled, annulled, or nobody bid." }
status_not_published = { outcome = "not_evaluable", pt = "A fonte não diz quais propostas são válidas.", en = "The source does not say which bids are valid.", columns = ["bids.status"] }
bidder_unknown = { outcome = "not_evaluable", pt = "A fonte não diz de quem é alguma proposta.", en = "The source does not say whose a bid is.", columns = ["bids.bidder_key"] }
lots_not_stated = { outcome = "not_evaluable", pt = "A licitação tem lotes e as propostas não dizem de qual são.", en = "The tender has lots and the bids do not say for which they are.", columns = ["bids.lot"] }
single_bidder = { outcome = "not_evaluable", pt = "Há menos de dois licitantes.", en = "There are fewer than two bidders." }
winner_unknown = { outcome = "not_evaluable", pt = "A fonte não diz qual proposta válida venceu.", en = "The source does not say which valid bid won.", columns = ["bids.won"] }
too_few_tenders = { outcome = "not_evaluable", pt = "O comprador ou licitante tem menos de {min_tenders|exact} licitações.", en = "The buyer or bidder has fewer than {min_tenders|exact} tenders." }
peer_group_too_small = { outcome = "not_evaluable", pt = "Há menos de {min_peers|exact} comparáveis na fonte.", en = "There are fewer than {min_peers|exact} comparable ones in the source." }
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
        min(CASE WHEN status = 'valid' THEN amount END) AS lowest_valid,
        min(CASE WHEN status NOT IN ('valid', 'disqualified') THEN amount END) AS lowest_other,
        array_agg(bid_id ORDER BY bid_id) AS bid_ids
    FROM lot_bids
    GROUP BY lot_id
),
-- Of each bidder of a lot; who has a valid bid as well was not thrown out.
firms AS (
    SELECT
        lot_id,
        bidder_key,
        bool_and(coalesce(status, '') = 'disqualified') AS thrown_out,
        CASE
            WHEN NOT bool_or(coalesce(status, '') = 'valid') THEN min(CASE WHEN status = 'disqualified' THEN amount END)
        END AS lowest_out
    FROM lot_bids
    WHERE bidder_key IS NOT NULL
    GROUP BY lot_id, bidder_key
),
thrown_out AS (
    SELECT lot_id, sum(CASE WHEN thrown_out THEN 1 ELSE 0 END) AS bidders, min(lowest_out) AS lowest_out
    FROM firms
    GROUP BY lot_id
),
read AS (
    SELECT
        l.*,
        m.bid_ids,
        t.lowest_out,
        m.lowest_valid,
        l.winners = 1 AND m.valid_bidders = 1 AND m.valid_bidder = l.winner_key
            AND coalesce(t.bidders, 0) >= $min_disqualified AND coalesce(t.bidders, 0) + 1 = l.bidders AS all_but_winner,
        coalesce(
            l.currencies = 1
                AND NOT l.income
                AND coalesce(lower(l.criterion), 'priceonly') NOT IN ('ratedcriteria', 'qualityonly', 'bestproposal')
                AND NOT has_word(fold(coalesce(l.criterion, '')), 'tecnica')
                AND t.lowest_out < m.lowest_valid
                AND (m.lowest_other IS NULL OR t.lowest_out < m.lowest_other),
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
-- Each bid counts for its buyer and for its bidder.
counted AS (
    SELECT source, 'buyer' AS pattern, buyer_id AS id, buyer_name AS name, in_scope, tender_id, bid_id, disqualified
    FROM judged_bids
    UNION ALL
    SELECT source, 'bidder' AS pattern, bidder_key AS id, bidder_name AS name, in_scope, tender_id, bid_id, disqualified
    FROM judged_bids
),
of_tenders AS (
    SELECT
        source, pattern, id, tender_id, min(name) AS name, bool_or(in_scope) AS in_scope,
        count(*) AS bids, sum(disqualified) AS disqualified
    FROM counted
    GROUP BY source, pattern, id, tender_id
),
entities AS (
    SELECT
        source, pattern, id, min(name) AS name, bool_or(in_scope) AS in_scope,
        count(*) AS tenders, sum(bids) AS bids, sum(disqualified) AS disqualified
    FROM of_tenders
    GROUP BY source, pattern, id
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
),
-- Lists are made only of what fires.
tender_lists AS (
    SELECT e.source, e.pattern, e.id, array_agg(t.tender_id ORDER BY t.tender_id) AS tender_ids
    FROM of_entities e
    JOIN of_tenders t ON t.source = e.source AND t.pattern = e.pattern AND t.id = e.id
    WHERE e.verdict = 'fired' AND t.disqualified > 0
    GROUP BY e.source, e.pattern, e.id
),
bid_lists AS (
    SELECT e.source, e.pattern, e.id, array_agg(c.bid_id ORDER BY c.bid_id) AS bid_ids
    FROM of_entities e
    JOIN counted c ON c.source = e.source AND c.pattern = e.pattern AND c.id = e.id
    WHERE e.verdict = 'fired' AND c.disqualified = 1
    GROUP BY e.source, e.pattern, e.id
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
    e.source || ' ' || e.pattern || ' ' || e.id AS subject,
    CASE WHEN e.verdict IN ('fired', 'clear') THEN e.verdict ELSE 'not_evaluable' END AS outcome,
    CASE WHEN e.verdict NOT IN ('fired', 'clear') THEN e.verdict END AS reason,
    CASE WHEN e.verdict = 'fired' THEN 'medium' END AS severity,
    e.in_scope,
    t.tender_ids,
    b.bid_ids,
    CASE WHEN e.verdict = 'fired' THEN e.pattern END AS pattern,
    e.name,
    e.disqualified,
    e.bids,
    e.share,
    e.fence,
    e.q1 AS lower_quartile,
    e.q3 AS upper_quartile,
    e.peers,
    CAST(NULL AS DECIMAL(18, 2)) AS lowest_bid,
    CAST(NULL AS DECIMAL(18, 2)) AS lowest_valid,
    CAST(NULL AS VARCHAR) AS currency
FROM of_entities e
LEFT JOIN tender_lists t ON t.source = e.source AND t.pattern = e.pattern AND t.id = e.id
LEFT JOIN bid_lists b ON b.source = e.source AND b.pattern = e.pattern AND b.id = e.id
