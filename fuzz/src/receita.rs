//! The register of companies. The first byte says which of its files it is; its first row is one of the kind, without which
//! no file is taken for one.

use crate::files;

/// Names of the files, by the letters from A, and a row that each may have.
const FILES: [(&str, &str); 5] = [
    ("K3241.K03200Y0.D31111.EMPRECSV", r#""99999998";"EMPRESA LTDA";"2062";"49";"1000,00";"01";"""#),
    (
        "K3241.K03200Y0.D31111.ESTABELE",
        r#""99999998";"0001";"62";"1";"";"02";"20200101";"00";"";"";"20200101";"4711302";"";"RUA";"DAS FLORES";"1";"";"CENTRO";"88000000";"SC";"8105";"48";"33330000";"";"";"";"";"";"";"""#,
    ),
    (
        "K3241.K03200Y0.D31111.SOCIOCSV",
        r#""99999998";"2";"FULANO DE TAL";"***982247**";"49";"20200101";"";"***000000**";"";"00";"4""#,
    ),
    ("F.K03200$W.SIMPLES.CSV.D31111", r#""99999998";"S";"20200101";"00000000";"N";"00000000";"00000000""#),
    ("F.K03200$Z.D31111.CNAECSV", r#""4711302";"Comércio varejista""#),
];

pub(crate) fn run(data: &[u8]) {
    let Some((which, text)) = data.split_first() else { return };
    let (name, row) = FILES[usize::from(which.wrapping_sub(b'A')) % FILES.len()];
    let text = [row.as_bytes(), b"\n", text].concat();
    let taken = files::take_in(&[(name, &text)], None).expect("a file with a row of its kind is taken in");
    let file = &taken.parsed.summary.files[0];
    let (kept, lines) = (taken.tables.values().sum::<i64>(), text.split(|byte| *byte == b'\n').count() as i64);
    assert_eq!(kept, file.rows, "what was counted is in the lake");
    assert!((1..=lines).contains(&(file.rows + file.quarantined)), "{file:?} of {lines} lines");
}
