/*
id = "late_bid_won"
version = "1.0.0"
strength = "contextual"
scope = "single"
reference = "OCP R030"
legal_basis = ""
tags = ["deadline"]
groups = ["competition"]
tables = ["competitions", "tenders", "bids", "tender_items"]

[title]
pt = "Proposta vencedora posterior ao prazo"
en = "Winning bid after the deadline"

[explanation]
pt = "Uma proposta que venceu tem instante posterior ao do fim do prazo por mais de {tolerance_seconds|exact} segundo(s). Instantes são comparados, não textos: o fuso de cada um conta. Um prazo à meia-noite de UTC é um dia sem hora e vale até o fim dele. Em pregão e leilão os lances vêm depois das propostas, e nada se conclui; onde mais de {clock_share|exact} das licitações de uma fonte seriam assim ({min_peers|exact} no mínimo), seus relógios não são comparáveis."
en = "A bid that won is of an instant more than {tolerance_seconds|exact} second(s) after the end of the period. Instants are compared, not texts: the time zone of each counts. A deadline at midnight of UTC is a day without a time and lasts to its end. In a pregão or an auction bids are improved after they are handed in, and nothing follows; where more than {clock_share|exact} of the tenders of a source would be so ({min_peers|exact} at least), its clocks cannot be compared."

[severity]
pt = "Alta."
en = "High."

[text]
pt = "Licitação de {buyer_name|text}: o prazo terminou em {deadline|text} e a proposta vencedora de {bidder|text} é de {bid_time|text}, {minutes|int} minuto(s) depois. É um indício a conferir no sistema em que as propostas foram recebidas."
en = "Tender of {buyer_name|text}: the period ended at {deadline|text} and the winning bid of {bidder|text} is of {bid_time|text}, {minutes|int} minute(s) later. This is an indication to check in the system that received the bids."

[false_positives]
pt = ["Prazo prorrogado sem que a fonte o atualizasse.", "Instante de registro, não de entrega, da proposta.", "Data sem fuso publicada como se fosse de UTC."]
en = ["A period extended without the source being updated.", "A time of recording and not of handing in.", "A time without a zone, published as if it were of UTC."]

[[parameters]]
name = "tolerance_seconds"
value = "0"
unit = "count"
max = "86400"
label = { pt = "Segundos de tolerância", en = "Seconds of tolerance" }

[[parameters]]
name = "clock_share"
value = "0.20"
unit = "ratio"
max = "1"
label = { pt = "Parcela da fonte acima da qual os relógios diferem", en = "Share of the source above which clocks differ" }

[[parameters]]
name = "min_peers"
value = "20"
unit = "count"
min = "1"
label = { pt = "Licitações a partir das quais a parcela conta", en = "Tenders from which the share counts" }

[reasons]
cancelled = { outcome = "not_evaluable", pt = "A licitação foi cancelada, anulada, revogada ou ficou deserta.", en = "The tender was cancelled, annulled, or nobody bid." }
auction = { outcome = "not_evaluable", pt = "Em pregão e leilão os lances vêm depois das propostas.", en = "In a pregão or an auction bids are improved after they are handed in." }
no_deadline = { outcome = "not_evaluable", pt = "Falta o fim do prazo.", en = "The end of the period is missing.", columns = ["tenders.period_end"] }
winner_unknown = { outcome = "not_evaluable", pt = "A fonte não diz que proposta venceu.", en = "The source does not say which bid won.", columns = ["bids.won"] }
no_bid_time = { outcome = "not_evaluable", pt = "Falta o instante de uma proposta vencedora.", en = "The time of a winning bid is missing.", columns = ["bids.bid_time"] }
clocks_differ = { outcome = "not_evaluable", pt = "Em tantas licitações da fonte a vencedora seria tardia que seus relógios não são comparáveis.", en = "In so many tenders of the source the winner would be late that its clocks cannot be compared." }

[[evidence]]
name = "deadline"
unit = "text"
label = { pt = "Fim do prazo (UTC)", en = "End of the period (UTC)" }

[[evidence]]
name = "bid_time"
unit = "text"
label = { pt = "Proposta (UTC)", en = "Bid (UTC)" }

[[evidence]]
name = "minutes"
unit = "count"
label = { pt = "Minutos depois", en = "Minutes later" }

[[evidence]]
name = "bidder"
unit = "text"
label = { pt = "Licitante", en = "Bidder" }

[[evidence]]
name = "late_share"
unit = "ratio"
label = { pt = "Parcela das licitações da fonte com vencedora tardia", en = "Share of the source's tenders with a late winner" }

[[evidence]]
name = "peers"
unit = "count"
label = { pt = "Licitações da fonte", en = "Tenders of the source" }

[[evidence]]
name = "buyer_name"
unit = "text"
label = { pt = "Comprador", en = "Buyer" }
*/
WITH winning AS (
    SELECT
        tender_id,
        count(*) AS bids,
        count(bid_time) AS timed,
        max(bid_time) AS bid_time,
        last_value(bidder_name ORDER BY bid_time NULLS FIRST, bid_id) AS bidder,
        last_value(bid_id ORDER BY bid_time NULLS FIRST, bid_id) AS bid_id
    FROM lot_bids
    WHERE won AND coalesce(status, '') <> 'disqualified'
    GROUP BY tender_id
),
read AS (
    SELECT
        t.tender_id,
        t.in_scope,
        t.source,
        t.buyer_name,
        t.period_end,
        w.bid_time,
        w.bidder,
        w.bid_id,
        CAST(date_part('epoch', w.bid_time) AS DOUBLE) - CAST(date_part('epoch', t.period_end) AS DOUBLE)
            - CASE WHEN CAST(t.period_end AS TIME) = TIME '00:00:00' THEN 86400 ELSE 0 END AS seconds,
        CASE
            WHEN t.dropped THEN 'cancelled'
            WHEN t.auction THEN 'auction'
            WHEN t.period_end IS NULL THEN 'no_deadline'
            WHEN w.tender_id IS NULL THEN 'winner_unknown'
            WHEN w.timed < w.bids THEN 'no_bid_time'
        END AS why
    FROM competitions t
    LEFT JOIN winning w ON w.tender_id = t.tender_id
    WHERE NOT t.direct
),
sources AS (
    SELECT source, count(*) AS peers, avg(CASE WHEN seconds > $tolerance_seconds THEN 1.0 ELSE 0.0 END) AS late_share
    FROM read
    WHERE why IS NULL
    GROUP BY source
),
judged AS (
    SELECT
        r.*,
        s.peers,
        s.late_share,
        CASE
            WHEN r.why IS NOT NULL THEN r.why
            WHEN s.peers >= $min_peers AND s.late_share > $clock_share THEN 'clocks_differ'
            WHEN r.seconds > $tolerance_seconds THEN 'fired'
            ELSE 'clear'
        END AS verdict
    FROM read r
    LEFT JOIN sources s ON s.source = r.source
)
SELECT
    tender_id AS subject,
    CASE WHEN verdict IN ('fired', 'clear') THEN verdict ELSE 'not_evaluable' END AS outcome,
    CASE WHEN verdict NOT IN ('fired', 'clear') THEN verdict END AS reason,
    CASE WHEN verdict = 'fired' THEN 'high' END AS severity,
    in_scope,
    make_array(tender_id) AS tender_ids,
    CASE WHEN verdict = 'fired' THEN make_array(bid_id) END AS bid_ids,
    period_end AS deadline,
    bid_time,
    ceil(seconds / 60) AS minutes,
    bidder,
    late_share,
    peers,
    buyer_name
FROM judged
