-- Numbers of a unit that more than one contract has: whose the items and amendments are that name them is not known.
-- A contract has one row here.
SELECT buyer_id, number
FROM contracts
GROUP BY buyer_id, number
HAVING count(*) > 1
