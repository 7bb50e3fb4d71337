/*
id = "price_gap"
version = "1.1.1"
strength = "statistical"
scope = "single"
reference = "OCP R024, R058"
legal_basis = ""
tags = ["collusion", "price_close_to_winning", "heavily_discounted"]
groups = ["collusion"]
tables = ["lots", "lot_bids", "lot_offers", "competitions", "tenders", "bids", "tender_items"]

[title]
pt = "Distância incomum entre a proposta vencedora e a segunda"
en = "Unusual distance between the winning bid and the next"

[explanation]
pt = "A segunda menor proposta válida de outro licitante sobre a vencedora, menos um. Perto demais: entre os {close_quantile|exact} mais próximos da fonte e até {close_ratio|exact}. Longe demais: ln(1 + razão) a partir de Q3 + {outlier_k|exact}·(Q3 − Q1) (quartis do tipo 8). Ao menos {min_peers|exact} lotes comparáveis da mesma fonte, cada um com uma só moeda."
en = "The lowest valid bid of another bidder over the winning one, minus one. Too close: among the closest {close_quantile|exact} of the source and up to {close_ratio|exact}. Too far: ln(1 + ratio) from Q3 + {outlier_k|exact}·(Q3 − Q1) on (quartiles of type 8). At least {min_peers|exact} comparable lots of the same source, each in one currency."

[severity]
pt = "Média; baixa se perto em pregão ou leilão, em que os lances se aproximam uns dos outros."
en = "Medium; low if close in a pregão or auction, in which bids approach each other."

[text]
pt = "Licitação de {buyer_name|text}: a proposta vencedora, de {winner|text}, é de {currency|text} {winning|amount} e a seguinte, de {runner_up_name|text}, de {currency|text} {runner_up|amount}: {ratio|percent} a mais ({side|text}). Metade dos {peers|int} lotes comparáveis fica entre {lower_quartile|percent} e {upper_quartile|percent}. É um indício a conferir."
en = "Tender of {buyer_name|text}: the winning bid, of {winner|text}, is of {currency|text} {winning|amount} and the next, of {runner_up_name|text}, of {currency|text} {runner_up|amount}: {ratio|percent} more ({side|text}). Half of the {peers|int} comparable lots lie between {lower_quartile|percent} and {upper_quartile|percent}. This is an indication to check."

[false_positives]
pt = ["Preço de mercado conhecido de todos.", "Fornecedor com vantagem real de custo.", "Lances visíveis, que se aproximam uns dos outros."]
en = ["A market price that everybody knows.", "A supplier with a real advantage of cost.", "Visible bids, which approach each other."]

[[parameters]]
name = "outlier_k"
value = "1.5"
unit = "factor"
min = "1"
label = { pt = "Múltiplo da amplitude entre quartis", en = "Multiple of the interquartile range" }

[[parameters]]
name = "close_quantile"
value = "0.05"
unit = "ratio"
min = "0.01"
max = "0.5"
label = { pt = "Quantil das razões mais próximas", en = "Quantile of the closest ratios" }

[[parameters]]
name = "close_ratio"
value = "0.01"
unit = "ratio"
max = "1"
label = { pt = "Razão até a qual é perto", en = "Ratio up to which it is close" }

[[parameters]]
name = "min_peers"
value = "30"
unit = "count"
min = "4"
label = { pt = "Lotes mínimos no grupo", en = "Fewest lots in the group" }

[reasons]
cancelled = { outcome = "not_evaluable", pt = "A licitação foi cancelada, anulada, revogada ou ficou deserta.", en = "The tender was cancelled, annulled, or nobody bid." }
no_amount = { outcome = "not_evaluable", pt = "A fonte não publica o valor de alguma proposta válida, ou de nenhuma.", en = "The source does not publish the amount of a valid bid, or of any.", columns = ["bids.amount"] }
status_not_published = { outcome = "not_evaluable", pt = "A fonte não diz quais propostas são válidas.", en = "The source does not say which bids are valid.", columns = ["bids.status"] }
bidder_unknown = { outcome = "not_evaluable", pt = "A fonte não diz de quem é alguma proposta.", en = "The source does not say whose a bid is.", columns = ["bids.bidder_key"] }
lots_not_stated = { outcome = "not_evaluable", pt = "A licitação tem lotes e as propostas não dizem de qual são.", en = "The tender has lots and the bids do not say for which they are.", columns = ["bids.lot"] }
currencies_differ = { outcome = "not_evaluable", pt = "As propostas são de moedas diferentes.", en = "The bids are in different currencies." }
winner_unknown = { outcome = "not_evaluable", pt = "A fonte não diz qual proposta válida venceu.", en = "The source does not say which valid bid won.", columns = ["bids.won"] }
several_winners = { outcome = "not_evaluable", pt = "Mais de um licitante venceu.", en = "More than one bidder won." }
no_runner_up = { outcome = "not_evaluable", pt = "Não há proposta válida de outro licitante.", en = "There is no valid bid of another bidder." }
not_the_lowest_won = { outcome = "not_evaluable", pt = "Venceu uma proposta que não é a menor: o preço não decidiu sozinho.", en = "A bid won that is not the lowest: the price did not decide alone." }
peer_group_too_small = { outcome = "not_evaluable", pt = "Há menos de {min_peers|exact} lotes comparáveis.", en = "There are fewer than {min_peers|exact} comparable lots." }
peer_group_without_spread = { outcome = "not_evaluable", pt = "Os quartis do grupo são iguais.", en = "The quartiles of the group are equal." }

[[evidence]]
name = "ratio"
unit = "ratio"
label = { pt = "Distância", en = "Distance" }

[[evidence]]
name = "side"
unit = "text"
label = { pt = "Lado", en = "Side" }
words = { close = { pt = "perto demais", en = "too close" }, far = { pt = "longe demais", en = "too far" } }

[[evidence]]
name = "winning"
unit = "amount"
label = { pt = "Proposta vencedora", en = "Winning bid" }

[[evidence]]
name = "runner_up"
unit = "amount"
label = { pt = "Proposta seguinte", en = "Next bid" }

[[evidence]]
name = "currency"
unit = "text"
label = { pt = "Moeda", en = "Currency" }

[[evidence]]
name = "winner"
unit = "text"
label = { pt = "Vencedor", en = "Winner" }

[[evidence]]
name = "runner_up_name"
unit = "text"
label = { pt = "Segundo", en = "Runner-up" }

[[evidence]]
name = "close_from"
unit = "ratio"
label = { pt = "Quantil de {close_quantile|exact} das distâncias", en = "{close_quantile|exact} quantile of the distances" }

[[evidence]]
name = "far_from"
unit = "ratio"
label = { pt = "Limite estatístico superior", en = "Upper fence" }

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
label = { pt = "Lotes comparáveis", en = "Comparable lots" }

[[evidence]]
name = "buyer_name"
unit = "text"
label = { pt = "Comprador", en = "Buyer" }
*/
WITH offers AS (
    SELECT
        lot_id,
        count(*) AS offers,
        min(CASE WHEN won THEN amount END) AS winning,
        min(CASE WHEN NOT won THEN amount END) AS runner_up,
        min(CASE WHEN won THEN bid_id END) AS winning_id,
        first_value(CASE WHEN NOT won THEN bid_id END ORDER BY won, amount, bid_id) AS runner_up_id,
        min(CASE WHEN won THEN bidder_name END) AS winner,
        first_value(CASE WHEN NOT won THEN bidder_name END ORDER BY won, amount, bid_id) AS runner_up_name
    FROM lot_offers
    GROUP BY lot_id
),
read AS (
    SELECT
        l.*,
        o.winning,
        o.runner_up,
        o.winning_id,
        o.runner_up_id,
        o.winner,
        o.runner_up_name,
        CAST(o.runner_up - o.winning AS DOUBLE) / CAST(o.winning AS DOUBLE) AS ratio,
        CASE
            WHEN l.dropped THEN 'cancelled'
            WHEN l.priced = 0 THEN 'no_amount'
            WHEN l.silent > 0 THEN 'status_not_published'
            WHEN l.unpriced > 0 THEN 'no_amount'
            WHEN l.unnamed > 0 THEN 'bidder_unknown'
            WHEN l.unstated_lots THEN 'lots_not_stated'
            WHEN l.currencies > 1 THEN 'currencies_differ'
            WHEN l.winners = 0 THEN 'winner_unknown'
            WHEN l.winners > 1 THEN 'several_winners'
            WHEN o.offers < 2 THEN 'no_runner_up'
            WHEN o.runner_up < o.winning THEN 'not_the_lowest_won'
        END AS why
    FROM lots l
    LEFT JOIN offers o ON o.lot_id = l.lot_id
),
peers AS (
    SELECT
        source,
        count(*) AS peers,
        quantile8(ratio, $close_quantile) AS close_from,
        quantile8(ratio, 0.25) AS q1,
        quantile8(ratio, 0.75) AS q3,
        quantile8(ln(1 + ratio), 0.25) AS log_q1,
        quantile8(ln(1 + ratio), 0.75) AS log_q3
    FROM read
    WHERE why IS NULL
    GROUP BY source
),
judged AS (
    SELECT
        r.*,
        p.peers,
        p.close_from,
        p.q1,
        p.q3,
        exp(p.log_q3 + $outlier_k * (p.log_q3 - p.log_q1)) - 1 AS far_from,
        CASE
            WHEN r.why IS NOT NULL THEN r.why
            WHEN p.peers < $min_peers THEN 'peer_group_too_small'
            WHEN p.log_q3 <= p.log_q1 THEN 'peer_group_without_spread'
            WHEN ln(1 + r.ratio) >= p.log_q3 + $outlier_k * (p.log_q3 - p.log_q1) THEN 'far'
            WHEN r.ratio <= p.close_from AND r.ratio <= $close_ratio THEN 'close'
            ELSE 'clear'
        END AS verdict
    FROM read r
    LEFT JOIN peers p ON p.source = r.source
)
SELECT
    lot_id AS subject,
    CASE WHEN verdict IN ('close', 'far') THEN 'fired' WHEN verdict = 'clear' THEN verdict ELSE 'not_evaluable' END AS outcome,
    CASE WHEN verdict NOT IN ('close', 'far', 'clear') THEN verdict END AS reason,
    CASE WHEN verdict = 'close' AND auction THEN 'low' WHEN verdict IN ('close', 'far') THEN 'medium' END AS severity,
    in_scope,
    make_array(tender_id) AS tender_ids,
    CASE WHEN verdict IN ('close', 'far') THEN make_array(winning_id, runner_up_id) END AS bid_ids,
    ratio,
    CASE WHEN verdict IN ('close', 'far') THEN verdict END AS side,
    winning,
    runner_up,
    currency,
    winner,
    runner_up_name,
    close_from,
    far_from,
    q1 AS lower_quartile,
    q3 AS upper_quartile,
    peers,
    buyer_name
FROM judged
