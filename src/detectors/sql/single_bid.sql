/*
id = "single_bid"
version = "1.0.1"
strength = "statistical"
scope = "single"
reference = "OCP R018"
legal_basis = ""
tags = ["competition"]
groups = ["competition"]
tables = ["competitions", "tenders", "bids", "tender_items"]

[title]
pt = "Licitação com um só participante"
en = "Tender with a single bidder"

[explanation]
pt = "Licitação aberta à competição, já decidida, de que participou um só licitante. Onde ao menos {usual_share|exact} das licitações comparáveis (mesma fonte e mesma classe ou categoria, {min_peers|exact} no mínimo) têm um só, isso é o costume do mercado e nada se aponta. Onde só os nomes são publicados, é preciso que a fonte nomeie também perdedores na modalidade."
en = "A competitive tender, decided, in which a single bidder took part. Where at least {usual_share|exact} of comparable tenders (same source and same class or category, {min_peers|exact} at least) have only one, that is what the market is like and nothing is flagged. Where names alone are published, the source has to name losers too in that method."

[severity]
pt = "Média; alta se o valor passa do quantil de {high_quantile|exact} das licitações decididas da mesma fonte e moeda ({min_peers|exact} no mínimo)."
en = "Medium; high if the value is above the {high_quantile|exact} quantile of the decided tenders of the same source and currency ({min_peers|exact} at least)."

[text]
pt = "Licitação de {buyer_name|text} ({method|text}), no valor de {currency|text} {value|amount}, com um só participante: {bidder|text}. Entre as {market_tenders|int} licitações comparáveis ({market|text}), {single_share|percent} tiveram um só. Falta de concorrência tem muitas causas: é um indício a conferir."
en = "Tender of {buyer_name|text} ({method|text}), worth {currency|text} {value|amount}, with a single bidder: {bidder|text}. Of the {market_tenders|int} comparable tenders ({market|text}), {single_share|percent} had only one. A lack of competition has many causes: this is an indication to check."

[false_positives]
pt = ["Mercado local com poucos fornecedores.", "Objeto muito específico ou de pequeno valor.", "Número de participantes publicado só para os habilitados."]
en = ["A local market with few suppliers.", "A very specific object, or a small value.", "A number of bidders that counts only the qualified ones."]

[[parameters]]
name = "usual_share"
value = "0.80"
unit = "ratio"
min = "0.01"
max = "1"
label = { pt = "Parcela a partir da qual é o costume do mercado", en = "Share from which it is what the market is like" }

[[parameters]]
name = "min_peers"
value = "30"
unit = "count"
min = "4"
label = { pt = "Licitações mínimas no grupo", en = "Fewest tenders in the group" }

[[parameters]]
name = "high_quantile"
value = "0.90"
unit = "ratio"
min = "0.5"
max = "0.99"
label = { pt = "Quantil do valor para severidade alta", en = "Quantile of the value for high severity" }

[[parameters]]
name = "min_named"
value = "10"
unit = "count"
min = "1"
label = { pt = "Licitações mínimas da modalidade, se só os nomes são publicados", en = "Fewest tenders of the method, where names alone are published" }

[reasons]
usual_in_market = { outcome = "clear", pt = "Quase todas as licitações do mercado têm um só participante.", en = "Nearly all tenders of the market have a single bidder." }
method_unknown = { outcome = "not_evaluable", pt = "A fonte não diz se houve competição aberta.", en = "The source does not say whether it was open to competition.", columns = ["tenders.method"] }
cancelled = { outcome = "not_evaluable", pt = "A licitação foi cancelada, anulada, revogada ou ficou deserta.", en = "The tender was cancelled, annulled, or nobody bid." }
not_decided = { outcome = "not_evaluable", pt = "Nenhum resultado foi publicado.", en = "No result is published." }
bidders_not_published = { outcome = "not_evaluable", pt = "A fonte não diz quantos participaram.", en = "The source does not say how many took part.", columns = ["tenders.tenderers"] }
only_winners_named = { outcome = "not_evaluable", pt = "O número não é publicado, e nesta modalidade a fonte quase só nomeia vencedores, ou há menos de {min_named|exact} licitações para sabê-lo.", en = "The number is not published, and in this method the source names hardly anybody but winners, or there are fewer than {min_named|exact} tenders to tell." }
counts_differ = { outcome = "not_evaluable", pt = "O número publicado de participantes é menor que o de participantes nomeados.", en = "The published number of bidders is below that of the bidders named." }

[[evidence]]
name = "bidder"
unit = "text"
label = { pt = "Participante", en = "Bidder" }

[[evidence]]
name = "value"
unit = "amount"
label = { pt = "Valor (resultado, senão estimativa)", en = "Value (result, else estimate)" }

[[evidence]]
name = "currency"
unit = "text"
label = { pt = "Moeda", en = "Currency" }

[[evidence]]
name = "high_value"
unit = "amount"
label = { pt = "Quantil de {high_quantile|exact} dos valores", en = "{high_quantile|exact} quantile of the values" }

[[evidence]]
name = "value_peers"
unit = "count"
label = { pt = "Valores comparados", en = "Values compared" }

[[evidence]]
name = "market"
unit = "text"
label = { pt = "Mercado", en = "Market" }
words = { goods = { pt = "compras", en = "goods" }, services = { pt = "serviços", en = "services" }, works = { pt = "obras", en = "works" } }

[[evidence]]
name = "market_tenders"
unit = "count"
label = { pt = "Licitações comparáveis", en = "Comparable tenders" }

[[evidence]]
name = "single_share"
unit = "ratio"
label = { pt = "Parcela com um só participante", en = "Share with a single bidder" }

[[evidence]]
name = "buyer_name"
unit = "text"
label = { pt = "Comprador", en = "Buyer" }

[[evidence]]
name = "method"
unit = "text"
label = { pt = "Modalidade", en = "Method" }
*/
WITH read AS (
    SELECT
        *,
        coalesce(value, estimated_value) AS worth,
        coalesce(currency, '') AS money,
        CASE
            WHEN NOT competitive THEN 'method_unknown'
            WHEN dropped THEN 'cancelled'
            WHEN NOT decided THEN 'not_decided'
            WHEN bidders IS NULL OR bidders < 1 THEN 'bidders_not_published'
            WHEN stated < named THEN 'counts_differ'
        END AS why
    FROM competitions
    WHERE NOT direct
),
markets AS (
    SELECT source, market, count(*) AS tenders, avg(CASE WHEN bidders = 1 THEN 1.0 ELSE 0.0 END) AS single_share
    FROM read
    WHERE why IS NULL AND market IS NOT NULL
    GROUP BY source, market
),
-- Some sources name the winner alone, in some methods.
methods AS (
    SELECT source, modality_name, count(*) AS tenders, avg(CASE WHEN bidders = 1 THEN 1.0 ELSE 0.0 END) AS single_share
    FROM read
    WHERE why IS NULL AND stated IS NULL
    GROUP BY source, modality_name
),
values_of AS (
    SELECT source, money, count(*) AS peers, quantile8(CAST(worth AS DOUBLE), $high_quantile) AS high_value
    FROM read
    WHERE why IS NULL AND worth > 0
    GROUP BY source, money
),
judged AS (
    SELECT
        r.*,
        m.tenders AS market_tenders,
        m.single_share,
        CASE WHEN v.peers >= $min_peers THEN CAST(round(v.high_value, 2) AS DECIMAL(18, 2)) END AS high_value,
        v.peers AS value_peers,
        CASE
            WHEN r.why IS NOT NULL THEN r.why
            WHEN r.bidders > 1 THEN 'clear'
            WHEN r.stated IS NULL AND (n.tenders < $min_named OR n.single_share >= $usual_share) THEN 'only_winners_named'
            WHEN m.tenders >= $min_peers AND m.single_share >= $usual_share THEN 'usual_in_market'
            ELSE 'fired'
        END AS verdict
    FROM read r
    LEFT JOIN markets m ON m.source = r.source AND m.market = r.market
    LEFT JOIN methods n ON n.source = r.source AND n.modality_name = r.modality_name
    LEFT JOIN values_of v ON v.source = r.source AND v.money = r.money
),
-- Lists are made only of what fires.
bid_lists AS (
    SELECT b.tender_id, array_agg(b.bid_id ORDER BY b.bid_id) AS bid_ids
    FROM lot_bids b
    JOIN judged j ON j.tender_id = b.tender_id
    WHERE j.verdict = 'fired'
    GROUP BY b.tender_id
),
names AS (
    SELECT tender_id, string_agg(bidder_name, '; ' ORDER BY bidder_name) AS bidder
    FROM (
        SELECT DISTINCT b.tender_id, b.bidder_name
        FROM lot_bids b
        JOIN judged j ON j.tender_id = b.tender_id
        WHERE j.verdict = 'fired'
    )
    GROUP BY tender_id
)
SELECT
    j.tender_id AS subject,
    CASE WHEN verdict IN ('clear', 'usual_in_market') THEN 'clear' WHEN verdict = 'fired' THEN verdict ELSE 'not_evaluable' END AS outcome,
    CASE WHEN verdict NOT IN ('fired', 'clear') THEN verdict END AS reason,
    CASE WHEN verdict <> 'fired' THEN NULL WHEN worth > high_value THEN 'high' ELSE 'medium' END AS severity,
    in_scope,
    make_array(j.tender_id) AS tender_ids,
    b.bid_ids,
    n.bidder,
    worth AS value,
    currency,
    high_value,
    value_peers,
    market,
    market_tenders,
    single_share,
    buyer_name,
    modality_name AS method
FROM judged j
LEFT JOIN bid_lists b ON b.tender_id = j.tender_id
LEFT JOIN names n ON n.tender_id = j.tender_id
