use std::fs;
use std::path::Path;

use super::values::code;
use super::*;
use crate::sources::{ParsedFiles, PiiKey, files_to_parquet};

const KEY: PiiKey = PiiKey::from_bytes([7; 32]);
const COMPANIES: &str = "K3241.K03200Y0.D31111.EMPRECSV";
const ESTABLISHMENTS: &str = "K3241.K03200Y0.D31111.ESTABELE";
const PARTNERS: &str = "K3241.K03200Y0.D31111.SOCIOCSV";
const REGIMES: &str = "F.K03200$W.SIMPLES.CSV.D31111";
const ACTIVITIES: &str = "F.K03200$Z.D31111.CNAECSV";

fn line(fields: &[&str]) -> String {
    let quoted: Vec<String> = fields.iter().map(|field| format!("\"{field}\"")).collect();
    format!("{}\n", quoted.join(";"))
}

fn company() -> String {
    line(&["33000167", "EMPRESA SINTÉTICA", "2062", "49", "1000,00", "05", ""])
}

fn establishment(order: &str, digits: &str) -> String {
    let mut fields = vec!["33000167", order, digits, "1", "", "02", "20051103", "00", "", "", "19660803"];
    fields.extend(["0600001", "1921700,4681801", "AVENIDA", "CHILE", "65", "", "CENTRO", "20031912", "RJ", "6001"]);
    fields.extend(["21", "32242164", "", "", "", "", "A@B.COM.BR", "", ""]);
    line(&fields)
}

#[test]
fn names_say_kind_part_and_day() {
    for (name, kind, dataset_of) in [
        (COMPANIES, Kind::Companies, "receita:empresas/0"),
        ("K3241.K03200Y9.D51108.ESTABELE", Kind::Establishments, "receita:estabelecimentos/9"),
        ("k3241.k03200y1.d51108.sociocsv", Kind::Partners, "receita:socios/1"),
        (REGIMES, Kind::Regimes, "receita:simples"),
        (ACTIVITIES, Kind::Activities, "receita:cnaes"),
        ("Empresas3.csv", Kind::Companies, "receita:empresas/3"),
        ("Estabelecimentos.csv", Kind::Establishments, "receita:estabelecimentos/Estabelecimentos"),
        ("Sócios7.csv", Kind::Partners, "receita:socios/7"),
        ("Simples.zip", Kind::Regimes, "receita:simples"),
    ] {
        assert_eq!(Kind::of_name(name), Some(kind), "{name}");
        assert_eq!(dataset(kind, name), dataset_of, "{name}");
    }
    for name in [
        "simples",
        "EMPRECSV",
        "202401_Compras.csv",
        "minhas empresas.csv",
        "empresas.json",
        "F.K03200$Z.D31111.MUNICCSV",
    ] {
        assert_eq!(Kind::of_name(name), None, "{name}");
    }
    let day = |name| edition_day(name).map(|day| day.to_string());
    assert_eq!(day(COMPANIES).as_deref(), Some("2023-11-11"));
    assert_eq!(day("K3241.K03200Y0.D10710.EMPRECSV").as_deref(), Some("2021-07-10"));
    assert_eq!(day("K3241.K03200Y0.D00112.EMPRECSV").as_deref(), Some("2030-01-12"));
    assert_eq!(day("F.K03200$W.SIMPLES.CSV.D51108").as_deref(), Some("2025-11-08"));
    for name in ["Empresas0.csv", "K3241.K03200Y0.D31311.EMPRECSV", "K3241.D3111.EMPRECSV", "K3241.D31é11.EMPRECSV"] {
        assert_eq!(day(name), None, "{name}");
    }
}

