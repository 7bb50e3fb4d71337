-- Dispensas of suppliers that are no public bodies, with the ceiling of those on account of value. A supplier is a company,
-- whichever of its establishments sells.
WITH dispensas AS (
    SELECT
        contract_id,
        buyer_id,
        buyer_name,
        number,
        company_of(supplier_kind, supplier_check, supplier_key) AS supplier_key,
        signature_date,
        end_date,
        initial_value,
        current_value,
        coalesce(tender_buyer_id, '') || '/' || tender_number AS tender,
        in_scope,
        has_doubled_ceiling(buyer_name, legal_basis) AS doubled,
        is_vehicle_maintenance(object_folded) AS vehicles,
        legal_basis_kind(legal_basis, object_folded) AS basis
    FROM contracts
    WHERE modality = 'dispensa_licitacao'
        AND NOT is_public_body(supplier_kind, supplier_name)
        -- What was rescinded is not spent, and bought again.
        AND situation_kind(situation) <> 'rescinded'
),
classed AS (
    SELECT
        *,
        CASE WHEN basis LIKE '8666_value%' THEN '8666' WHEN basis LIKE '14133_value%' THEN '14133' END AS regime,
        CASE WHEN basis LIKE '%_value_works' THEN 'works' WHEN basis LIKE '%_value_goods' THEN 'goods' END AS class
    FROM dispensas
)
SELECT
    d.*,
    l.value * CASE WHEN d.doubled THEN 2 ELSE 1 END AS ceiling,
    l.comparison,
    l.act || ', ' || l.article AS ceiling_act,
    -- The ids of what was applied; only the limit and the regime of a fired row are looked at.
    CASE
        WHEN l.limit_id IS NULL THEN NULL
        WHEN d.doubled AND d.regime = '8666' THEN make_array(l.limit_id, 'doubled_ceiling_factor/8666/1998-05-28')
        WHEN d.doubled THEN make_array(l.limit_id, 'doubled_ceiling_factor/14133/2021-04-01')
        ELSE make_array(l.limit_id)
    END AS limits
FROM classed d
LEFT JOIN legal_limits l
    ON l."limit" = 'dispensa_' || d.class
    AND l.regime = d.regime
    AND d.signature_date BETWEEN l.valid_from AND l.valid_to
