-- Partners of the companies that supply or bid: those of the latest edition that has any of the company, so that who left
-- stays with no other. The parts of an edition may come in several imports.
SELECT * EXCLUDE (edition, latest)
FROM (
    SELECT *, first_value(edition) OVER (PARTITION BY root ORDER BY import_id DESC, edition DESC) AS latest
    FROM (
        SELECT p.*, coalesce(CAST(p.reference_date AS VARCHAR), p.import_id) AS edition
        FROM register_roots r
        JOIN partners_all p ON p.root = r.root
        WHERE p.row_status = 'current'
    )
)
WHERE edition = latest
