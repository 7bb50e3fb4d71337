DROP INDEX findings_id;
DROP TABLE finding_reviews;
DROP FUNCTION refuse_change();
DROP TABLE finding_states;
