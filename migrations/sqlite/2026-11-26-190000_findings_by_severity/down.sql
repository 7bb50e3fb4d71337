DROP INDEX findings_severity;
