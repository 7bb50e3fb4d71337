-- Names of activities, each as the latest import has it.
SELECT * EXCLUDE (place)
FROM (
    SELECT *, row_number() OVER (PARTITION BY activity_id ORDER BY import_id DESC, source_line DESC) AS place
    FROM activities_all
    WHERE row_status = 'current'
)
WHERE place = 1
