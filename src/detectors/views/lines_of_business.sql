-- The line of business of a unit and a contract number that no two contracts share: the folded description
-- of the item of largest quantity x price, the first by the alphabet of several.
-- Items without a contract have one too; whoever reads it joins contracts.
WITH lines AS (
    SELECT buyer_id, contract_number AS number, text_of_largest(description_folded, CAST(quantity * unit_price AS DECIMAL(38, 6))) AS line
    FROM contract_items
    GROUP BY buyer_id, contract_number
)
SELECT l.buyer_id, l.number, l.line
FROM lines l
LEFT JOIN shared_numbers s ON s.buyer_id = l.buyer_id AND s.number = l.number
WHERE s.number IS NULL AND l.line NOT IN ('', 'undefined', 'nao se aplica') AND l.line NOT LIKE '%protegida por sigilo%'
