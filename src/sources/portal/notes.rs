use super::{Fault, Layout, PiiKey, Provenance, Published};
use crate::lake::{LakeError, RowBuilder};
use crate::model::Table;

/// `Apostilamento`: notes on contracts. Most months publish a header only.
#[derive(Debug)]
pub(crate) struct Notes;

impl Layout for Notes {
    const COLUMNS: &'static [&'static str] =
        &["numero contrato", "codigo ug", "numero apostilamento", "descricao apostilamento", "valor apostilamento"];
    const TABLE: Option<Table> = None;
    type Row<'a> = ();

    fn read(published: Published<'_>) -> Result<(), Fault> {
        published.required(0)?;
        published.required(1)?;
        published.money(4)?;
        Ok(())
    }

    fn id((): &()) -> (String, Option<u128>) {
        (String::new(), None)
    }

    fn write((): &(), _: Provenance<'_>, _: &PiiKey, _: &mut RowBuilder) -> Result<(), LakeError> {
        Ok(())
    }
}
