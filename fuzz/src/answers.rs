//! Answers of the APIs of PNCP and of the Portal da Transparência.

use cidadao::sources::{ImportError, ImportFormat, fuzzing};

use crate::files;

pub(crate) fn run(data: &[u8]) {
    for format in [ImportFormat::Pncp, ImportFormat::PortalApi] {
        match files::take_in(&[("a.json", data)], Some(format)) {
            Ok(taken) => {
                let file = &taken.parsed.summary.files[0];
                let records = fuzzing::page(data).expect("what was taken in is a page") as i64;
                assert_eq!(file.rows + file.quarantined, records, "every record is taken in or in quarantine");
                assert_eq!(taken.tables.values().sum::<i64>(), file.rows);
            }
            Err(
                ImportError::UnknownLayout { .. }
                | ImportError::NoData { .. }
                | ImportError::NothingKnown { .. }
                | ImportError::Document { .. },
            ) => {}
            // What begins as an archive is none.
            Err(ImportError::ZipDamaged { .. }) if files::is_archive(data) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}
