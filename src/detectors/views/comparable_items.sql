-- Items whose prices can be compared, by the least that `item_price_outlier` asks (min_quantity, min_peers, min_buyers): specific goods, in quantities of two or more, of articles (the same
-- description and further description) that at least ten items of five units have.
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
        AND i.quantity >= 2
        AND s.month IS NOT NULL
        AND is_specific_item(i.description_folded, i.details)
        AND object_type(NULL, i.description_folded) NOT IN ('services', 'works')
),
articles AS (
    SELECT article
    FROM priced
    GROUP BY article
    HAVING count(*) >= 10 AND count(DISTINCT buyer_id) >= 5
)
SELECT p.* FROM priced p JOIN articles a ON a.article = p.article
