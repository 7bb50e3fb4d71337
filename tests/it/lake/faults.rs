//! Files that are damaged, hostile or merely odd: each gives a clear error or rows in quarantine, the rest is
//! taken in, and nothing is half visible.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write};

use cidadao::sources::ImportError;
use zip::write::SimpleFileOptions;

use super::{CONTRACTS, House, contract, usual};

fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).expect("ISO-8859-1")).collect()
}

fn archive(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file(name, SimpleFileOptions::default()).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap().into_inner()
}

/// Rows that are in order, with numbers of their own.
fn rows(numbers: std::ops::Range<usize>) -> Vec<String> {
    let of = |n: usize| contract(&n.to_string(), "Café", "Pregão", "10/01/2024", "33000167000101", ["10,00", "10,00"]);
    numbers.map(of).collect()
}

#[tokio::test]
async fn a_file_with_everything_wrong_gives_what_is_right() {
    let house = House::new().await;
    let mut file = Vec::new();
    let mut line = |bytes: &[u8]| {
        file.extend_from_slice(bytes);
        file.extend_from_slice(b"\r\n");
    };
    let good = rows(0..8);
    line(&latin1(CONTRACTS));
    line(&latin1(&good[0]));
    // The header again, in the middle.
    line(&latin1(CONTRACTS));
    line(&latin1(&good[1]));
    // UTF-8 inside ISO-8859-1.
    line(good[2].as_bytes());
    line(b"\"1\";\0");
    line(&latin1(&good[3].replace("Café", "Ca\0fé")));
    line(&latin1(&good[4]));
    line(b"\"1\";\"2\";\"3\"");
    line(&latin1(&good[5].replace("10/01/2024", "32/01/2024")));
    line(&[b"\"".as_slice(), &vec![b'x'; 3 << 20]].concat());
    line(&latin1(&good[6]));
    line(b"");
    line(&latin1(&good[7].replacen('"', "", 1)));
    // A quote that is never closed costs its row.
    line(b"\"never closed;");
    line(&latin1(&rows(8..9)[0]));
    file.extend_from_slice(b"\"cut off in the mid");
    let path = house.input().join("202401_Compras.csv");
    fs::write(&path, file).unwrap();
    let summary = house.import(&[path]).await.unwrap();
    let numbers = house.lines("SELECT number, object FROM contracts_all ORDER BY source_line").await;
    assert_eq!(numbers, ["0|Café", "1|Café", "2|Café", "4|Café", "6|Café", "7\"|Café", "8|Café"]);
    let reasons: BTreeMap<_, _> = summary.files[0].quarantined_by_reason.clone().into_iter().collect();
    let expected =
        [("invalid_date", 1), ("line_too_long", 1), ("nul_byte", 2), ("unclosed_quote", 2), ("wrong_field_count", 1)];
    assert_eq!(reasons, expected.map(|(name, times)| (name.to_owned(), times)).into());
    assert_eq!((summary.contracts, summary.quarantined, summary.lake_version), (7, 7, 1));
}

#[tokio::test]
async fn a_bad_file_among_good_ones_makes_nothing_visible() {
    let bomb = [latin1(CONTRACTS), b"\r\n".to_vec(), vec![b' '; 24 << 20]].concat();
    let whole = archive("202402_Compras.csv", &latin1(&format!("{CONTRACTS}\r\n{}\r\n", rows(0..50).join("\r\n"))));
    let missing = latin1(&CONTRACTS.replace("\"Código UG\";", ""));
    let repeated = latin1(&CONTRACTS.replace("\"Nome UG\"", "\"Código UG\""));
    let mut flipped = whole.clone();
    // Inside the packed bytes: only the checksum at the end tells.
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x55;
    type Fits = fn(&ImportError) -> bool;
    let cases: [(&str, &str, Vec<u8>, Fits); 6] = [
        ("bomb", "202402_Compras.zip", archive("202402_Compras.csv", &bomb), |error| {
            matches!(error, ImportError::ZipTooLarge { .. })
        }),
        ("cut off", "202402_Compras.zip", whole[..whole.len() - 60].to_vec(), |error| {
            matches!(error, ImportError::ZipDamaged { .. })
        }),
        ("damaged", "202402_Compras.zip", flipped, |error| matches!(error, ImportError::ZipDamaged { .. })),
        ("a page", "202402_Compras.zip", b"<html>Human Verification</html>".to_vec(), |error| {
            matches!(error, ImportError::ZipDamaged { .. })
        }),
        ("a column less", "202402_Compras.csv", missing, |error| {
            matches!(error, ImportError::MissingColumn { column: "codigo ug", .. })
        }),
        ("a column twice", "202402_Compras.csv", repeated, |error| {
            matches!(error, ImportError::RepeatedColumn { column: "codigo ug", times: 2, .. })
        }),
    ];
    for (case, name, bytes, fits) in cases {
        let house = House::new().await;
        house.put("202401_Compras.csv", CONTRACTS, &usual());
        let path = house.input().join(name);
        fs::write(&path, bytes).unwrap();
        let error = house.import(&[house.input()]).await.unwrap_err();
        assert!(fits(&error), "{case}: {error}");
        assert!(error.to_string().contains("202402_Compras"), "{case}: {error}");
        assert_eq!((house.store.lake_version().await, house.parquet().len()), (Ok(0), 0), "{case}");
        // Without it the rest is taken in.
        fs::remove_file(path).unwrap();
        assert_eq!(house.import(&[house.input()]).await.unwrap().lake_version, 1, "{case}");
    }
}

#[tokio::test]
async fn columns_in_another_order_are_the_same_columns() {
    let (usual_order, reversed) = (House::new().await, House::new().await);
    let turned = |line: &str| {
        let mut fields: Vec<&str> = line.split(';').collect();
        fields.reverse();
        fields.join(";")
    };
    let lines = rows(0..3);
    usual_order.put("202401_Compras.csv", CONTRACTS, &lines);
    let lines: Vec<_> = lines.iter().map(|line| turned(line)).collect();
    reversed.put("202401_Compras.csv", &turned(CONTRACTS), &lines);
    let sql = "SELECT * EXCEPT (import_id) FROM contracts_all ORDER BY source_line";
    let mut seen = Vec::new();
    for house in [usual_order, reversed] {
        house.import(&[house.input()]).await.unwrap();
        seen.push(house.lines(sql).await);
    }
    assert_eq!((seen[0].len(), &seen[0]), (3, &seen[1]));
}
