-- The line of business of a unit and a contract number that one contract has: the folded description
-- of the item of largest quantity x price.
WITH single AS (
    SELECT buyer_id, number
    FROM contracts
    GROUP BY buyer_id, number
    HAVING min(contract_id) = max(contract_id)
),
lines AS (
    SELECT
        i.buyer_id,
        i.contract_number AS number,
        first_value(i.description_folded ORDER BY i.quantity * i.unit_price DESC NULLS LAST, i.description_folded, i.code) AS line
    FROM single s
    JOIN contract_items i ON i.buyer_id = s.buyer_id AND i.contract_number = s.number
    GROUP BY i.buyer_id, i.contract_number
)
SELECT buyer_id, number, line
FROM lines
WHERE line NOT IN ('', 'undefined', 'nao se aplica') AND line NOT LIKE '%protegida por sigilo%'
