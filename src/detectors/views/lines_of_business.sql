-- The line of business of a unit and a contract number that one contract has: the folded description
-- of the item of largest quantity x price, the first by the alphabet of several.
-- Made of `max` and `min`, as `first_value` in an order keeps a state on the heap for each contract.
WITH largest AS (
    SELECT buyer_id, contract_number, max(quantity * unit_price) AS total
    FROM contract_items
    GROUP BY buyer_id, contract_number
),
lines AS (
    SELECT i.buyer_id, i.contract_number AS number, min(i.description_folded) AS line
    FROM contract_items i
    JOIN largest l ON l.buyer_id = i.buyer_id AND l.contract_number = i.contract_number
    WHERE l.total IS NULL OR i.quantity * i.unit_price = l.total
    GROUP BY i.buyer_id, i.contract_number
)
SELECT l.buyer_id, l.number, l.line
FROM lines l
JOIN contracts c ON c.buyer_id = l.buyer_id AND c.number = l.number
LEFT JOIN shared_numbers s ON s.buyer_id = l.buyer_id AND s.number = l.number
WHERE s.number IS NULL AND l.line NOT IN ('', 'undefined', 'nao se aplica') AND l.line NOT LIKE '%protegida por sigilo%'
