//! The register of companies, from the files of the Receita Federal to the tables.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use cidadao::model::cnpj_check_digits;
use cidadao::sources::{ImportError, ImportOptions, PiiKey, import};
use regex::Regex;

use super::portal::{everything, zipped};
use super::{CONTRACTS, House, quoted, usual};

/// The names of an edition: a part of the three large files, and the two that are whole.
fn names(day: &str, part: u32) -> [String; 5] {
    [
        format!("K3241.K03200Y{part}.{day}.EMPRECSV"),
        format!("K3241.K03200Y{part}.{day}.ESTABELE"),
        format!("K3241.K03200Y{part}.{day}.SOCIOCSV"),
        format!("F.K03200$W.SIMPLES.CSV.{day}"),
        format!("F.K03200$Z.{day}.CNAECSV"),
    ]
}

/// CNPJ of an establishment: root, order and check digits.
fn cnpj(root: u32, order: u32) -> [String; 3] {
    let (root, order) = (format!("{root:08}"), format!("{order:04}"));
    let digits = cnpj_check_digits(&format!("{root}{order}")).expect("a CNPJ").map(char::from).into_iter().collect();
    [root, order, digits]
}

fn establishment(root: u32, order: u32, status: [&str; 2], opened: &str) -> String {
    let [root, order, digits] = cnpj(root, order);
    let head = if order == "0001" { "1" } else { "2" };
    let mut fields = vec![root.as_str(), &order, &digits, head, "FANTASIA", status[0], status[1], "01", "", "", opened];
    fields.extend([
        "4751201",
        "4752100,6209100",
        "RUA",
        "DAS FLÔRES",
        "10",
        "SALA 2",
        "CENTRO",
        "70000000",
        "DF",
        "9701",
    ]);
    fields.extend(["61", "987650321", "", "", "", "", "Vendas@Empresa.com.br", "", ""]);
    quoted(&fields)
}

fn latin(rows: &[String]) -> Vec<u8> {
    let text: String = rows.iter().map(|row| format!("{row}\n")).collect();
    text.chars().map(|c| u8::try_from(u32::from(c)).expect("Latin-1")).collect()
}

/// Rows of the five files, in the order of [`names`]: two hundred companies and their partners.
fn edition() -> [Vec<String>; 5] {
    let mut files: [Vec<String>; 5] = Default::default();
    for company in 1..=200_u32 {
        let root = format!("{company:08}");
        let size = ["01", "03", "05", "00"][company as usize % 4];
        let nature = if company % 10 == 0 { "2135" } else { "2062" };
        files[0].push(quoted(&[&root, "EMPRESA SINT\u{c9}TICA 52998224725", nature, "49", "1234,50", size, ""]));
        let opened = format!("20{:02}0115", 10 + company % 15);
        let status = if company % 5 == 0 { ["08", "20230101"] } else { ["02", "00000000"] };
        files[1].push(establishment(company, 1, status, &opened));
        if company % 7 == 0 {
            files[1].push(establishment(company, 2, ["02", "20200101"], "20200101"));
        }
        let [holder, order, digits] = cnpj(900, 1);
        let holding = format!("{holder}{order}{digits}");
        let mask = format!("***{:06}**", 100_000 + company % 50);
        let partner = match company % 9 {
            0 => quoted(&[
                &root,
                "1",
                "HOLDING SINTETICA S/A",
                &holding,
                "22",
                "20200101",
                "",
                "***000000**",
                "",
                "00",
                "0",
            ]),
            1 => quoted(&[
                &root,
                "3",
                "JOHN DOE",
                "",
                "38",
                "20200101",
                "249",
                "***111222**",
                "PROCURADOR DE TAL",
                "17",
                "0",
            ]),
            _ => quoted(&[&root, "2", "FULANA DE TAL", &mask, "49", "20200101", "", "***000000**", "", "00", "5"]),
        };
        files[2].push(partner);
        let mei = if company % 6 == 0 { "S" } else { "N" };
        files[3].push(quoted(&[&root, "S", "20180101", "00000000", mei, "20190101", "00000000"]));
    }
    // A row that is there twice to the letter, and one that a later one replaces.
    files[0].push(files[0][0].clone());
    files[1].push(establishment(1, 1, ["04", "20240101"], "20110115"));
    files[4] = vec![quoted(&["4751201", "Com\u{e9}rcio"]), quoted(&["5611201", "Restaurantes"])];
    files
}

fn put(directory: &Path, day: &str) {
    for (name, rows) in names(day, 0).iter().zip(edition()) {
        fs::write(directory.join(name), latin(&rows)).expect("a file");
    }
}

