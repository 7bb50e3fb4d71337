-- Numbers of a unit that more than one contract has, be they judged or not: whose the items and amendments are that name
-- them is not known. A contract has one row here.
SELECT buyer_id, number
FROM contracts_all
WHERE row_status = 'current'
GROUP BY buyer_id, number
HAVING count(*) > 1
