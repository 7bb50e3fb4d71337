/*
id = "bid_dispersion_screen"
version = "1.2.1"
strength = "statistical"
scope = "pattern"
reference = "OCP R022, R023; Imhof 2017"
legal_basis = ""
tags = ["collusion"]
groups = ["collusion"]
tables = ["lots", "lot_bids", "lot_offers", "competitions", "tenders", "bids", "tender_items"]

[title]
pt = "Propostas com dispersão atípica, das mesmas empresas"
en = "Bids of unusual dispersion, of the same firms"

[explanation]
pt = "Lote com ao menos {min_bids|exact} propostas válidas cujo coeficiente de variação é menor que {low_cv|exact} e cuja vencedora se destaca (distância relativa acima de {apart|exact}), ou cujas propostas são múltiplos fixos umas das outras (a um milésimo). Só se aponta se duas das empresas se encontram assim em ao menos {min_tenders|exact} licitações, e em ao menos {min_share|exact} das que disputam juntas com tantas propostas; e, havendo {min_peers|exact} outras na fonte, se à taxa delas a probabilidade de o acaso o fazer é menor que {max_chance|exact}."
en = "A lot with at least {min_bids|exact} valid bids whose coefficient of variation is below {low_cv|exact} and whose lowest bid stands apart (relative distance above {apart|exact}), or whose bids are fixed multiples of each other (to a thousandth). It is flagged only if two of the firms meet like that in at least {min_tenders|exact} tenders, and in at least {min_share|exact} of those with as many bids that both bid in; and, with {min_peers|exact} others in the source, if at their rate the probability that chance would do it is below {max_chance|exact}."

[severity]
pt = "Média."
en = "Medium."

[text]
pt = "Licitação de {buyer_name|text} com {offers|int} propostas válidas: coeficiente de variação {cv|percent}, distância relativa {relative_distance|ratio}. {firms|text} se encontram assim em {flagged|int} das {common|int} licitações que disputaram juntas. Mercados pequenos e preços conhecidos também aproximam propostas: é um indício a conferir."
en = "Tender of {buyer_name|text} with {offers|int} valid bids: coefficient of variation {cv|percent}, relative distance {relative_distance|ratio}. {firms|text} meet like that in {flagged|int} of the {common|int} tenders that both bid in. Small markets and known prices also bring bids together: this is an indication to check."

[false_positives]
pt = ["Produto padronizado com preço conhecido.", "Insumo de um só fabricante, que pesa em todas as propostas.", "Teto divulgado no edital."]
en = ["A standard product with a known price.", "An input of one maker that weighs in all bids.", "A ceiling stated in the notice."]

[[parameters]]
name = "low_cv"
value = "0.06"
unit = "ratio"
min = "0.001"
max = "1"
label = { pt = "Coeficiente de variação abaixo do qual é baixo", en = "Coefficient of variation below which it is low" }

[[parameters]]
name = "apart"
value = "1"
unit = "factor"
max = "100"
label = { pt = "Distância relativa acima da qual a vencedora se destaca", en = "Relative distance above which the lowest bid stands apart" }

[[parameters]]
name = "min_bids"
value = "4"
unit = "count"
min = "3"
label = { pt = "Propostas válidas mínimas", en = "Fewest valid bids" }

[[parameters]]
name = "min_tenders"
value = "3"
unit = "count"
min = "2"
label = { pt = "Licitações mínimas do par de empresas", en = "Fewest tenders of the pair of firms" }

[[parameters]]
name = "min_share"
value = "0.5"
unit = "ratio"
min = "0.01"
max = "1"
label = { pt = "Parcela mínima das licitações do par", en = "Least share of the tenders of the pair" }

[[parameters]]
name = "max_chance"
value = "0.001"
unit = "ratio"
min = "0.000001"
max = "1"
label = { pt = "Probabilidade do acaso abaixo da qual conta", en = "Probability of chance below which it counts" }

[[parameters]]
name = "min_peers"
value = "30"
unit = "count"
min = "1"
label = { pt = "Outras licitações da fonte a partir das quais o acaso se mede", en = "Other tenders of the source from which chance can be measured" }

[reasons]
isolated = { outcome = "clear", pt = "A dispersão é atípica, mas não se repete entre as mesmas empresas.", en = "The dispersion is unusual, but does not recur among the same firms." }
cancelled = { outcome = "not_evaluable", pt = "A licitação foi cancelada, anulada, revogada ou ficou deserta.", en = "The tender was cancelled, annulled, or nobody bid." }
no_amount = { outcome = "not_evaluable", pt = "A fonte não publica o valor de alguma proposta válida, ou de nenhuma.", en = "The source does not publish the amount of a valid bid, or of any.", columns = ["bids.amount"] }
status_not_published = { outcome = "not_evaluable", pt = "A fonte não diz quais propostas são válidas.", en = "The source does not say which bids are valid.", columns = ["bids.status"] }
bidder_unknown = { outcome = "not_evaluable", pt = "A fonte não diz de quem é alguma proposta.", en = "The source does not say whose a bid is.", columns = ["bids.bidder_key"] }
lots_not_stated = { outcome = "not_evaluable", pt = "A licitação tem lotes e as propostas não dizem de qual são.", en = "The tender has lots and the bids do not say for which they are.", columns = ["bids.lot"] }
currencies_differ = { outcome = "not_evaluable", pt = "As propostas são de moedas diferentes.", en = "The bids are in different currencies." }
too_few_bids = { outcome = "not_evaluable", pt = "Há menos de {min_bids|exact} propostas válidas.", en = "There are fewer than {min_bids|exact} valid bids." }

[[evidence]]
name = "cv"
unit = "ratio"
label = { pt = "Coeficiente de variação", en = "Coefficient of variation" }

[[evidence]]
name = "relative_distance"
unit = "ratio"
label = { pt = "Distância relativa", en = "Relative distance" }

[[evidence]]
name = "fixed_multiples"
unit = "text"
label = { pt = "Múltiplos fixos", en = "Fixed multiples" }
words = { yes = { pt = "sim", en = "yes" }, no = { pt = "não", en = "no" } }

[[evidence]]
name = "score"
unit = "ratio"
label = { pt = "Escore calibrado do lote (de zero a um)", en = "Calibrated score of the lot (from zero to one)" }

[[evidence]]
name = "offers"
unit = "count"
label = { pt = "Propostas válidas", en = "Valid bids" }

[[evidence]]
name = "firms"
unit = "text"
label = { pt = "Empresas", en = "Firms" }

[[evidence]]
name = "flagged"
unit = "count"
label = { pt = "Licitações atípicas do par", en = "Unusual tenders of the pair" }

[[evidence]]
name = "common"
unit = "count"
label = { pt = "Licitações que o par disputou, com {min_bids|exact} propostas ou mais", en = "Tenders with {min_bids|exact} bids or more that both bid in" }

[[evidence]]
name = "chance"
unit = "ratio"
label = { pt = "Probabilidade ao acaso, à taxa das outras licitações", en = "Probability by chance, at the rate of the other tenders" }

[[evidence]]
name = "lower_quartile"
unit = "ratio"
label = { pt = "Primeiro quartil dos coeficientes de variação", en = "First quartile of the coefficients of variation" }

[[evidence]]
name = "upper_quartile"
unit = "ratio"
label = { pt = "Terceiro quartil dos coeficientes de variação", en = "Third quartile of the coefficients of variation" }

[[evidence]]
name = "peers"
unit = "count"
label = { pt = "Lotes da fonte com {min_bids|exact} propostas ou mais", en = "Lots of the source with {min_bids|exact} bids or more" }

[[evidence]]
name = "buyer_name"
unit = "text"
label = { pt = "Comprador", en = "Buyer" }
*/
WITH offers AS (
    SELECT
        lot_id,
        count(*) AS offers,
        array_agg(bid_id ORDER BY amount, bid_id) AS bid_ids,
        bid_screens(array_agg(amount ORDER BY amount)) AS screens
    FROM lot_offers
    GROUP BY lot_id
),
read AS (
    SELECT
        l.lot_id,
        l.tender_id,
        l.in_scope,
        l.source,
        l.buyer_name,
        o.offers,
        o.bid_ids,
        o.screens['cv'] AS cv,
        o.screens['relative_distance'] AS relative_distance,
        o.screens['fixed_multiples'] AS fixed_multiples,
        o.screens['score'] AS score,
        CASE
            WHEN l.dropped THEN 'cancelled'
            WHEN l.priced = 0 THEN 'no_amount'
            WHEN l.silent > 0 THEN 'status_not_published'
            WHEN l.unpriced > 0 THEN 'no_amount'
            WHEN l.unnamed > 0 THEN 'bidder_unknown'
            WHEN l.unstated_lots THEN 'lots_not_stated'
            WHEN l.currencies > 1 THEN 'currencies_differ'
            WHEN coalesce(o.offers, 0) < $min_bids THEN 'too_few_bids'
        END AS why
    FROM lots l
    LEFT JOIN offers o ON o.lot_id = l.lot_id
),
screened AS (
    SELECT
        *,
        why IS NULL AND (
            coalesce(cv < $low_cv AND relative_distance > $apart, false) OR coalesce(fixed_multiples = 1, false)
        ) AS unusual
    FROM read
),
peers AS (
    SELECT source, count(*) AS peers, quantile8(cv, 0.25) AS q1, quantile8(cv, 0.75) AS q3
    FROM screened
    WHERE why IS NULL
    GROUP BY source
),
-- How many tenders of a source there are, and how many of them unusual.
of_tenders AS (
    SELECT source, tender_id, bool_or(unusual) AS unusual
    FROM screened
    WHERE why IS NULL
    GROUP BY source, tender_id
),
sources AS (
    SELECT source, count(*) AS tenders, sum(CASE WHEN unusual THEN 1 ELSE 0 END) AS unusual
    FROM of_tenders
    GROUP BY source
),
met AS (
    SELECT
        a.bidder_key AS one,
        b.bidder_key AS other,
        s.source,
        s.tender_id,
        min(a.bidder_name) AS one_name,
        min(b.bidder_name) AS other_name
    FROM screened s
    JOIN lot_offers a ON a.lot_id = s.lot_id
    JOIN lot_offers b ON b.lot_id = s.lot_id AND a.bidder_key < b.bidder_key
    WHERE s.unusual
    GROUP BY a.bidder_key, b.bidder_key, s.source, s.tender_id
),
pairs AS (
    SELECT
        one,
        other,
        source,
        min(one_name) || '; ' || min(other_name) AS firms,
        count(*) AS flagged,
        array_agg(tender_id ORDER BY tender_id) AS tender_ids
    FROM met
    GROUP BY one, other, source
    HAVING count(*) >= $min_tenders
),
-- The tenders in which both bid, and those of them that are unusual in any lot.
meetings AS (
    SELECT m.one, m.other, m.source, count(*) AS common, sum(CASE WHEN t.unusual THEN 1 ELSE 0 END) AS unusual
    FROM (
        SELECT DISTINCT p.one, p.other, p.source, s.tender_id
        FROM pairs p
        JOIN lot_offers a ON a.bidder_key = p.one
        JOIN lot_offers b ON b.lot_id = a.lot_id AND b.bidder_key = p.other
        JOIN screened s ON s.lot_id = a.lot_id AND s.source = p.source
        WHERE s.why IS NULL
    ) m
    JOIN of_tenders t ON t.source = m.source AND t.tender_id = m.tender_id
    GROUP BY m.one, m.other, m.source
),
-- Where the other tenders of the source are enough to tell, chance must not do as much at their rate.
kept AS (
    SELECT *
    FROM (
        SELECT
            p.*,
            m.common,
            CASE
                WHEN c.tenders - m.common < $min_peers THEN NULL
                -- Where none of the others is unusual, or all are, chance is certain.
                WHEN c.unusual - m.unusual = 0 THEN 0.0
                WHEN c.unusual - m.unusual = c.tenders - m.common THEN 1.0
                ELSE binomial_tail(
                    CAST(p.flagged AS DOUBLE), CAST(m.common AS DOUBLE),
                    CAST(c.unusual - m.unusual AS DOUBLE) / CAST(c.tenders - m.common AS DOUBLE)
                )
            END AS chance
        FROM pairs p
        JOIN meetings m ON m.one = p.one AND m.other = p.other AND m.source = p.source
        JOIN sources c ON c.source = p.source
        WHERE p.flagged >= $min_share * m.common
    )
    WHERE chance IS NULL OR chance < $max_chance
),
-- Of the pairs in a lot the one that meets so most often.
groups AS (
    SELECT *
    FROM (
        SELECT
            s.lot_id,
            k.firms,
            k.flagged,
            k.common,
            k.chance,
            k.tender_ids,
            row_number() OVER (PARTITION BY s.lot_id ORDER BY k.flagged DESC, k.common, k.one, k.other) AS place
        FROM screened s
        JOIN lot_offers a ON a.lot_id = s.lot_id
        JOIN lot_offers b ON b.lot_id = s.lot_id
        JOIN kept k ON k.one = a.bidder_key AND k.other = b.bidder_key AND k.source = s.source
        WHERE s.unusual
    )
    WHERE place = 1
),
judged AS (
    SELECT
        s.*,
        g.firms,
        g.flagged,
        g.common,
        g.chance,
        g.tender_ids,
        p.peers,
        p.q1,
        p.q3,
        CASE
            WHEN s.why IS NOT NULL THEN s.why
            WHEN g.lot_id IS NOT NULL THEN 'fired'
            WHEN s.unusual THEN 'isolated'
            ELSE 'clear'
        END AS verdict
    FROM screened s
    LEFT JOIN groups g ON g.lot_id = s.lot_id
    LEFT JOIN peers p ON p.source = s.source
)
SELECT
    lot_id AS subject,
    CASE WHEN verdict IN ('clear', 'isolated') THEN 'clear' WHEN verdict = 'fired' THEN verdict ELSE 'not_evaluable' END AS outcome,
    CASE WHEN verdict NOT IN ('fired', 'clear') THEN verdict END AS reason,
    CASE WHEN verdict = 'fired' THEN 'medium' END AS severity,
    in_scope,
    CASE WHEN verdict = 'fired' THEN array_concat(make_array(tender_id), array_remove(tender_ids, tender_id)) END AS tender_ids,
    CASE WHEN verdict = 'fired' THEN bid_ids END AS bid_ids,
    cv,
    relative_distance,
    CASE WHEN fixed_multiples = 1 THEN 'yes' ELSE 'no' END AS fixed_multiples,
    score,
    offers,
    firms,
    flagged,
    common,
    chance,
    q1 AS lower_quartile,
    q3 AS upper_quartile,
    peers,
    buyer_name
FROM judged