#[test]
fn rows_say_the_kind_too() {
    let detect = |named, text: &str| {
        let latin: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        Kind::detect(named, &latin).unwrap()
    };
    let partner = line(&["33000167", "2", "FULANA", "***982247**", "49", "20200101", "", "***000000**", "", "00", "5"]);
    let regime = line(&["33000167", "S", "20180101", "00000000", "N", "0", ""]);
    let rows = [
        (Kind::Companies, company()),
        (Kind::Establishments, establishment("0001", "01")),
        (Kind::Partners, partner),
        (Kind::Regimes, regime),
    ];
    for (kind, row) in &rows {
        for (other, of_other) in &rows {
            let expected = (kind == other).then_some(*kind);
            assert_eq!(detect(Some(*kind), of_other), expected, "{kind:?}, rows of {other:?}");
        }
        assert_eq!(detect(None, row), Some(*kind));
        // A name and some rows will do; without a name all rows must fit.
        let mixed = format!("\"x\";\"y\"\n{row}");
        assert_eq!(detect(Some(*kind), &mixed), Some(*kind));
        assert_eq!(detect(None, &mixed), None);
    }
    let activity = line(&["0111301", "Cultivo de arroz"]);
    assert_eq!(detect(Some(Kind::Activities), &activity), Some(Kind::Activities));
    // Codes of towns look the same.
    assert_eq!(detect(None, &line(&["5300108", "Brasília"])), None);
    for text in ["", "\n\n", "a;b\n1;2\n", "\"8 digits\";\"2\"\n", "{\"a\": 1}"] {
        assert_eq!(detect(None, text), None, "{text:?}");
        assert_eq!(detect(Some(Kind::Companies), text), None, "{text:?}");
    }
}

#[test]
fn contacts_that_say_nothing_are_none() {
    assert_eq!(contacts::phone("11", "33334444").as_deref(), Some("(11) 33334444"));
    assert_eq!(contacts::phone("011", "987654321").as_deref(), None, "it only counts down");
    assert_eq!(contacts::phone("0011", "987650321").as_deref(), Some("(11) 987650321"));
    assert_eq!(contacts::phone("11", "3333-4444"), contacts::phone("11 ", "33334444"));
    for (area, number) in [
        ("", "33334444"),
        ("11", ""),
        ("11", "00000000"),
        ("11", "99999999"),
        ("11", "12345678"),
        ("10", "33334444"),
        ("11", "123"),
    ] {
        assert_eq!(contacts::phone(area, number), None, "{area} {number}");
    }
    assert_eq!(contacts::email(" Vendas@Empresa.com.br ").as_deref(), Some("vendas@empresa.com.br"));
    for text in
        ["", "x", "nao@tem.com.br", "não.tem@empresa.com", "a@b", "a b@c.com", "vendas@email.com", "a@@b.com", "@b.com"]
    {
        assert_eq!(contacts::email(text), None, "{text}");
    }
    let address = |number, addition, postal| contacts::address(["RUA", "  DAS   FLÔRES"], number, addition, postal);
    assert_eq!(address("10", "SALA 2", "70000000").as_deref(), Some("rua das flores 10 sala 2, CEP 70000000"));
    for (number, postal) in [("S/N", "70000000"), ("0", "70000000"), ("10", ""), ("10", "00000000"), ("10", "7000")] {
        assert_eq!(address(number, "", postal), None, "{number} {postal}");
    }
    assert_eq!(contacts::address(["RUA", " "], "10", "", "70000000"), None);
}

/// The Parquet files of one published file.
fn taken(directory: &Path, name: &str, text: &str) -> ParsedFiles {
    let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let path = directory.join(name);
    fs::write(&path, bytes).unwrap();
    files_to_parquet(&[path], &directory.join("lake"), &KEY, &|_| ()).unwrap()
}

