-- Bids that were made, by what they are for: a lot, an item, or the tender where none is named. A bidder is a company,
-- whichever of its establishments bids.
SELECT
    tender_id || coalesce('/' || lot, '') || coalesce('#' || item_number, '') AS lot_id,
    tender_id,
    lot IS NULL AND item_number IS NULL AS of_whole,
    bid_id,
    company_of(bidder_kind, bidder_check, bidder_key) AS bidder_key,
    bidder_key AS establishment_key,
    show_tax_id(bidder_kind, bidder_id) AS bidder_id,
    bidder_name,
    bid_time,
    currency,
    CASE WHEN amount > 0 THEN amount END AS amount,
    lower(status) AS status,
    won
FROM bids
WHERE coalesce(lower(status), '') NOT IN ('invited', 'withdrawn')
