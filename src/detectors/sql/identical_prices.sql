/*
id = "identical_prices"
version = "1.1.1"
strength = "statistical"
scope = "single"
reference = "OCP R028"
legal_basis = ""
tags = ["collusion"]
groups = ["collusion"]
tables = ["lots", "lot_bids", "competitions", "tenders", "bids", "tender_items"]

[title]
pt = "Propostas de licitantes diferentes com o mesmo preço"
en = "Bids of different bidders at the same price"

[explanation]
pt = "Dois licitantes ou mais fizeram, pelo mesmo lote (ou item, ou licitação inteira), propostas do mesmo valor na mesma moeda. Propostas retiradas não contam; desclassificadas contam."
en = "Two bidders or more made bids of the same amount, in the same currency, for the same lot (or item, or whole tender). Withdrawn bids do not count; disqualified ones do."

[severity]
pt = "Média; baixa em pregão ou leilão, ou se o preço é o valor estimado (teto ou preço tabelado)."
en = "Medium; low in a pregão or auction, or if the price is the value estimated (a ceiling or a regulated price)."

[text]
pt = "Licitação de {buyer_name|text}: {same|int} dos {bidders|int} licitantes propuseram {currency|text} {price|amount}, o mesmo valor: {names|text}. Preços iguais podem vir de tabela ou de teto: é um indício a conferir."
en = "Tender of {buyer_name|text}: {same|int} of the {bidders|int} bidders bid {currency|text} {price|amount}, the same amount: {names|text}. Equal prices may come from a price list or a ceiling: this is an indication to check."

[false_positives]
pt = ["Preço tabelado, regulado ou igual ao teto do edital.", "Produto de um só fabricante com preço de lista.", "Consórcio e membro seu que propõem ambos."]
en = ["A regulated price, or the ceiling of the notice.", "A product of one maker with a list price.", "A consortium and a member of it that both bid."]

[reasons]
cancelled = { outcome = "not_evaluable", pt = "A licitação foi cancelada, anulada, revogada ou ficou deserta.", en = "The tender was cancelled, annulled, or nobody bid." }
no_amount = { outcome = "not_evaluable", pt = "A fonte não publica os valores das propostas.", en = "The source does not publish the amounts of the bids.", columns = ["bids.amount"] }
single_bidder = { outcome = "not_evaluable", pt = "Há menos de dois licitantes conhecidos com valor.", en = "There are fewer than two known bidders with an amount." }
lots_not_stated = { outcome = "not_evaluable", pt = "A licitação tem lotes e as propostas não dizem de qual são.", en = "The tender has lots and the bids do not say for which they are.", columns = ["bids.lot"] }

[[evidence]]
name = "price"
unit = "amount"
label = { pt = "Preço", en = "Price" }

[[evidence]]
name = "currency"
unit = "text"
label = { pt = "Moeda", en = "Currency" }

[[evidence]]
name = "same"
unit = "count"
label = { pt = "Licitantes com esse preço", en = "Bidders at that price" }

[[evidence]]
name = "bidders"
unit = "count"
label = { pt = "Licitantes com valor", en = "Bidders with an amount" }

[[evidence]]
name = "names"
unit = "text"
label = { pt = "Quem propôs esse preço", en = "Who bid that price" }

[[evidence]]
name = "estimate"
unit = "amount"
label = { pt = "Valor estimado", en = "Value estimated" }

[[evidence]]
name = "buyer_name"
unit = "text"
label = { pt = "Comprador", en = "Buyer" }
*/
WITH offers AS (
    SELECT DISTINCT lot_id, bidder_key, currency, amount
    FROM lot_bids
    WHERE amount IS NOT NULL AND bidder_key IS NOT NULL
),
priced AS (
    SELECT lot_id, count(*) AS bidders
    FROM (SELECT DISTINCT lot_id, bidder_key FROM offers)
    GROUP BY lot_id
),
prices AS (
    SELECT lot_id, currency, amount, count(*) AS same
    FROM offers
    GROUP BY lot_id, currency, amount
),
-- The price that most share, the lowest of these.
shared AS (
    SELECT *
    FROM (SELECT *, row_number() OVER (PARTITION BY lot_id ORDER BY same DESC, amount, currency) AS place FROM prices WHERE same > 1)
    WHERE place = 1
),
sharing AS (
    SELECT b.lot_id, b.bid_id, b.bidder_name
    FROM lot_bids b
    JOIN shared s ON s.lot_id = b.lot_id AND s.amount = b.amount AND coalesce(s.currency, '') = coalesce(b.currency, '')
    WHERE b.bidder_key IS NOT NULL
),
rows_of AS (
    SELECT lot_id, array_agg(bid_id ORDER BY bid_id) AS bid_ids
    FROM sharing
    GROUP BY lot_id
),
names AS (
    SELECT lot_id, string_agg(bidder_name, '; ' ORDER BY bidder_name) AS names
    FROM (SELECT DISTINCT lot_id, bidder_name FROM sharing)
    GROUP BY lot_id
),
judged AS (
    SELECT
        l.*,
        p.bidders AS known,
        s.amount,
        s.currency AS money,
        s.same,
        n.names,
        r.bid_ids,
        CASE
            WHEN l.dropped THEN 'cancelled'
            WHEN l.priced = 0 THEN 'no_amount'
            WHEN coalesce(p.bidders, 0) < 2 THEN 'single_bidder'
            WHEN l.unstated_lots THEN 'lots_not_stated'
            WHEN s.lot_id IS NOT NULL THEN 'fired'
            ELSE 'clear'
        END AS verdict
    FROM lots l
    LEFT JOIN priced p ON p.lot_id = l.lot_id
    LEFT JOIN shared s ON s.lot_id = l.lot_id
    LEFT JOIN rows_of r ON r.lot_id = l.lot_id
    LEFT JOIN names n ON n.lot_id = l.lot_id
)
SELECT
    lot_id AS subject,
    CASE WHEN verdict IN ('fired', 'clear') THEN verdict ELSE 'not_evaluable' END AS outcome,
    CASE WHEN verdict NOT IN ('fired', 'clear') THEN verdict END AS reason,
    CASE WHEN verdict <> 'fired' THEN NULL WHEN auction OR amount = estimated_value THEN 'low' ELSE 'medium' END AS severity,
    in_scope,
    make_array(tender_id) AS tender_ids,
    CASE WHEN verdict = 'fired' THEN bid_ids END AS bid_ids,
    amount AS price,
    money AS currency,
    same,
    known AS bidders,
    names,
    estimated_value AS estimate,
    buyer_name
FROM judged
