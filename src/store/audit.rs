use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::pool::{read, transaction};
use super::rows::AuditRow;
use super::schema::audit_log;
use super::{Store, StoreError};
use crate::model::AuditEntry;

impl Store {
    /// Appends to the audit log what changed no other row of the store, for example a refused call.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn append_audit(&self, entry: AuditEntry) -> Result<(), StoreError> {
        let row = AuditRow::new(&entry, self.timestamp());
        transaction!(self, |conn| {
            diesel::insert_into(audit_log::table).values(&row).execute(conn).await?;
            Ok(())
        })
    }

    /// The last `limit` entries of the audit log, newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn audit_entries(&self, limit: i64) -> Result<Vec<AuditEntry>, StoreError> {
        let rows = read!(self, |conn| {
            let newest = audit_log::table.order((audit_log::at.desc(), audit_log::id.desc())).limit(limit);
            Ok(newest.select(AuditRow::as_select()).load::<AuditRow>(conn).await?)
        })?;
        Ok(rows.into_iter().map(AuditEntry::from).collect())
    }
}
