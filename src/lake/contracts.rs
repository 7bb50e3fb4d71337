//! What the contract service reads: a page of a search, one contract in full.

use chrono::{Days, NaiveDate};
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Date32Type, Decimal128Type, Int64Type};
use datafusion::logical_expr::{col, lit};
use datafusion::prelude::{DataFrame, SessionContext};

use super::filters::{self, money};
use super::{LakeError, schema};
use crate::model::{EvidenceRow, Filters, Modality, Money, Table, official_page};

/// Who supplies a contract, as far as it is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Supplier {
    /// A CNPJ in full, a CPF masked, or what the source gives.
    pub id: String,
    /// Name.
    pub name: String,
    /// `cnpj`, `cpf`, `foreign` or `other`.
    pub id_kind: String,
}

/// A contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractRow {
    /// Id in the lake.
    pub contract_id: String,
    /// Number as published.
    pub number: String,
    /// Object as published, CPFs masked.
    pub object: String,
    /// Modality.
    pub modality: Modality,
    /// Modality as published.
    pub modality_name: String,
    /// Legal basis as published.
    pub legal_basis: Option<String>,
    /// Code of the unidade gestora.
    pub buyer_id: String,
    /// Its name.
    pub buyer_name: String,
    /// Code of the organ.
    pub organ_id: Option<String>,
    /// Name of the organ.
    pub organ_name: Option<String>,
    /// The supplier; `None` where the source keeps it secret.
    pub supplier: Option<Supplier>,
    /// Day of signature.
    pub signature_date: Option<NaiveDate>,
    /// Day of publication.
    pub publication_date: Option<NaiveDate>,
    /// First day of the term.
    pub start_date: Option<NaiveDate>,
    /// Last day of the term.
    pub end_date: Option<NaiveDate>,
    /// Value at signature.
    pub initial_value: Option<Money>,
    /// Current value.
    pub current_value: Option<Money>,
    /// Where the row was published.
    pub source: EvidenceRow,
}

/// An item of a contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemRow {
    /// Code as published.
    pub code: String,
    /// Description.
    pub description: String,
    /// Further description.
    pub details: String,
    /// Quantity, in ten-thousandths.
    pub quantity: Option<i128>,
    /// Price of one unit.
    pub unit_price: Option<Money>,
    /// Where the row was published.
    pub source: EvidenceRow,
}

/// An amendment of a contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AmendmentRow {
    /// Number as published.
    pub number: String,
    /// Day of publication.
    pub publication_date: Option<NaiveDate>,
    /// Text as published, CPFs masked.
    pub object: String,
    /// Where the row was published.
    pub source: EvidenceRow,
}

/// A contract with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractDetail {
    /// The contract.
    pub contract: ContractRow,
    /// Its items, in the order published.
    pub items: Vec<ItemRow>,
    /// Its amendments, in the order published.
    pub amendments: Vec<AmendmentRow>,
    /// Whether another contract has the same buyer and number: items and amendments, which name no
    /// more than these, may then be the other one's.
    pub ambiguous: bool,
}

/// Where a page ends; the next one begins after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageKey {
    /// Current value of the last contract.
    pub current_value: Option<Money>,
    /// Its id.
    pub contract_id: String,
}

/// A page of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Contracts, by current value from the largest (those without one last), then by id.
    pub contracts: Vec<ContractRow>,
    /// Contracts that match over all pages.
    pub total: i64,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<PageKey>,
}