#[tokio::test]
async fn every_file_agrees_with_an_independent_count() {
    let house = House::new().await;
    put(&house.input(), "D41214");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/lake/receita_count.py");
    let counted = Command::new("python3").arg(script).arg(house.input()).output().unwrap();
    assert!(counted.status.success(), "{}", String::from_utf8_lossy(&counted.stderr));
    let expected: BTreeMap<String, i128> = serde_json::from_slice(&counted.stdout).unwrap();
    let summary = house.import(&[house.input()]).await.unwrap();
    assert_eq!((summary.quarantined, summary.other_duplicates, summary.other_superseded), (0, 1, 1));
    let found = house
        .figures(&[
            ("companies", "SELECT count(*) FROM companies_all"),
            ("companies_current", "SELECT count(*) FROM companies_all WHERE row_status = 'current'"),
            ("capital", "SELECT sum(capital) FROM companies_all"),
            ("micro", "SELECT count(*) FROM companies_all WHERE size = 'micro'"),
            ("establishments", "SELECT count(*) FROM establishments_all"),
            ("establishments_current", "SELECT count(*) FROM establishments_all WHERE row_status = 'current'"),
            ("active", "SELECT count(*) FROM establishments_all WHERE registration_status = 'active'"),
            ("opened_in_2020", "SELECT count(*) FROM establishments_all WHERE date_part('year', opening_date) = 2020"),
            ("without_status_date", "SELECT count(*) FROM establishments_all WHERE registration_status_date IS NULL"),
            ("partners", "SELECT count(*) FROM partners_all"),
            ("partner_companies", "SELECT count(*) FROM partners_all WHERE partner_kind = 'company'"),
            ("regimes", "SELECT count(*) FROM tax_regimes_all"),
            ("mei", "SELECT count(*) FROM tax_regimes_all WHERE mei"),
            ("activities", "SELECT count(*) FROM activities_all"),
        ])
        .await;
    assert_eq!(found, expected);
    let row = house
        .lines(
            "SELECT establishment_id, root, head_office, registration_status, registration_status_date, opening_date, activity,
                 other_activities, state, address, phone, other_phone, email, reference_date
             FROM establishments_all WHERE root = '00000001' AND row_status = 'current'",
        )
        .await;
    let [root, order, digits] = cnpj(1, 1);
    let address = "rua das flores 10 sala 2, CEP 70000000";
    assert_eq!(
        row,
        [format!(
            "{root}{order}{digits}|{root}|true|unfit|2024-01-01|2011-01-15|4751201|4752100,6209100|DF|{address}|(61) 987650321|-|vendas@empresa.com.br|2024-12-14"
        )]
    );
    let company = "SELECT name, legal_nature, capital, size, reference_date FROM companies_all WHERE root IN ('00000002', '00000010') ORDER BY root";
    let lines = house.lines(company).await;
    // The name of a sole trader is that of a person.
    assert_eq!(
        lines,
        ["EMPRESA SINTÉTICA ***.982.247-**|2062|1234.50|other|2024-12-14", "-|2135|1234.50|other|2024-12-14"]
    );
}

#[tokio::test]
async fn archives_among_other_files_are_taken_in_once() {
    let house = House::new().await;
    let archives = ["Empresas0.zip", "Estabelecimentos0.zip", "Socios0.zip", "Simples.zip", "Cnaes.zip"];
    for ((archive, name), rows) in archives.iter().zip(names("D41214", 0)).zip(edition()) {
        let plain = house.directory.path().join(&name);
        fs::write(&plain, latin(&rows)).unwrap();
        fs::write(house.input().join(archive), zipped(&[(&name, &plain)])).unwrap();
    }
    // Another list of the same publication, notes, and contracts.
    fs::write(house.input().join("F.K03200$Z.D41214.MUNICCSV"), "\"9701\";\"BRASILIA\"\n").unwrap();
    fs::write(house.input().join("LEIAME.txt"), "\"1\";\"2\"\n").unwrap();
    fs::write(house.input().join("codigos.csv"), "\"9701\";\"BRASILIA\"\n").unwrap();
    house.put("202401_Compras.csv", CONTRACTS, &usual());
    let summary = house.import(&[house.input()]).await.unwrap();
    assert_eq!((summary.companies, summary.establishments, summary.partners), (201, 229, 200));
    assert_eq!((summary.tax_regimes, summary.activities, summary.contracts), (200, 2, 4));
    assert_eq!(summary.ignored.len(), 3, "{:?}", summary.ignored);
    let datasets: Vec<_> = summary.files.iter().map(|file| file.dataset.as_str()).collect();
    for dataset in
        ["receita:empresas/0", "receita:estabelecimentos/0", "receita:socios/0", "receita:simples", "receita:cnaes"]
    {
        assert!(datasets.contains(&dataset), "{dataset}: {datasets:?}");
    }
    let quality = summary.files.iter().find(|file| file.dataset == "receita:estabelecimentos/0").unwrap();
    let quality = &quality.quality.as_ref().unwrap().tables[0];
    assert_eq!((quality.rows, quality.superseded, quality.orphans), (229, 1, None));
    let again = house.import(&[house.input()]).await.unwrap();
    assert_eq!((again.unchanged.len(), again.establishments, again.lake_version), (6, 0, summary.lake_version));
}

