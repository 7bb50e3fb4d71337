-- What the amendments of a unit and a contract number do: see `amendment_kinds`. Apostilles are none; what they register is a
-- change of prices (Lei 14.133/2021 art. 136).
WITH read AS (
    SELECT
        buyer_id,
        contract_number,
        amendment_id,
        publication_date,
        number,
        source = 'portal:apostilamentos' AS apostille,
        amendment_kinds(object_folded) AS kinds
    FROM amendments
),
told AS (
    SELECT
        *,
        NOT apostille AND (array_has(kinds, 'addition') OR array_has(kinds, 'reduction')) AS of_value,
        NOT apostille AND (array_has(kinds, 'undisclosed') OR array_has(kinds, 'other')) AS silent
    FROM read
),
linked AS (
    SELECT
        buyer_id,
        contract_number,
        nullif(count(*) FILTER (WHERE NOT apostille), 0) AS amendments,
        bool_or(NOT apostille AND array_has(kinds, 'addition')) AS addition,
        bool_or(NOT apostille AND array_has(kinds, 'reduction')) AS reduction,
        bool_or(array_has(kinds, 'term')) AS term,
        bool_or(apostille OR array_has(kinds, 'price')) AS price,
        bool_or(NOT apostille AND array_has(kinds, 'undisclosed')) AS undisclosed,
        bool_or(NOT apostille AND array_has(kinds, 'other')) AS other,
        count(*) FILTER (WHERE of_value) AS value_amendments,
        count(*) FILTER (WHERE silent AND NOT of_value) AS silent_amendments,
        min(publication_date) FILTER (WHERE of_value) AS first_of_value,
        min(publication_date) FILTER (WHERE silent AND NOT of_value) AS first_silent,
        array_agg(amendment_id ORDER BY publication_date, number, amendment_id) AS amendment_ids
    FROM told
    GROUP BY buyer_id, contract_number
)
SELECT l.*, s.number IS NOT NULL AS ambiguous
FROM linked l
LEFT JOIN shared_numbers s ON s.buyer_id = l.buyer_id AND s.number = l.contract_number
