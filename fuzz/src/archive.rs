//! Packed files. The first byte says what the rest is: an archive, a gzip file, or a file that is packed here.

use std::io::{Cursor, Write as _};

use cidadao::sources::{FileSummary, ImportError};
use flate2::Compression;
use flate2::write::GzEncoder;
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::files;

/// A CSV, JSON or any other file, by what is in it.
const NAME: &str = "a.csv";

pub(crate) fn run(data: &[u8]) {
    let Some((how, rest)) = data.split_first() else { return };
    match how % 4 {
        0 => drop(files::take_in(&[("a.zip", rest)], None)),
        1 => drop(files::take_in(&[("a.csv.gz", rest)], None)),
        2 => same(files::take_in(&[(NAME, rest)], None), files::take_in(&[("a.csv.gz", &gzip(rest))], None)),
        _ => same(files::take_in(&[(NAME, rest)], None), files::take_in(&[("a.zip", &zipped(rest))], None)),
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).and_then(|()| packed.finish()).expect("memory can be written")
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut packed = ZipWriter::new(Cursor::new(Vec::new()));
    packed.start_file(NAME, SimpleFileOptions::default()).expect("a name is no error");
    packed.write_all(bytes).expect("memory can be written");
    packed.finish().expect("memory can be written").into_inner()
}

/// Whether packed or not, a file gives the same.
fn same(plain: Result<files::Taken, ImportError>, packed: Result<files::Taken, ImportError>) {
    match (plain, packed) {
        (Ok(plain), Ok(packed)) => {
            let bare = |taken: files::Taken| {
                let of = |file: FileSummary| {
                    (file.rows, file.tables, file.duplicates, file.superseded, file.quarantined_by_reason)
                };
                (taken.tables, taken.parsed.summary.files.into_iter().map(of).collect::<Vec<_>>())
            };
            assert_eq!(bare(plain), bare(packed));
        }
        (Err(_), Err(_)) => {}
        (plain, packed) => {
            panic!("a file is taken in packed or not: {:?} {:?}", plain.err(), packed.err());
        }
    }
}