#[test]
fn every_row_is_taken_in_or_in_quarantine() {
    let directory = tempfile::tempdir().unwrap();
    let bad = [
        line(&["3300016", "CURTA", "2062", "49", "1000,00", "05", ""]),
        line(&["33000168", "CENTAVOS", "2062", "49", "1000,005", "05", ""]),
        line(&["33000169", "LARGURA", "2062", "49", "1000,00", "05"]),
        "\"33000170\";\"NUL \0\";\"2062\";\"49\";\"1,00\";\"05\";\"\"\n".to_owned(),
    ];
    let text = format!("{}{}{}", company(), company(), bad.concat());
    let parsed = taken(directory.path(), COMPANIES, &text);
    let summary = &parsed.summary;
    assert_eq!((summary.companies, summary.other_duplicates, summary.quarantined), (2, 1, 4));
    let reasons: Vec<_> = parsed
        .quarantine
        .iter()
        .map(|row| (row.line, row.column.as_str(), row.reason.as_str(), row.value.as_str()))
        .collect();
    assert_eq!(
        reasons,
        [
            (3, "cnpj basico", "malformed_id", "3300016"),
            (4, "capital social da empresa", "sub_cent_amount", "1000,005"),
            // Nobody's name is shown.
            (5, "", "wrong_field_count", "33000169"),
            (6, "", "nul_byte", ""),
        ]
    );
    let text = [
        establishment("0001", "01"),
        establishment("0001", "02"),
        establishment("0001", "01").replace("\"02\";\"20051103\"", "\"09\";\"20051103\""),
        establishment("0001", "01").replace("20051103", "20050231"),
        // A later row of an establishment replaces an earlier one.
        establishment("0001", "01").replace("\"02\";\"20051103\"", "\"08\";\"20240101\""),
    ];
    let parsed = taken(directory.path(), ESTABLISHMENTS, &text.concat());
    assert_eq!((parsed.summary.establishments, parsed.summary.other_superseded), (2, 1));
    let reasons: Vec<_> = parsed.quarantine.iter().map(|row| (row.column.as_str(), row.reason.as_str())).collect();
    assert_eq!(
        reasons,
        [
            ("cnpj dv", "malformed_id"),
            ("situacao cadastral", "unknown_code"),
            ("data situacao cadastral", "invalid_date"),
        ]
    );
    let text = [line(&["0111301", "Cultivo de arroz"]), line(&["011", "x"]), line(&["0111302", ""])];
    let parsed = taken(directory.path(), ACTIVITIES, &text.concat());
    assert_eq!((parsed.summary.activities, parsed.summary.quarantined), (1, 2));
    let text = [
        line(&["33000167", "S", "20180101", "00000000", "N", "0", ""]),
        line(&["33000168", "N", "x", "", "N", "", ""]),
    ];
    let parsed = taken(directory.path(), REGIMES, &text.concat());
    assert_eq!((parsed.summary.tax_regimes, parsed.summary.quarantined), (1, 1));
    let partner =
        |kind: &str, id: &str| line(&["33000167", kind, "FULANA DE TAL", id, "49", "20200101", "", "", "", "00", "5"]);
    let text = [partner("2", "***982247**"), partner("1", "33000167000101"), partner("3", ""), partner("4", "")];
    let parsed = taken(directory.path(), PARTNERS, &text.concat());
    assert_eq!((parsed.summary.partners, parsed.summary.quarantined), (3, 1));
}

#[test]
fn a_file_of_another_shape_is_none_of_the_register() {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in [(COMPANIES, establishment("0001", "01")), (ESTABLISHMENTS, "a;b\n1;2\n".to_owned())] {
        let path = directory.path().join(name);
        fs::write(&path, text.bytes().map(|byte| if byte.is_ascii() { byte } else { b'?' }).collect::<Vec<u8>>())
            .unwrap();
        let error = files_to_parquet(&[path], &directory.path().join("lake"), &KEY, &|_| ()).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn texts_of_windows_are_read() {
    assert_eq!(values::text("A \u{96} B  C").as_deref(), Some("A – B C"));
    assert_eq!(values::text("\u{80}\u{81}").as_deref(), Some("€\u{81}"));
    assert_eq!(values::text("JOSE 52998224725").as_deref(), Some("JOSE ***.982.247-**"));
    assert_eq!(values::text("  "), None);
}

#[test]
fn a_code_is_no_number_of_a_person() {
    assert_eq!(code("4761003").as_deref(), Some("4761003"));
    assert_eq!(code("4751201,4753900").as_deref(), Some("4751201,4753900"));
    for none in ["", "0000000", "47621351003"] {
        assert_eq!(code(none), None, "{none}");
    }
}
