-- What two companies that bid for one lot have in common in the register, a row for each that has it: a partner, who may be the
-- other company itself, or a contact of the establishment that bids or of its head office.
WITH contacts AS (
    SELECT root, establishment_id, head_office, reference_date, 'phone' AS kind, phone AS value FROM establishments WHERE phone IS NOT NULL
    UNION ALL
    SELECT root, establishment_id, head_office, reference_date, 'phone', other_phone FROM establishments WHERE other_phone IS NOT NULL
    UNION ALL
    SELECT root, establishment_id, head_office, reference_date, 'email', email FROM establishments WHERE email IS NOT NULL
    UNION ALL
    SELECT root, establishment_id, head_office, reference_date, 'address', address FROM establishments WHERE address IS NOT NULL
),
traits AS (
    SELECT
        c.root,
        c.kind,
        c.value,
        c.value AS shown,
        c.establishment_id,
        coalesce(c.head_office, false) AS anywhere,
        CAST(NULL AS VARCHAR) AS partner_id,
        CAST(NULL AS DATE) AS entry_date,
        c.reference_date,
        u.companies,
        false AS itself
    FROM contact_uses u
    JOIN contacts c ON c.kind = u.kind AND c.value = u.value
    UNION ALL
    SELECT
        root,
        'partner' AS kind,
        CASE WHEN partner_kind = 'company' THEN 'company:' || left(partner_key, 8) ELSE partner_key END AS value,
        coalesce(partner_name, partner_document) AS shown,
        CAST(NULL AS VARCHAR) AS establishment_id,
        true AS anywhere,
        partner_id,
        entry_date,
        reference_date,
        CAST(NULL AS BIGINT) AS companies,
        false AS itself
    FROM partners
    -- Those who act for others by law or for a court, or by proxy: curator (09), receiver (11), executor (12), liquidator (13),
    -- mother and father (14, 15), proxy (17), guardian (35), judicial administrator (64).
    WHERE partner_key IS NOT NULL AND coalesce(qualification, '') NOT IN ('09', '11', '12', '13', '14', '15', '17', '35', '64')
    UNION ALL
    SELECT
        root,
        'partner' AS kind,
        'company:' || root AS value,
        CAST(NULL AS VARCHAR) AS shown,
        CAST(NULL AS VARCHAR) AS establishment_id,
        true AS anywhere,
        CAST(NULL AS VARCHAR) AS partner_id,
        CAST(NULL AS DATE) AS entry_date,
        CAST(NULL AS DATE) AS reference_date,
        CAST(NULL AS BIGINT) AS companies,
        true AS itself
    FROM (SELECT DISTINCT root FROM establishments)
),
having_trait AS (
    SELECT
        f.tender_id,
        f.lot_id,
        f.root,
        t.kind,
        t.value,
        t.shown,
        t.establishment_id,
        t.partner_id,
        t.companies,
        t.reference_date,
        t.itself,
        CASE
            WHEN t.itself THEN true
            -- What an older register shows may have ended before the tender.
            WHEN t.reference_date IS NULL OR t.reference_date < coalesce(e.deadline_day, e.notice_day, e.result_date) THEN false
            WHEN coalesce(e.deadline_day, e.notice_day, e.result_date) IS NULL THEN false
            WHEN t.kind = 'partner' AND t.entry_date IS NULL THEN false
            ELSE true
        END AS sure
    FROM bidding_companies f
    JOIN traits t ON t.root = f.root
    JOIN competitions e ON e.tender_id = f.tender_id
    WHERE (t.anywhere OR t.establishment_id = f.bidder_key)
        AND coalesce(t.entry_date <= coalesce(e.deadline_day, e.notice_day, e.result_date), true)
)
SELECT * EXCLUDE (first_root, last_root)
FROM (
    SELECT
        *,
        min(root) OVER (PARTITION BY lot_id, kind, value) AS first_root,
        max(root) OVER (PARTITION BY lot_id, kind, value) AS last_root
    FROM having_trait
)
WHERE first_root <> last_root