#[tokio::test]
async fn a_later_edition_replaces_its_part_and_an_older_one_is_refused() {
    let house = House::new().await;
    put(&house.input(), "D41214");
    house.import(&[house.input()]).await.unwrap();
    let file = |day: &str, part: u32, company: u32, status: [&str; 2]| {
        let path = house.input().join(&names(day, part)[1]);
        let rows: Vec<String> =
            (company..company + 150).map(|root| establishment(root, 1, status, "20110101")).collect();
        fs::write(&path, latin(&rows)).unwrap();
        path
    };
    // Another part stands beside the first.
    house.import(&[file("D41214", 1, 300, ["02", "20110101"])]).await.unwrap();
    let count = "SELECT count(*) FROM establishments_all WHERE row_status = 'current'";
    assert_eq!(house.lines(count).await, ["378"]);
    house.import(&[file("D50111", 1, 300, ["08", "20241220"])]).await.unwrap();
    assert_eq!(house.lines(count).await, ["378"]);
    let closed = "SELECT count(*) FROM establishments_all WHERE row_status = 'current' AND registration_status_date = DATE '2024-12-20'";
    assert_eq!(house.lines(closed).await, ["150"]);
    let error = house.import(&[file("D41109", 1, 300, ["02", "20110101"])]).await.unwrap_err();
    assert!(matches!(&error, ImportError::OlderList { before, .. } if before.contains("D50111")), "{error}");
    let options = ImportOptions { accept_loss: true, ..ImportOptions::default() };
    let key = PiiKey::from_bytes([1; 32]);
    let older = file("D41109", 1, 300, ["02", "20110101"]);
    import(&[older], &house.lake, &house.store, &key, options, &|_| {}).await.unwrap();
    assert_eq!(house.lines(closed).await, ["0"]);
}

#[tokio::test]
async fn no_person_is_named_and_equal_ones_are_equal() {
    let house = House::new().await;
    put(&house.input(), "D41214");
    let bad = [
        quoted(&["00000001", "2", "NOME EM LINHA LARGA", "***100001**", "49", "20200101", "", "", "", "00", "5", "x"]),
        quoted(&["00000001", "2", "NOME EM LINHA RUIM", "52998224725", "49", "2020", "", "", "", "00", "5"]),
        // A CPF that should not be there.
        quoted(&["00000003", "2", "fulana  de tal", "52998224725", "49", "20200101", "", "", "", "00", "5"]),
        quoted(&["00000004", "2", "FULANA DE TAL", "***982247**", "49", "20200101", "", "", "", "00", "5"]),
        quoted(&["00000005", "2", "OUTRA DE TAL", "***982247**", "49", "20200101", "", "", "", "00", "5"]),
    ];
    let path = house.input().join(&names("D41214", 1)[2]);
    fs::write(path, latin(&bad)).unwrap();
    let summary = house.import(&[house.input()]).await.unwrap();
    assert_eq!((summary.partners, summary.quarantined), (203, 2));
    let said = everything(&house, &summary).await;
    let cpf = Regex::new(r"\b\d{11}\b|\b\d{3}\.\d{3}\.\d{3}-?\d{2}\b|\b\d{9}-\d{2}\b").unwrap();
    assert_eq!(cpf.find(&said).map(|found| found.as_str()), None);
    for name in ["FULANA", "fulana", "JOHN DOE", "PROCURADOR", "LINHA"] {
        assert!(!said.contains(name), "{name}");
    }
    assert!(said.contains("HOLDING SINTETICA S/A"));
    let partners = "SELECT partner_kind, partner_document, partner_key IS NOT NULL, partner_name FROM partners_all";
    let one = |root: &str| format!("{partners} WHERE root = '{root}' AND source_file LIKE '%Y0%'");
    assert_eq!(house.lines(&one("00000002")).await, ["person|***.100.002-**|true|-"]);
    assert_eq!(house.lines(&one("00000009")).await, ["company|00000900000139|true|HOLDING SINTETICA S/A"]);
    assert_eq!(house.lines(&one("00000010")).await, ["foreign|-|false|-"]);
    let keys = "SELECT count(DISTINCT partner_key) FROM partners_all WHERE partner_document = '***.982.247-**'";
    assert_eq!(house.lines(keys).await, ["2"], "one mask, two names");
}
