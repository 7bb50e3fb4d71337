-- The companies that supply or bid, each as the latest import has it.
SELECT * EXCLUDE (place)
FROM (
    SELECT c.*, row_number() OVER (PARTITION BY c.company_id ORDER BY c.import_id DESC, c.source_line DESC) AS place
    FROM register_roots r
    JOIN companies_all c ON c.root = r.root
    WHERE c.row_status = 'current'
)
WHERE place = 1
