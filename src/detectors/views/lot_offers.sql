-- The lowest valid bid of each bidder.
SELECT
    lot_id,
    min(tender_id) AS tender_id,
    bidder_key,
    min(bidder_id) AS bidder_id,
    min(bidder_name) AS bidder_name,
    min(amount) AS amount,
    first_value(bid_id ORDER BY amount, bid_id) AS bid_id,
    bool_or(coalesce(won, false)) AS won
FROM lot_bids
WHERE status = 'valid' AND amount IS NOT NULL AND bidder_key IS NOT NULL
GROUP BY lot_id, bidder_key
