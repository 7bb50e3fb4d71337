//! Files of detectors that users bring.

use cidadao::detectors::Detector;

pub(crate) fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match Detector::own(&text) {
        Ok(own) => {
            assert!(own.header.user_made);
            assert!(
                !own.sql().contains('$') || own.sql().contains(['\'', '"']),
                "every parameter is bound: {}",
                own.sql()
            );
            let again = Detector::own(&text).expect("it was read before");
            assert_eq!((own.id(), own.fingerprint(), own.sql()), (again.id(), again.fingerprint(), again.sql()));
            let id = own.id();
            assert!(!id.is_empty() && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'));
            own.header.parameters.iter().for_each(|parameter| drop(parameter.applied()));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
