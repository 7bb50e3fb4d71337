//! The tables as diesel sees them.

diesel::table! {
    jobs (id) {
        id -> Text,
        kind -> Text,
        owner -> Text,
        request_id -> Nullable<Text>,
        payload -> Json,
        state -> Text,
        progress -> Json,
        output -> Json,
        last_sequence -> BigInt,
        cancel_requested -> Bool,
        attempt -> Integer,
        lease_token -> BigInt,
        error -> Nullable<Json>,
        created_at -> Timestamp,
        started_at -> Nullable<Timestamp>,
        finished_at -> Nullable<Timestamp>,
        due_at -> Nullable<Timestamp>,
        worker_id -> Nullable<Text>,
        priority -> Integer,
        turn -> BigInt,
        deadline_at -> Nullable<Timestamp>,
        oldest_sequence -> BigInt,
        results_deleted_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    events (job_id, sequence) {
        job_id -> Text,
        sequence -> BigInt,
        at -> Timestamp,
        kind -> Text,
        state -> Text,
        stage -> Text,
        fraction -> Double,
        counts -> Json,
        message_pt -> Text,
        message_en -> Text,
    }
}

diesel::table! {
    findings (job_id, id) {
        job_id -> Text,
        id -> Text,
        detector_id -> Text,
        severity_rank -> Integer,
        ordinal -> BigInt,
        body -> Json,
    }
}

diesel::table! {
    finding_states (finding_id) {
        finding_id -> Text,
        state -> Text,
        reason -> Text,
        reviewer -> Text,
        reviewed_at -> Timestamp,
        revision -> BigInt,
    }
}

diesel::table! {
    finding_reviews (id) {
        id -> Text,
        finding_id -> Text,
        at -> Timestamp,
        actor -> Text,
        remote -> Text,
        state_from -> Text,
        state_to -> Text,
        reason -> Text,
    }
}

diesel::table! {
    detector_results (job_id, detector_id) {
        job_id -> Text,
        detector_id -> Text,
        place -> Integer,
        body -> Json,
    }
}

diesel::table! {
    audit_log (id) {
        id -> Text,
        at -> Timestamp,
        actor -> Text,
        action -> Text,
        resource -> Text,
        remote -> Text,
        result -> Text,
        details -> Json,
    }
}

diesel::table! {
    lake_versions (version) {
        version -> BigInt,
        import_id -> Nullable<Text>,
        created_at -> Timestamp,
        operation -> Text,
        of_version -> Nullable<BigInt>,
        expired_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    import_spans (import_id, added_version) {
        import_id -> Text,
        added_version -> BigInt,
        removed_version -> Nullable<BigInt>,
    }
}

diesel::table! {
    imports (id) {
        id -> Text,
        dataset -> Text,
        file_name -> Text,
        content_hash -> Text,
        counts -> Json,
        imported_at -> Timestamp,
        added_version -> BigInt,
        replaced_version -> Nullable<BigInt>,
        job_id -> Nullable<Text>,
    }
}

diesel::table! {
    import_reports (import_id) {
        import_id -> Text,
        report -> Json,
    }
}

diesel::table! {
    lake_files (path, added_version) {
        path -> Text,
        table_name -> Text,
        row_count -> BigInt,
        bytes -> BigInt,
        import_id -> Text,
        added_version -> BigInt,
        removed_version -> Nullable<BigInt>,
    }
}

diesel::table! {
    merged_imports (path, import_id) {
        path -> Text,
        import_id -> Text,
    }
}

diesel::table! {
    quarantine (import_id, place) {
        import_id -> Text,
        place -> BigInt,
        file -> Text,
        line -> BigInt,
        column_name -> Text,
        reason -> Text,
        value -> Text,
    }
}

diesel::table! {
    users (id) {
        id -> Text,
        username -> Text,
        email -> Nullable<Text>,
        password_hash -> Text,
        role -> Text,
        token_version -> BigInt,
        created_at -> Timestamp,
        disabled_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    api_keys (id) {
        id -> Text,
        prefix -> Text,
        key_hash -> Text,
        name -> Text,
        role -> Text,
        username -> Nullable<Text>,
        created_at -> Timestamp,
        expires_at -> Nullable<Timestamp>,
        revoked_at -> Nullable<Timestamp>,
        last_used_at -> Nullable<Timestamp>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(finding_states, findings, jobs);
diesel::allow_tables_to_appear_in_same_query!(import_reports, imports, lake_files, merged_imports);
