-- Contacts of companies that supply or bid which two of them have, and how many companies of the whole register have each:
-- those of accountants, of offices that are let and of placeholders are many companies'.
WITH own AS (
    SELECT root, 'phone' AS kind, phone AS value FROM establishments WHERE phone IS NOT NULL
    UNION ALL
    SELECT root, 'phone', other_phone FROM establishments WHERE other_phone IS NOT NULL
    UNION ALL
    SELECT root, 'email', email FROM establishments WHERE email IS NOT NULL
    UNION ALL
    SELECT root, 'address', address FROM establishments WHERE address IS NOT NULL
),
several AS (
    SELECT kind, value
    FROM own
    GROUP BY kind, value
    HAVING min(root) <> max(root)
),
users AS (
    SELECT DISTINCT s.kind, s.value, e.root FROM several s JOIN establishments_all e ON e.phone = s.value WHERE s.kind = 'phone' AND e.row_status = 'current'
    UNION
    SELECT DISTINCT s.kind, s.value, e.root FROM several s JOIN establishments_all e ON e.other_phone = s.value WHERE s.kind = 'phone' AND e.row_status = 'current'
    UNION
    SELECT DISTINCT s.kind, s.value, e.root FROM several s JOIN establishments_all e ON e.email = s.value WHERE s.kind = 'email' AND e.row_status = 'current'
    UNION
    SELECT DISTINCT s.kind, s.value, e.root FROM several s JOIN establishments_all e ON e.address = s.value WHERE s.kind = 'address' AND e.row_status = 'current'
)
SELECT kind, value, count(*) AS companies
FROM users
GROUP BY kind, value
