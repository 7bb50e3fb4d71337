//! A month as it was published, against a reading that shares no code with the product.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use datafusion::prelude::SessionContext;

use super::House;

/// The rows of a published file, read by the csv crate and nothing of ours.
fn independent(path: &Path) -> (HashMap<String, usize>, Vec<Vec<String>>) {
    let text: String = fs::read(path).expect("a published file and its lake").into_iter().map(char::from).collect();
    let mut reader = csv::ReaderBuilder::new().delimiter(b';').has_headers(true).from_reader(text.as_bytes());
    let header = reader
        .headers()
        .expect("a published file and its lake")
        .iter()
        .enumerate()
        .map(|(at, name)| (name.to_owned(), at))
        .collect();
    let rows = reader
        .records()
        .map(|row| row.expect("a published file and its lake").iter().map(ToOwned::to_owned).collect())
        .collect();
    (header, rows)
}

/// `12,3400` in hundredths.
fn hundredths(text: &str) -> i128 {
    let (whole, fraction) = text.split_once(',').unwrap_or((text, ""));
    let fraction = format!("{fraction:0<2}");
    assert!(fraction[2..].bytes().all(|digit| digit == b'0'), "{text}");
    format!("{whole}{}", &fraction[..2]).parse().expect("a published file and its lake")
}

async fn numbers_of(session: &SessionContext, sql: &str) -> Vec<i128> {
    use datafusion::arrow::array::{AsArray, RecordBatch};
    use datafusion::arrow::datatypes::{DataType, Decimal128Type, Int64Type};
    let batches: Vec<RecordBatch> = session
        .sql(sql)
        .await
        .expect("a published file and its lake")
        .collect()
        .await
        .expect("a published file and its lake");
    batches[0]
        .columns()
        .iter()
        .map(|column| match column.data_type() {
            DataType::Int64 => i128::from(column.as_primitive::<Int64Type>().value(0)),
            _ => column.as_primitive::<Decimal128Type>().value(0),
        })
        .collect()
}

#[tokio::test]
async fn the_real_month_agrees_with_an_independent_reading() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/cgu-compras-202401");
    if !data.is_dir() {
        println!(
            "skipped: {} is not there; it holds published files that are not part of the repository",
            data.display()
        );
        return;
    }
    let house = House::new().await;
    let summary = house.import(std::slice::from_ref(&data)).await.unwrap();
    let session = house.session().await;

    let (column, rows) = independent(&data.join("202401_Compras.csv"));
    let field = |row: &Vec<String>, name: &str| row[column[name]].clone();
    let key = |row: &Vec<String>| {
        [
            "Código UG",
            "Número do Contrato",
            "Código Contratado",
            "Número Licitação",
            "Código UG Licitação",
            "Código Modalidade Compra Licitação",
            "Data Assinatura Contrato",
        ]
        .map(|name| field(row, name))
    };
    let distinct: BTreeSet<_> = rows.iter().collect();
    let last: HashMap<_, _> = distinct.iter().map(|row| (key(row), ())).collect();
    let secret = rows.iter().filter(|row| field(row, "Código Contratado") == "-11").count();
    assert_eq!(summary.contracts, rows.len() as i64);
    assert_eq!(summary.duplicates, (rows.len() - distinct.len()) as i64);
    assert_eq!(summary.superseded, (distinct.len() - last.len()) as i64);
    assert_eq!(summary.without_supplier, secret as i64);
    assert_eq!(summary.quarantined, 0);
    assert_eq!((rows.len(), summary.duplicates, summary.superseded, secret), (3_484, 1, 1, 74));
    let sum = |name| rows.iter().map(|row| hundredths(&field(row, name))).sum::<i128>();
    let open = rows.iter().filter(|row| field(row, "Data Fim Vigência").is_empty()).count();
    let direct = rows.iter().filter(|row| field(row, "Modalidade Compra") == "Dispensa de Licitação").count();
    let tenders =
        rows.iter().filter(|row| !["-3", "-2", ""].contains(&field(row, "Número Licitação").as_str())).count();
    let expected = vec![
        sum("Valor Inicial Compra"),
        sum("Valor Final Compra"),
        open as i128,
        direct as i128,
        tenders as i128,
        last.len() as i128,
        last.len() as i128,
    ];
    let sql = "SELECT sum(initial_value), sum(current_value), count(*) - count(end_date), \
               count(*) FILTER (WHERE modality = 'dispensa_licitacao'), count(tender_number), \
               count(*) FILTER (WHERE row_status = 'current'), count(DISTINCT contract_id) FROM contracts_all";
    assert_eq!(numbers_of(&session, sql).await, expected);

    let (column, rows) = independent(&data.join("202401_ItemCompra.csv"));
    let distinct: BTreeSet<_> = rows.iter().collect();
    let sum = |name: &str| rows.iter().map(|row| hundredths(&row[column[name]])).sum::<i128>();
    assert_eq!((summary.items, summary.item_duplicates), (11_287, (rows.len() - distinct.len()) as i64));
    let expected = vec![sum("Valor Item"), sum("Quantidade Item") * 100, rows.len() as i128, distinct.len() as i128];
    let sql = "SELECT sum(unit_price), sum(quantity), count(DISTINCT item_id), \
               count(*) FILTER (WHERE row_status = 'current') FROM contract_items_all";
    assert_eq!(numbers_of(&session, sql).await, expected);

    let (_, rows) = independent(&data.join("202401_TermoAditivo.csv"));
    assert_eq!((summary.amendments, summary.amendment_duplicates), (669, 0));
    let sql = "SELECT count(*), count(DISTINCT amendment_id) FROM amendments_all WHERE row_status = 'current'";
    assert_eq!(numbers_of(&session, sql).await, vec![rows.len() as i128; 2]);
    assert_eq!((summary.apostilamentos, summary.files.len(), summary.lake_version), (0, 4, 1));

    let again = house.import(&[data]).await.unwrap();
    assert_eq!((again.unchanged.len(), again.lake_version, again.files.len()), (4, 1, 0));
}
