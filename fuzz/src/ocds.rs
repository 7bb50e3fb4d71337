//! Open Contracting Data Standard, from a file to the rows of the lake.

use cidadao::sources::{ImportError, ImportFormat};

use crate::files;

pub(crate) fn run(data: &[u8]) {
    match files::take_in(&[("a.json", data)], Some(ImportFormat::Ocds)) {
        Ok(taken) => {
            let file = &taken.parsed.summary.files[0];
            assert_eq!(file.tables, taken.tables, "the summary counts what is in the lake");
            assert!(file.quarantined + file.duplicates <= file.rows, "{file:?}");
        }
        // Blank, or of another API.
        Err(ImportError::UnknownLayout { .. } | ImportError::NoData { .. } | ImportError::NothingKnown { .. }) => {}
        Err(error) => panic!("{error:?}"),
    }
}
