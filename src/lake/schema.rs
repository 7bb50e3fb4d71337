//! Arrow schemas of the canonical tables. Money is `Decimal128(18, 2)`, days are `Date32`, ids are
//! text; a nullable column is null where the source gives nothing.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::model::Table;

/// Type of money: 18 digits, two of them decimals.
pub const MONEY: DataType = DataType::Decimal128(18, 2);
/// Type of quantities: 18 digits, four of them decimals.
pub const QUANTITY: DataType = DataType::Decimal128(18, 4);

/// `row_status` of a row that counts.
pub const CURRENT: &str = "current";
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

/// Schema of a canonical table.
pub fn of(table: Table) -> SchemaRef {
    Arc::clone(match table {
        Table::Contracts => &CONTRACTS,
        Table::Amendments => &AMENDMENTS,
        Table::ContractItems => &CONTRACT_ITEMS,
    })
}
