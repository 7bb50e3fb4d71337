-- Keep in step with migrations/sqlite.

-- Findings have kilobytes: numbering and counting them, and a page of some detectors, must not read each of them.
CREATE INDEX findings_severity ON findings (job_id, severity_rank DESC, detector_id, id);