/// Searches the current contracts of the tables that [`super::LakeSnapshot::register`] registered.
///
/// # Errors
/// If the engine fails, or the tables are not registered.
pub async fn search(
    session: &SessionContext,
    filters: &Filters,
    terms: &[String],
    include_items: bool,
    after: Option<&PageKey>,
    limit: usize,
) -> Result<Page, LakeError> {
    let contracts = current(session, Table::Contracts).await?;
    let matching = filters::with_scope(session, contracts, filters, terms, include_items).await?;
    let matching = matching.filter(col("in_scope"))?;
    let total = i64::try_from(matching.clone().count().await?).unwrap_or(i64::MAX);
    let mut page = matching;
    if let Some(after) = after {
        let id = || lit(after.contract_id.as_str());
        page = page.filter(match after.current_value {
            Some(last) => {
                let smaller = col("current_value").lt(money(last)).or(col("current_value").is_null());
                let same = col("current_value").eq(money(last)).and(col("contract_id").gt(id()));
                smaller.or(same)
            }
            None => col("current_value").is_null().and(col("contract_id").gt(id())),
        })?;
    }
    let page = page.sort(vec![col("current_value").sort(false, false), col("contract_id").sort(true, false)])?;
    let batches = page.limit(0, Some(limit.saturating_add(1)))?.collect().await?;
    let mut contracts = batches.iter().flat_map(rows).map(Row::contract).collect::<Result<Vec<_>, _>>()?;
    let more = contracts.len() > limit;
    contracts.truncate(limit);
    let next = contracts
        .last()
        .filter(|_| more)
        .map(|last| PageKey { current_value: last.current_value, contract_id: last.contract_id.clone() });
    Ok(Page { contracts, total, next })
}

/// Reads one current contract with its items and amendments; `None` if there is none with this id.
///
/// # Errors
/// If the engine fails, or the tables are not registered.
pub async fn get(session: &SessionContext, contract_id: &str) -> Result<Option<ContractDetail>, LakeError> {
    let contracts = current(session, Table::Contracts).await?;
    let found = contracts.clone().filter(col("contract_id").eq(lit(contract_id)))?;
    let batches = found.limit(0, Some(1))?.collect().await?;
    let Some(row) = batches.iter().flat_map(rows).next() else { return Ok(None) };
    let contract = row.contract()?;
    let (buyer, number) = (contract.buyer_id.as_str(), contract.number.as_str());
    let same_key = col("buyer_id").eq(lit(buyer)).and(col("number").eq(lit(number)));
    let ambiguous = contracts.filter(same_key)?.count().await? > 1;
    let items = belonging(session, Table::ContractItems, &contract).await?;
    let items = items.iter().flat_map(rows).map(Row::item).collect::<Result<_, _>>()?;
    let amendments = belonging(session, Table::Amendments, &contract).await?;
    let amendments = amendments.iter().flat_map(rows).map(Row::amendment).collect::<Result<_, _>>()?;
    Ok(Some(ContractDetail { contract, items, amendments, ambiguous }))
}

/// The code of the organ that a unit (UG) of the Portal da Transparência belongs to, as its latest contract says; `None` if
/// the lake has no contract of it that says so.
///
/// # Errors
/// If the engine fails, or the tables are not registered.
pub async fn organ_of(session: &SessionContext, buyer_id: &str) -> Result<Option<String>, LakeError> {
    let of_unit = col("buyer_id").eq(lit(buyer_id)).and(col("source").like(lit("portal%")));
    let known = current(session, Table::Contracts).await?.filter(of_unit.and(col("organ_id").is_not_null()))?;
    let latest = known.sort(vec![col("signature_date").sort(false, false)])?.limit(0, Some(1))?;
    let batches = latest.collect().await?;
    batches.iter().flat_map(rows).next().map_or(Ok(None), |row| row.owned("organ_id"))
}

async fn current(session: &SessionContext, table: Table) -> Result<DataFrame, LakeError> {
    let all = session.table(format!("{}_all", table.as_str())).await?;
    Ok(all.filter(col("row_status").eq(lit(schema::CURRENT)))?)
}

async fn belonging(
    session: &SessionContext,
    table: Table,
    contract: &ContractRow,
) -> Result<Vec<RecordBatch>, LakeError> {
    let buyer = col("buyer_id").eq(lit(contract.buyer_id.as_str()));
    let number = col("contract_number").eq(lit(contract.number.as_str()));
    let order = vec![col("source_file").sort(true, false), col("source_line").sort(true, false)];
    Ok(current(session, table).await?.filter(buyer.and(number))?.sort(order)?.collect().await?)
}

fn rows(batch: &RecordBatch) -> impl Iterator<Item = Row<'_>> {
    (0..batch.num_rows()).map(move |index| Row { batch, index })
}

/// One row of a result.
#[derive(Debug, Clone, Copy)]
struct Row<'a> {
    batch: &'a RecordBatch,
    index: usize,
}

