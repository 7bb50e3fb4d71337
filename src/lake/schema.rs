//! Arrow schemas of the canonical tables. Money is `Decimal128(18, 2)`, days are `Date32`, ids are
//! text; a nullable column is null where the source gives nothing.
//!
//! `…_clock` says what kind of moment was published, as far as the import that wrote it kept that: `zoned` (with a time zone, an
//! instant), `local` (without one: taken for UTC, though only the publisher knows its clock), `day` (no time, or one that
//! stands for none: 00:00:00 without a zone or of UTC, 23:59 of UTC), `zoned_day` (00:00:00 of another zone).

use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::model::Table;

/// Type of money: 18 digits, two of them decimals.
pub const MONEY: DataType = DataType::Decimal128(18, 2);
/// Type of quantities: 18 digits, four of them decimals.
pub const QUANTITY: DataType = DataType::Decimal128(18, 4);

/// Type of moments: microseconds, in UTC.
pub static MOMENT: LazyLock<DataType> =
    LazyLock::new(|| DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC"))));

/// `row_status` of a row that counts.
pub const CURRENT: &str = "current";
/// `row_status` of a row that tells of no spending: income, a sale, a call for interest. It is no subject of any
/// figure or finding.
pub const NOT_SPENDING: &str = "not_spending";
/// `row_status` of a row that repeats an earlier one of its file to the letter.
pub const DUPLICATE: &str = "duplicate";
/// `row_status` of a row that a later one with the same key replaces.
pub const SUPERSEDED: &str = "superseded";

const PROVENANCE: [(&str, DataType, bool); 4] = [
    ("source", DataType::Utf8, false),
    ("source_file", DataType::Utf8, false),
    ("source_line", DataType::Int64, false),
    ("import_id", DataType::Utf8, false),
];

fn schema(columns: &[(&str, DataType, bool)]) -> SchemaRef {
    let field = |(name, kind, nullable): &(&str, DataType, bool)| Field::new(*name, kind.clone(), *nullable);
    Arc::new(Schema::new(columns.iter().chain(&PROVENANCE).map(field).collect::<Vec<_>>()))
}

static CONTRACTS: LazyLock<SchemaRef> = LazyLock::new(|| {
    use DataType::{Date32, Utf8};
    schema(&[
        ("contract_id", Utf8, false),
        ("row_status", Utf8, false),
        ("number", Utf8, false),
        ("object", Utf8, false),
        ("object_folded", Utf8, false),
        ("legal_basis", Utf8, true),
        ("modality", Utf8, false),
        ("modality_name", Utf8, false),
        ("situation", Utf8, true),
        ("sphere", Utf8, true),
        ("superior_organ_id", Utf8, true),
        ("superior_organ_name", Utf8, true),
        ("organ_id", Utf8, true),
        ("organ_name", Utf8, true),
        ("buyer_id", Utf8, false),
        ("buyer_name", Utf8, false),
        ("signature_date", Date32, true),
        ("publication_date", Date32, true),
        ("start_date", Date32, true),
        ("end_date", Date32, true),
        ("supplier_id_published", Utf8, true),
        ("supplier_id", Utf8, true),
        ("supplier_key", Utf8, true),
        ("supplier_kind", Utf8, false),
        ("supplier_check", Utf8, false),
        ("supplier_name", Utf8, true),
        ("initial_value", MONEY, true),
        ("current_value", MONEY, true),
        ("tender_number", Utf8, true),
        ("tender_buyer_id", Utf8, true),
        ("tender_modality", Utf8, true),
        ("ocid", Utf8, true),
        ("tender_id", Utf8, true),
        ("currency", Utf8, true),
        ("category", Utf8, true),
    ])
});

static AMENDMENTS: LazyLock<SchemaRef> = LazyLock::new(|| {
    use DataType::{Date32, Utf8};
    schema(&[
        ("amendment_id", Utf8, false),
        ("row_status", Utf8, false),
        ("buyer_id", Utf8, false),
        ("contract_number", Utf8, false),
        ("number", Utf8, false),
        ("publication_date", Date32, true),
        ("object", Utf8, false),
        ("object_folded", Utf8, false),
        ("value", MONEY, true),
        ("signature_date", Date32, true),
    ])
});

static CONTRACT_ITEMS: LazyLock<SchemaRef> = LazyLock::new(|| {
    use DataType::Utf8;
    schema(&[
        ("item_id", Utf8, false),
        ("row_status", Utf8, false),
        ("buyer_id", Utf8, false),
        ("contract_number", Utf8, false),
        ("code", Utf8, false),
        ("description", Utf8, false),
        ("description_folded", Utf8, false),
        ("details", Utf8, false),
        ("quantity", QUANTITY, true),
        ("unit_price", MONEY, true),
    ])
});

static TENDERS: LazyLock<SchemaRef> = LazyLock::new(|| {
    use DataType::{Date32, Int64, Utf8};
    schema(&[
        ("tender_id", Utf8, false),
        ("row_status", Utf8, false),
        ("ocid", Utf8, true),
        ("number", Utf8, true),
        ("process_number", Utf8, true),
        ("object", Utf8, false),
        ("object_folded", Utf8, false),
        ("legal_basis", Utf8, true),
        ("modality", Utf8, false),
        ("modality_name", Utf8, false),
        ("method", Utf8, true),
        ("criterion", Utf8, true),
        ("category", Utf8, true),
        ("situation", Utf8, true),
        ("sphere", Utf8, true),
        ("superior_organ_id", Utf8, true),
        ("superior_organ_name", Utf8, true),
        ("organ_id", Utf8, true),
        ("organ_name", Utf8, true),
        ("buyer_id", Utf8, false),
        ("buyer_name", Utf8, false),
        ("state", Utf8, true),
        ("municipality", Utf8, true),
        ("publication_date", Date32, true),
        ("open_date", Date32, true),
        ("result_date", Date32, true),
        ("period_start", MOMENT.clone(), true),
        ("period_end", MOMENT.clone(), true),
        ("currency", Utf8, true),
        ("estimated_value", MONEY, true),
        ("value", MONEY, true),
        ("tenderers", Int64, true),
        ("period_start_clock", Utf8, true),
        ("period_end_clock", Utf8, true),
    ])
});

static TENDER_ITEMS: LazyLock<SchemaRef> = LazyLock::new(|| {
    use DataType::Utf8;
    schema(&[
        ("item_id", Utf8, false),
        ("row_status", Utf8, false),
        ("tender_id", Utf8, false),
        ("buyer_id", Utf8, false),
        ("number", Utf8, true),
        ("lot", Utf8, true),
        ("description", Utf8, false),
        ("description_folded", Utf8, false),
        ("classification_scheme", Utf8, true),
        ("classification_id", Utf8, true),
        ("unit", Utf8, true),
        ("quantity", QUANTITY, true),
        ("unit_price", MONEY, true),
        ("winner_id_published", Utf8, true),
        ("winner_id", Utf8, true),
        ("winner_key", Utf8, true),
        ("winner_name", Utf8, true),
        ("status", Utf8, true),
        ("total_value", MONEY, true),
    ])
});

static BIDS: LazyLock<SchemaRef> = LazyLock::new(|| {
    use DataType::{Boolean, Utf8};
    schema(&[
        ("bid_id", Utf8, false),
        ("row_status", Utf8, false),
        ("tender_id", Utf8, false),
        ("buyer_id", Utf8, false),
        ("lot", Utf8, true),
        ("item_number", Utf8, true),
        ("bidder_id_published", Utf8, true),
        ("bidder_id", Utf8, true),
        ("bidder_key", Utf8, true),
        ("bidder_kind", Utf8, false),
        ("bidder_check", Utf8, false),
        ("bidder_name", Utf8, true),
        ("bid_time", MOMENT.clone(), true),
        ("currency", Utf8, true),
        ("amount", MONEY, true),
        ("status", Utf8, true),
        ("won", Boolean, true),
        ("bid_clock", Utf8, true),
    ])
});

static SUPPLIERS: LazyLock<SchemaRef> = LazyLock::new(|| {
    use DataType::{Date32, Utf8};
    schema(&[
        ("supplier_id", Utf8, false),
        ("row_status", Utf8, false),
        ("supplier_key", Utf8, true),
        ("supplier_kind", Utf8, false),
        ("name", Utf8, true),
        ("opening_date", Date32, true),
        ("registration_status", Utf8, true),
        ("registration_status_date", Date32, true),
        ("activity", Utf8, true),
        ("size", Utf8, true),
        ("capital", MONEY, true),
        ("state", Utf8, true),
        ("municipality", Utf8, true),
        ("address", Utf8, true),
        ("phone", Utf8, true),
        ("email", Utf8, true),
    ])
});

static SANCTIONS: LazyLock<SchemaRef> = LazyLock::new(|| {
    use DataType::{Date32, Utf8};
    schema(&[
        ("sanction_id", Utf8, false),
        ("row_status", Utf8, false),
        ("list", Utf8, false),
        ("person_id_published", Utf8, true),
        ("person_id", Utf8, true),
        ("person_key", Utf8, true),
        ("person_kind", Utf8, false),
        ("person_check", Utf8, false),
        ("person_name", Utf8, true),
        ("category", Utf8, true),
        ("legal_basis", Utf8, true),
        ("scope", Utf8, true),
        ("body", Utf8, true),
        ("body_state", Utf8, true),
        ("body_sphere", Utf8, true),
        ("process_number", Utf8, true),
        ("start_date", Date32, true),
        ("end_date", Date32, true),
        ("publication_date", Date32, true),
        ("final_judgment_date", Date32, true),
        ("fine", MONEY, true),
        ("code", Utf8, true),
        ("note", Utf8, true),
    ])
});

static PAYMENTS: LazyLock<SchemaRef> = LazyLock::new(|| {
    use DataType::{Date32, Utf8};
    schema(&[
        ("payment_id", Utf8, false),
        ("row_status", Utf8, false),
        ("kind", Utf8, false),
        ("contract_id", Utf8, true),
        ("buyer_id", Utf8, false),
        ("number", Utf8, true),
        ("tender_number", Utf8, true),
        ("date", Date32, true),
        ("value", MONEY, true),
        ("supplier_key", Utf8, true),
        ("note", Utf8, true),
        ("tender_id", Utf8, true),
        ("currency", Utf8, true),
    ])
});

static ESTABLISHMENTS: LazyLock<SchemaRef> = LazyLock::new(|| {
    use DataType::{Boolean, Date32, Utf8};
    schema(&[
        ("establishment_id", Utf8, false),
        ("row_status", Utf8, false),
        ("root", Utf8, false),
        ("head_office", Boolean, true),
        ("registration_status", Utf8, false),
        ("registration_status_date", Date32, true),
        ("registration_status_reason", Utf8, true),
        ("opening_date", Date32, true),
        ("activity", Utf8, true),
        ("other_activities", Utf8, true),
        ("state", Utf8, true),
        ("municipality", Utf8, true),
        ("address", Utf8, true),
        ("phone", Utf8, true),
        ("other_phone", Utf8, true),
        ("email", Utf8, true),
        ("reference_date", Date32, true),
    ])
});

static COMPANIES: LazyLock<SchemaRef> = LazyLock::new(|| {
    use DataType::{Date32, Utf8};
    schema(&[
        ("company_id", Utf8, false),
        ("row_status", Utf8, false),
        ("root", Utf8, false),
        ("name", Utf8, true),
        ("legal_nature", Utf8, true),
        ("capital", MONEY, true),
        ("size", Utf8, true),
        ("reference_date", Date32, true),
    ])
});

static TAX_REGIMES: LazyLock<SchemaRef> = LazyLock::new(|| {
    use DataType::{Boolean, Date32, Utf8};
    schema(&[
        ("regime_id", Utf8, false),
        ("row_status", Utf8, false),
        ("root", Utf8, false),
        ("simples", Boolean, true),
        ("simples_from", Date32, true),
        ("simples_until", Date32, true),
        ("mei", Boolean, true),
        ("mei_from", Date32, true),
        ("mei_until", Date32, true),
        ("reference_date", Date32, true),
    ])
});

static PARTNERS: LazyLock<SchemaRef> = LazyLock::new(|| {
    use DataType::{Date32, Utf8};
    schema(&[
        ("partner_id", Utf8, false),
        ("row_status", Utf8, false),
        ("root", Utf8, false),
        ("partner_kind", Utf8, false),
        ("partner_document", Utf8, true),
        ("partner_key", Utf8, true),
        ("partner_name", Utf8, true),
        ("qualification", Utf8, true),
        ("entry_date", Date32, true),
        ("reference_date", Date32, true),
    ])
});

static ACTIVITIES: LazyLock<SchemaRef> = LazyLock::new(|| {
    use DataType::{Date32, Utf8};
    schema(&[
        ("activity_id", Utf8, false),
        ("row_status", Utf8, false),
        ("description", Utf8, false),
        ("reference_date", Date32, true),
    ])
});

/// The column that most questions to a table name a value of: who buys, or which company. Rows of merged files stand in
/// its order, so that most of them need not be read.
pub(super) const fn sorted_by(table: Table) -> &'static str {
    match table {
        Table::Contracts
        | Table::Amendments
        | Table::ContractItems
        | Table::Tenders
        | Table::TenderItems
        | Table::Bids
        | Table::Payments => "buyer_id",
        Table::Establishments | Table::Companies | Table::TaxRegimes | Table::Partners => "root",
        Table::Suppliers | Table::Sanctions | Table::Activities => table.id_column(),
    }
}

/// Schema of a canonical table.
pub fn of(table: Table) -> SchemaRef {
    Arc::clone(match table {
        Table::Contracts => &CONTRACTS,
        Table::Amendments => &AMENDMENTS,
        Table::ContractItems => &CONTRACT_ITEMS,
        Table::Tenders => &TENDERS,
        Table::TenderItems => &TENDER_ITEMS,
        Table::Bids => &BIDS,
        Table::Suppliers => &SUPPLIERS,
        Table::Sanctions => &SANCTIONS,
        Table::Payments => &PAYMENTS,
        Table::Establishments => &ESTABLISHMENTS,
        Table::Companies => &COMPANIES,
        Table::TaxRegimes => &TAX_REGIMES,
        Table::Partners => &PARTNERS,
        Table::Activities => &ACTIVITIES,
    })
}
