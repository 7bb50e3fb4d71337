-- Who bids for each lot, with the company of the register where it is one; direct awards are left out, and so are members of
-- a consortium that bids for the same tender: who acts together says so.
WITH offers AS (
    SELECT DISTINCT b.tender_id, b.lot_id, b.establishment_key AS bidder_key
    FROM lot_bids b
    JOIN competitions t ON t.tender_id = b.tender_id
    WHERE b.establishment_key IS NOT NULL AND NOT t.direct
),
in_consortium AS (
    SELECT DISTINCT o.tender_id, o.bidder_key
    FROM offers o
    JOIN (SELECT DISTINCT tender_id, bidder_key AS members FROM offers WHERE bidder_key LIKE 'group:%') c ON c.tender_id = o.tender_id
    WHERE o.bidder_key <> c.members AND strpos(c.members, o.bidder_key) > 0
)
SELECT o.tender_id, o.lot_id, o.bidder_key, e.root
FROM offers o
LEFT JOIN in_consortium i ON i.tender_id = o.tender_id AND i.bidder_key = o.bidder_key
LEFT JOIN establishments e ON e.establishment_id = o.bidder_key
WHERE i.bidder_key IS NULL
