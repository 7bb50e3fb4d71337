-- Items whose prices can be compared, by what `item_price_outlier` asks, whose parameters these are: specific goods, in
-- quantities of several, of articles (the same description and further description) that enough items and units have.
WITH single AS (
    SELECT
        c.buyer_id, c.number, c.contract_id, c.in_scope,
        CAST(date_part('year', c.signature_date) AS INT) * 12 + CAST(date_part('month', c.signature_date) AS INT) - 1 AS month
    FROM contracts c
    LEFT JOIN shared_numbers s ON s.buyer_id = c.buyer_id AND s.number = c.number
    WHERE s.number IS NULL
),
priced AS (
    SELECT
        i.item_id,
        i.buyer_id,
        i.description,
        i.quantity,
        i.unit_price,
        s.contract_id,
        s.in_scope,
        s.month,
        i.description_folded || ' / ' || fold(i.details) AS article,
        log10(CAST(i.unit_price AS DOUBLE)) AS magnitude
    FROM contract_items i
    JOIN single s ON s.buyer_id = i.buyer_id AND s.number = i.contract_number
    WHERE i.unit_price > 0
        AND i.quantity >= $min_quantity
        AND s.month IS NOT NULL
        AND is_specific_item(i.description_folded, i.details)
        AND object_type(NULL, i.description_folded) NOT IN ('services', 'works')
),
articles AS (
    SELECT article
    FROM priced
    GROUP BY article
    HAVING count(*) >= $min_peers AND count(DISTINCT buyer_id) >= $min_buyers
)
SELECT p.* FROM priced p JOIN articles a ON a.article = p.article
