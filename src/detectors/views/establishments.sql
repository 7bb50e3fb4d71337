-- Establishments of the companies that supply or bid, each as the latest import has it.
SELECT * EXCLUDE (place)
FROM (
    SELECT e.*, row_number() OVER (PARTITION BY e.establishment_id ORDER BY e.import_id DESC, e.source_line DESC) AS place
    FROM register_roots r
    JOIN establishments_all e ON e.root = r.root
    WHERE e.row_status = 'current'
)
WHERE place = 1
