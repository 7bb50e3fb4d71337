//! `CNAECSV`: the names of economic activities.

use super::super::fault::{Fault, Reason};
use super::super::pii::PiiKey;
use super::super::portal::{Layout, Provenance, Published, digest, first_128};
use super::values::{is_code, text};
use super::{Kind, edition_day};
use crate::lake::{LakeError, RowBuilder};
use crate::model::Table;

/// An activity: its code and its name.
#[derive(Debug)]
pub(crate) struct Activity<'a> {
    code: &'a str,
    name: String,
}

/// Activities.
#[derive(Debug)]
pub(crate) struct Activities;

impl Layout for Activities {
    const COLUMNS: &'static [&'static str] = &["codigo", "descricao"];
    const TABLE: Table = Table::Activities;
    type Row<'a> = Activity<'a>;

    fn read<'a>(published: Published<'a>) -> Result<Activity<'a>, Fault> {
        let code = published.required(0)?;
        if !is_code(code, 7) {
            return Err(Fault { column: 0, reason: Reason::MalformedId });
        }
        Ok(Activity { code, name: text(published.required(1)?).unwrap_or_default() })
    }

    fn id(row: &Activity<'_>) -> (String, Option<u128>) {
        (row.code.to_owned(), Some(first_128(&digest([row.code]))))
    }

    fn write(row: &Activity<'_>, from: Provenance<'_>, _: &PiiKey, writer: &mut RowBuilder) -> Result<(), LakeError> {
        writer.row(|out| {
            out.text(from.id)
                .text(from.status)
                .text(&row.name)
                .day(edition_day(from.file))
                .text(Kind::Activities.source())
                .text(from.file)
                .integer(from.line)
                .text(from.import_id);
        })
    }
}
