-- The regimes of the companies that supply or bid, each as the latest import has it.
SELECT * EXCLUDE (place)
FROM (
    SELECT t.*, row_number() OVER (PARTITION BY t.regime_id ORDER BY t.import_id DESC, t.source_line DESC) AS place
    FROM register_roots r
    JOIN tax_regimes_all t ON t.root = r.root
    WHERE t.row_status = 'current'
)
WHERE place = 1
