DROP INDEX findings_id;
DROP TABLE finding_reviews;
DROP TABLE finding_states;
