-- What was bid for, with what decides whether its prices can be compared; direct awards are left out.
WITH counted AS (
    SELECT
        lot_id,
        min(tender_id) AS tender_id,
        bool_or(of_whole) AS of_whole,
        count(*) AS bids,
        count(DISTINCT bidder_key) AS bidders,
        count(*) FILTER (WHERE bidder_key IS NULL) AS unnamed,
        count(amount) AS priced,
        count(*) FILTER (WHERE status IS NULL) AS silent,
        count(*) FILTER (WHERE status = 'valid') AS valid,
        count(*) FILTER (WHERE status = 'valid' AND amount IS NULL) AS unpriced,
        count(*) FILTER (WHERE status = 'disqualified') AS disqualified,
        count(DISTINCT CASE WHEN amount IS NOT NULL THEN coalesce(currency, '') END) AS currencies,
        min(currency) AS currency,
        count(DISTINCT CASE WHEN won AND status = 'valid' THEN bidder_key END) AS winners,
        min(CASE WHEN won AND status = 'valid' THEN bidder_key END) AS winner_key
    FROM lot_bids
    GROUP BY lot_id
)
SELECT
    l.*,
    t.in_scope,
    t.source,
    t.market,
    t.buyer_id,
    t.buyer_name,
    t.modality_name,
    t.criterion,
    t.auction,
    t.dropped,
    t.income,
    t.estimated_value,
    -- Bids for parts of a tender cannot be told from bids for all of it where they do not say.
    l.of_whole AND t.lots > 1 AS unstated_lots
FROM counted l
JOIN competitions t ON t.tender_id = l.tender_id
WHERE NOT t.direct
