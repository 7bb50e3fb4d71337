/*
id = "late_bid_won"
version = "1.1.1"
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
pt = "Uma proposta que venceu tem instante posterior ao do fim do prazo por mais de {tolerance_seconds|exact} segundo(s). Só se compara o que se pode comparar: dois instantes com fuso, quaisquer que sejam os fusos, ou dois sem fuso, que são do mesmo relógio, o da fonte. Um prazo que é só um dia (sem hora, ou à meia-noite) vale até o fim dele: no fuso publicado, 24 horas depois; sem fuso, quando o dia terminou em todos, 38 horas depois da meia-noite de UTC. Fora disso, e onde não se sabe que tipo de instante foi publicado, só é tardia a proposta mais de 38 horas posterior. Em pregão e leilão os lances vêm depois das propostas, e nada se conclui; onde mais de {clock_share|exact} das licitações de uma fonte seriam assim ({min_peers|exact} no mínimo), seus relógios não são comparáveis."
en = "A bid that won is of an instant more than {tolerance_seconds|exact} second(s) after the end of the period. Only what can be compared is: two instants with a time zone, whichever these are, or two without, which are of one clock, that of the source. A deadline that is a day alone (without a time, or at midnight) lasts to its end: in the zone that is published, 24 hours later; without a zone, when the day has ended in all of them, 38 hours after midnight of UTC. Otherwise, and where it is not known what kind of instant was published, only a bid more than 38 hours later is late. In a pregão or an auction bids are improved after they are handed in, and nothing follows; where more than {clock_share|exact} of the tenders of a source would be so ({min_peers|exact} at least), its clocks cannot be compared."

[severity]
pt = "Alta."
en = "High."

[text]
pt = "Licitação de {buyer_name|text}: o prazo terminou em {deadline|text} ({reading|text}) e a proposta vencedora de {bidder|text} é de {bid_time|text}, {minutes|int} minuto(s) depois. É um indício a conferir no sistema em que as propostas foram recebidas."
en = "Tender of {buyer_name|text}: the period ended at {deadline|text} ({reading|text}) and the winning bid of {bidder|text} is of {bid_time|text}, {minutes|int} minute(s) later. This is an indication to check in the system that received the bids."

[false_positives]
pt = ["Prazo prorrogado sem que a fonte o atualizasse.", "Instante de registro, não de entrega, da proposta.", "Hora local publicada como se fosse de UTC em um dos dois instantes."]
en = ["A period extended without the source being updated.", "A time of recording and not of handing in.", "A local time published as if it were of UTC in one of the two instants."]

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
clocks_not_comparable = { outcome = "not_evaluable", pt = "Um dos instantes não tem hora ou fuso, e a proposta não é anterior nem posterior ao prazo em todos eles.", en = "One of the instants has no time or no zone, and the bid is neither before nor after the deadline in all of them.", columns = ["tenders.period_end_clock", "bids.bid_clock"] }
clocks_differ = { outcome = "not_evaluable", pt = "Em tantas licitações da fonte a vencedora seria tardia que seus relógios não são comparáveis.", en = "In so many tenders of the source the winner would be late that its clocks cannot be compared." }

[[evidence]]
name = "deadline"
unit = "text"
label = { pt = "Fim do prazo (com Z: de UTC)", en = "End of the period (with Z: of UTC)" }

[[evidence]]
name = "bid_time"
unit = "text"
label = { pt = "Proposta (com Z: de UTC)", en = "Bid (with Z: of UTC)" }

[[evidence]]
name = "reading"
unit = "text"
label = { pt = "Como o prazo é lido", en = "How the deadline is read" }
words = { zoned = { pt = "instante com fuso", en = "an instant with a zone" }, local = { pt = "relógio da fonte, sem fuso", en = "the clock of the source, without a zone" }, zoned_day = { pt = "fim do dia publicado, no fuso dele", en = "the end of the day that was published, in its zone" }, apart = { pt = "38 horas depois do publicado, por falta de hora ou de fuso", en = "38 hours after what was published, for want of a time or a zone" } }

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
        bid_clock,
        count(*) AS bids,
        count(bid_time) AS timed,
        max(bid_time) AS bid_time,
        last_value(bidder_name ORDER BY bid_time NULLS FIRST, bid_id) AS bidder,
        last_value(bid_id ORDER BY bid_time NULLS FIRST, bid_id) AS bid_id
    FROM bids
    WHERE won AND coalesce(lower(status), '') NOT IN ('invited', 'withdrawn', 'disqualified')
    GROUP BY tender_id, bid_clock
),
-- A day is read from its beginning, at whatever time of it the source put it.
read AS (
    SELECT
        t.tender_id,
        t.in_scope,
        t.source,
        t.buyer_name,
        CASE WHEN t.period_end_clock = 'day' THEN date_trunc('day', t.period_end) ELSE t.period_end END AS period_end,
        w.bid_time,
        w.bid_clock,
        w.bidder,
        w.bid_id,
        CASE WHEN w.bid_clock = 'day' THEN date_trunc('day', w.bid_time) ELSE w.bid_time END AS bid_from,
        CASE
            WHEN t.period_end_clock = w.bid_clock AND w.bid_clock IN ('zoned', 'local') THEN w.bid_clock
            WHEN t.period_end_clock = 'zoned_day' AND w.bid_clock = 'zoned' THEN 'zoned_day'
            ELSE 'apart'
        END AS reading,
        coalesce(t.period_end_clock = 'day' AND w.bid_clock IN ('local', 'day'), false) AS of_one_calendar,
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
-- The last instant at which the period may have ended: a day lasts 24 hours, and zones are at most 14 away from UTC.
measured AS (
    SELECT
        *,
        CASE
            WHEN reading = 'apart' THEN period_end + INTERVAL '38' HOUR
            WHEN reading = 'zoned_day' THEN period_end + INTERVAL '24' HOUR
            ELSE period_end
        END AS deadline,
        CAST(date_part('epoch', bid_from) AS DOUBLE) - CAST(date_part('epoch', period_end) AS DOUBLE) AS seconds,
        CASE WHEN reading = 'apart' THEN 136800 WHEN reading = 'zoned_day' THEN 86400 ELSE 0 END AS allowed
    FROM read
),
compared AS (
    SELECT
        *,
        CASE
            WHEN why IS NOT NULL THEN why
            WHEN seconds > allowed + $tolerance_seconds THEN 'late'
            WHEN reading IN ('zoned', 'local') THEN 'clear'
            -- The whole day is before the bid, or the bid before the day, in every zone.
            WHEN reading = 'zoned_day' AND seconds <= 0 THEN 'clear'
            WHEN of_one_calendar AND seconds < 86400 THEN 'clear'
            WHEN seconds <= -136800 THEN 'clear'
            ELSE 'clocks_not_comparable'
        END AS answer
    FROM measured
),
-- Of the winning bids of a tender the one that decides: clocks may differ from bid to bid.
decisive AS (
    SELECT *
    FROM (
        SELECT
            *,
            row_number() OVER (
                PARTITION BY tender_id
                ORDER BY
                    CASE answer WHEN 'no_bid_time' THEN 0 WHEN 'late' THEN 1 WHEN 'clocks_not_comparable' THEN 2 ELSE 3 END,
                    seconds - allowed DESC NULLS LAST,
                    bid_id
            ) AS place
        FROM compared
    )
    WHERE place = 1
),
sources AS (
    SELECT source, count(*) AS peers, avg(CASE WHEN answer = 'late' THEN 1.0 ELSE 0.0 END) AS late_share
    FROM decisive
    WHERE answer IN ('late', 'clear')
    GROUP BY source
),
judged AS (
    SELECT
        d.*,
        s.peers,
        s.late_share,
        CASE
            WHEN d.answer IN ('late', 'clear') AND s.peers >= $min_peers AND s.late_share > $clock_share THEN 'clocks_differ'
            WHEN d.answer = 'late' THEN 'fired'
            ELSE d.answer
        END AS verdict
    FROM decisive d
    LEFT JOIN sources s ON s.source = d.source
)
SELECT
    tender_id AS subject,
    CASE WHEN verdict IN ('fired', 'clear') THEN verdict ELSE 'not_evaluable' END AS outcome,
    CASE WHEN verdict NOT IN ('fired', 'clear') THEN verdict END AS reason,
    CASE WHEN verdict = 'fired' THEN 'high' END AS severity,
    in_scope,
    make_array(tender_id) AS tender_ids,
    CASE WHEN verdict = 'fired' THEN make_array(bid_id) END AS bid_ids,
    CASE WHEN reading = 'local' THEN replace(CAST(deadline AS VARCHAR), 'Z', '') ELSE CAST(deadline AS VARCHAR) END AS deadline,
    -- Of a day or a local moment the zone is not known.
    CASE WHEN bid_clock IN ('local', 'day') THEN replace(CAST(bid_time AS VARCHAR), 'Z', '') ELSE CAST(bid_time AS VARCHAR) END AS bid_time,
    reading,
    ceil((seconds - allowed) / 60) AS minutes,
    bidder,
    late_share,
    peers,
    buyer_name
FROM judged
