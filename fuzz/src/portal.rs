//! Bulk files of the Portal da Transparência. The first byte says which file it is.

use std::io::{self, Read};

use cidadao::sources::ImportError;
use cidadao::sources::fuzzing::{self, Row};

use crate::files;

/// Names of the files, by the letters from A.
const NAMES: [&str; 13] = [
    "202401_Compras.csv",
    "202401_ItemCompra.csv",
    "202401_TermoAditivo.csv",
    "202401_Apostilamento.csv",
    "202401_Licitação.csv",
    "202401_ItemLicitação.csv",
    "202401_ParticipantesLicitação.csv",
    "202401_EmpenhosRelacionados.csv",
    "20240101_CEIS.csv",
    "20240101_CNEP.csv",
    "20240101_CEPIM.csv",
    "20240101_Acordos.csv",
    "20240101_Efeitos.csv",
];

/// Gives a few bytes at a time.
struct Dripping<'a>(&'a [u8]);

impl Read for Dripping<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(7);
        self.0.read(&mut buffer[..length])
    }
}

fn line(row: &Row) -> i64 {
    match row {
        Ok((line, _)) | Err(line) => *line,
    }
}

pub(crate) fn run(data: &[u8]) {
    let Some((which, text)) = data.split_first() else { return };
    let read = fuzzing::records(text).expect("memory can be read");
    assert_eq!(read, fuzzing::records(Dripping(text)).expect("memory can be read"), "blocks do not matter");
    if let Some((header, rows)) = &read {
        assert!(rows.windows(2).all(|two| line(&two[0]) < line(&two[1])), "lines go up");
        let repeats = rows.iter().flatten().any(|(_, fields)| fields == header);
        assert!(!repeats, "a header again is no record");
        let lines = text.iter().filter(|byte| **byte == b'\n').count() as i64 + 1;
        assert!(rows.last().is_none_or(|last| line(last) <= lines));
    }
    let name = NAMES[usize::from(which.wrapping_sub(b'A')) % NAMES.len()];
    match files::take_in(&[(name, text)], None) {
        Ok(taken) => {
            let rows = read.map(|(_, rows)| rows.len()).expect("what was taken in has a header") as i64;
            let file = &taken.parsed.summary.files[0];
            assert_eq!(file.rows + file.quarantined, rows, "every row is taken in or in quarantine");
            let kept = taken.tables.values().sum::<i64>();
            assert!(
                kept == file.rows || which.wrapping_sub(b'A') % 13 == 3,
                "{kept} rows of {} are in the lake",
                file.rows
            );
        }
        Err(ImportError::NoHeader { .. }) => assert!(read.is_none()),
        Err(ImportError::MissingColumn { .. } | ImportError::RepeatedColumn { .. }) => assert!(read.is_some()),
        // What begins as an archive is none.
        Err(ImportError::ZipDamaged { .. }) if files::is_archive(text) => {}
        Err(error) => panic!("{error:?}"),
    }
}