impl<'a> Row<'a> {
    fn column(self, name: &str) -> Result<&'a dyn Array, LakeError> {
        let column = self.batch.column_by_name(name).ok_or_else(|| mismatch(name))?;
        Ok(column.as_ref())
    }

    fn optional(self, name: &str) -> Result<Option<&'a str>, LakeError> {
        let texts = self.column(name)?.as_string_opt::<i32>().ok_or_else(|| mismatch(name))?;
        Ok(texts.is_valid(self.index).then(|| texts.value(self.index)))
    }

    fn text(self, name: &str) -> Result<String, LakeError> {
        Ok(self.optional(name)?.unwrap_or_default().to_owned())
    }

    fn owned(self, name: &str) -> Result<Option<String>, LakeError> {
        Ok(self.optional(name)?.map(ToOwned::to_owned))
    }

    fn decimal(self, name: &str) -> Result<Option<i128>, LakeError> {
        let values = self.column(name)?.as_primitive_opt::<Decimal128Type>().ok_or_else(|| mismatch(name))?;
        Ok(values.is_valid(self.index).then(|| values.value(self.index)))
    }

    fn money(self, name: &str) -> Result<Option<Money>, LakeError> {
        Ok(self.decimal(name)?.map(Money::from_cents))
    }

    fn day(self, name: &str) -> Result<Option<NaiveDate>, LakeError> {
        let days = self.column(name)?.as_primitive_opt::<Date32Type>().ok_or_else(|| mismatch(name))?;
        if days.is_null(self.index) {
            return Ok(None);
        }
        let days = i64::from(days.value(self.index));
        let distance = Days::new(days.unsigned_abs());
        Ok(if days < 0 {
            NaiveDate::default().checked_sub_days(distance)
        } else {
            NaiveDate::default().checked_add_days(distance)
        })
    }

    fn source(self, table: Table, id: &str) -> Result<EvidenceRow, LakeError> {
        let lines = self.column("source_line")?.as_primitive_opt::<Int64Type>();
        let (id, source, file) = (self.text(id)?, self.text("source")?, self.text("source_file")?);
        Ok(EvidenceRow {
            table: table.as_str().to_owned(),
            columns: official_page(&id, &source, &file).map(|link| ("link".to_owned(), link)).into_iter().collect(),
            id,
            source,
            file,
            line: lines.ok_or_else(|| mismatch("source_line"))?.value(self.index),
            import_id: self.text("import_id")?,
        })
    }

    fn contract(self) -> Result<ContractRow, LakeError> {
        let supplier = match self.owned("supplier_id")? {
            Some(id) => Some(Supplier { id, name: self.text("supplier_name")?, id_kind: self.text("supplier_kind")? }),
            None => None,
        };
        Ok(ContractRow {
            contract_id: self.text("contract_id")?,
            number: self.text("number")?,
            object: self.text("object")?,
            modality: Modality::parse(&self.text("modality")?).unwrap_or(Modality::NotInformed),
            modality_name: self.text("modality_name")?,
            legal_basis: self.owned("legal_basis")?,
            buyer_id: self.text("buyer_id")?,
            buyer_name: self.text("buyer_name")?,
            organ_id: self.owned("organ_id")?,
            organ_name: self.owned("organ_name")?,
            supplier,
            signature_date: self.day("signature_date")?,
            publication_date: self.day("publication_date")?,
            start_date: self.day("start_date")?,
            end_date: self.day("end_date")?,
            initial_value: self.money("initial_value")?,
            current_value: self.money("current_value")?,
            source: self.source(Table::Contracts, "contract_id")?,
        })
    }

    fn item(self) -> Result<ItemRow, LakeError> {
        Ok(ItemRow {
            code: self.text("code")?,
            description: self.text("description")?,
            details: self.text("details")?,
            quantity: self.decimal("quantity")?,
            unit_price: self.money("unit_price")?,
            source: self.source(Table::ContractItems, "item_id")?,
        })
    }

    fn amendment(self) -> Result<AmendmentRow, LakeError> {
        Ok(AmendmentRow {
            number: self.text("number")?,
            publication_date: self.day("publication_date")?,
            object: self.text("object")?,
            source: self.source(Table::Amendments, "amendment_id")?,
        })
    }
}

fn mismatch(column: &str) -> LakeError {
    LakeError::Schema { table: "result", detail: format!("column {column} is missing or of another type") }
}
