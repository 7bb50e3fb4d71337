-- The companies that supply or bid: the roots of their CNPJs.
SELECT DISTINCT left(id, 8) AS root
FROM (
    SELECT supplier_id AS id FROM contracts WHERE supplier_kind = 'cnpj' AND supplier_check = 'valid'
    UNION ALL
    SELECT bidder_id AS id FROM bids WHERE bidder_kind = 'cnpj' AND bidder_check = 'valid'
)
