-- Tenders with what several detectors ask of them: who took part, whether there was competition, the
-- market, and the days that count.
WITH parts AS (
    SELECT
        tender_id,
        count(DISTINCT bidder_key) AS named,
        count(*) FILTER (WHERE bidder_key IS NULL) AS unnamed,
        count(DISTINCT company_of(bidder_kind, bidder_check, bidder_key)) AS companies,
        count(DISTINCT CASE WHEN won THEN company_of(bidder_kind, bidder_check, bidder_key) END) AS winners,
        min(CASE WHEN won THEN company_of(bidder_kind, bidder_check, bidder_key) END) AS winner_key,
        bool_or(won) AS won
    FROM bids
    WHERE coalesce(lower(status), '') NOT IN ('invited', 'withdrawn')
    GROUP BY tender_id
),
-- Where bids are for lots or items, how many bidders there are for one of them on average; counted only where
-- it is known whose each bid is.
by_lot AS (
    SELECT tender_id, avg(bidders) AS bidders
    FROM (
        SELECT tender_id, lot, item_number, count(DISTINCT bidder_key) AS bidders
        FROM bids
        WHERE coalesce(lower(status), '') NOT IN ('invited', 'withdrawn') AND coalesce(lot, item_number) IS NOT NULL
        GROUP BY tender_id, lot, item_number
    )
    GROUP BY tender_id
),
-- The first two digits of a class: CPV, UNSPSC and CPC are trees, catalogues of articles are not.
classed AS (
    SELECT
        tender_id,
        lot,
        winner_key,
        CASE
            WHEN regexp_like(upper(classification_scheme), 'CPV|UNSPSC|CPC') AND regexp_like(classification_id, '^[0-9]{4,10}(-[0-9])?\z')
                THEN upper(classification_scheme) || ' ' || left(classification_id, 2)
        END AS class
    FROM tender_items
),
contents AS (
    SELECT
        tender_id,
        count(*) AS items,
        count(winner_key) AS items_won,
        count(DISTINCT lot) AS lots,
        CASE WHEN min(class) = max(class) THEN min(class) END AS class
    FROM classed
    GROUP BY tender_id
),
read AS (
    SELECT
        t.*,
        coalesce(t.method IN ('limited', 'direct'), false) OR t.modality IN ('dispensa_licitacao', 'inexigibilidade') AS direct,
        coalesce(t.method IN ('open', 'selective'), false)
            OR t.modality IN ('pregao', 'pregao_registro_preco', 'concorrencia', 'tomada_de_precos', 'convite') AS competitive,
        t.modality IN ('pregao', 'pregao_registro_preco') OR has_word(fold(t.modality_name), 'leilao') AS auction,
        situation_kind(t.situation) IN ('called_off', 'suspended') AS dropped,
        brings_income(t.object_folded, t.criterion) AS income,
        coalesce(t.category, nullif(object_type(t.object_folded, CAST(NULL AS VARCHAR)), 'unknown')) AS kind,
        -- Only what Brazil publishes is judged by its law, and read in its time: three hours behind UTC.
        coalesce(t.source LIKE 'portal:%' OR t.source LIKE 'pncp%' OR t.currency = 'BRL', false) AS brazilian
    FROM tenders t
),
dated AS (
    SELECT
        *,
        -- Midnight of UTC is a day without a time, and midnight of a zone from ten hours behind it to thirteen
        -- before lies within thirteen hours of that day's UTC; a local moment is of the day that it says.
        CAST(CASE
            WHEN CAST(period_start AS TIME) = TIME '00:00:00' OR coalesce(period_start_clock, '') IN ('local', 'day') THEN period_start
            WHEN period_start_clock = 'zoned_day' THEN period_start + INTERVAL '13' HOUR
            WHEN brazilian THEN period_start - INTERVAL '3' HOUR
            ELSE period_start
        END AS DATE) AS first_day,
        CAST(CASE
            WHEN CAST(period_end AS TIME) = TIME '00:00:00' OR coalesce(period_end_clock, '') IN ('local', 'day') THEN period_end
            WHEN period_end_clock = 'zoned_day' THEN period_end + INTERVAL '13' HOUR
            WHEN brazilian THEN period_end - INTERVAL '3' HOUR
            ELSE period_end
        END AS DATE) AS last_day
    FROM read
)
SELECT
    d.tender_id,
    d.in_scope,
    d.source,
    d.buyer_id,
    d.buyer_name,
    d.state,
    d.object_folded,
    d.legal_basis,
    d.modality,
    d.modality_name,
    d.criterion,
    d.organ_name,
    d.superior_organ_name,
    d.direct,
    d.competitive AND NOT d.direct AS competitive,
    d.auction,
    d.dropped,
    d.income,
    d.brazilian,
    d.kind,
    d.category,
    coalesce(c.class, d.kind) AS market,
    -- The earlier of the two: bidders may have known of it from then on.
    least(d.publication_date, d.first_day) AS notice_day,
    coalesce(d.last_day, d.open_date) AS deadline_day,
    d.result_date,
    d.period_end,
    d.period_end_clock,
    d.currency,
    d.estimated_value,
    d.value,
    d.result_date IS NOT NULL OR d.value IS NOT NULL OR coalesce(p.won, false) AS decided,
    d.tenderers AS stated,
    coalesce(p.named, 0) AS named,
    coalesce(p.companies, 0) AS companies,
    coalesce(p.unnamed, 0) AS unnamed,
    coalesce(d.tenderers, CASE WHEN p.unnamed = 0 THEN p.named END) AS bidders,
    coalesce(CASE WHEN p.unnamed = 0 THEN b.bidders END, CAST(coalesce(d.tenderers, CASE WHEN p.unnamed = 0 THEN p.named END) AS DOUBLE)) AS bidders_per_lot,
    coalesce(p.winners, 0) AS winners,
    p.winner_key,
    coalesce(c.items, 0) AS items,
    coalesce(c.items_won, 0) AS items_won,
    coalesce(c.lots, 0) AS lots
FROM dated d
LEFT JOIN parts p ON p.tender_id = d.tender_id
LEFT JOIN by_lot b ON b.tender_id = d.tender_id
LEFT JOIN contents c ON c.tender_id = d.tender_id
