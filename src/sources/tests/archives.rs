//! Archives, packed files and the names of files.

use zip::write::SimpleFileOptions;

use super::*;

fn zipped(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn an_archive_gives_what_its_files_give() {
    let directory = tempfile::tempdir().unwrap();
    let csv = contracts(&[&[], &[("numero do contrato", "2")]]);
    let plain = directory.path().join("202401_Compras.csv");
    let archive = directory.path().join("202401_Compras.zip");
    std::fs::write(&plain, &csv).unwrap();
    std::fs::write(&archive, zipped(&[("dir/202401_Compras.csv", &csv), ("leia-me.txt", b"x")])).unwrap();
    let from_plain = imported(directory.path(), &[plain]).unwrap().summary;
    let from_archive = imported(directory.path(), std::slice::from_ref(&archive)).unwrap().summary;
    assert_eq!(from_plain.files, from_archive.files);
    assert_eq!(from_archive.ignored, [format!("{}: leia-me.txt", archive.display())]);
    // Both at once: the content counts once.
    let both = imported(directory.path(), &[directory.path().to_owned()]).unwrap().summary;
    assert_eq!((both.contracts, both.unchanged.as_slice()), (2, ["202401_Compras.csv".to_owned()].as_slice()));
}

#[test]
fn a_file_that_ends_too_early_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let rows: Vec<String> = (0..3_000).map(|n| n.to_string()).collect();
    let rows: Vec<[(&str, &str); 1]> = rows.iter().map(|n| [("numero do contrato", n.as_str())]).collect();
    let rows: Vec<&[(&str, &str)]> = rows.iter().map(<[_; 1]>::as_slice).collect();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    packed.write_all(&contracts(&rows)).unwrap();
    let packed = packed.finish().unwrap();
    let path = directory.path().join("202401_Compras.csv.gz");
    std::fs::write(&path, &packed[..packed.len() - 1_000]).unwrap();
    let error = imported(directory.path(), &[path]).unwrap_err();
    assert!(matches!(&error, ImportError::ZipDamaged { .. }), "{error}");
    assert_eq!(std::fs::read_dir(directory.path().join("lake/contracts")).unwrap().count(), 0);
}

#[test]
fn the_name_of_a_file_gives_nobody_away() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("529.982.247-25.jsonl");
    std::fs::write(&path, r#"{"ocid":"ocds-abc123-1","tender":{"title":"t"}}"#).unwrap();
    let release = std::fs::read(&path).unwrap();
    let inner = directory.path().join("inner.zip");
    std::fs::write(&inner, zipped(&[("52998224725.jsonl", &release)])).unwrap();
    let named = directory.path().join("52998224725");
    std::fs::create_dir(&named).unwrap();
    std::fs::write(named.join("a.jsonl"), &release).unwrap();
    for path in [path, inner, directory.path().to_owned(), named.join(".")] {
        let error = imported(directory.path(), &[path]).unwrap_err();
        assert!(matches!(&error, ImportError::PersonalName { .. }), "{error}");
        assert!(error.to_string().contains("982") && !error.to_string().contains("529"), "{error}");
    }
}

#[test]
fn damaged_archives_say_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.zip");
    let fails = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        imported(directory.path(), std::slice::from_ref(&path)).unwrap_err()
    };
    let whole = zipped(&[("202401_Compras.csv", &contracts(&[&[]]))]);
    assert!(matches!(fails(&whole[..whole.len() - 30]), ImportError::ZipDamaged { .. }));
    assert!(matches!(fails(b""), ImportError::ZipDamaged { .. }));
    let mut flipped = whole.clone();
    flipped[60] ^= 0xff;
    assert!(matches!(fails(&flipped), ImportError::ZipDamaged { .. }));
    assert!(matches!(fails(&zipped(&[("x.txt", b"y")])), ImportError::UnknownLayout { .. }));
    // The flag of an encrypted entry, in the local and in the central header.
    let mut encrypted = whole.clone();
    encrypted[6] |= 1;
    let central = whole.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    encrypted[central + 8] |= 1;
    let error = fails(&encrypted);
    assert!(matches!(&error, ImportError::ZipEncrypted { entry, .. } if entry == "202401_Compras.csv"), "{error}");
    // Only the last of two entries of one name would be seen.
    let mut twice = zipped(&[("202401_Compras.csv", &contracts(&[&[]])), ("202402_Compras.csv", &contracts(&[&[]]))]);
    for at in 0..twice.len() - 18 {
        if twice[at..].starts_with(b"202402_Compras.csv") {
            twice[at + 5] = b'1';
        }
    }
    let error = fails(&twice);
    assert!(
        matches!(&error, ImportError::ZipDamaged { detail, .. } if detail.contains("two entries are named \"202401_Compras.csv\"")),
        "{error}"
    );
    // Nor the second one of two where the end says one.
    let mut fewer = zipped(&[("202401_Compras.csv", &contracts(&[&[]])), ("202402_Compras.csv", &contracts(&[&[]]))]);
    let end = fewer.len() - 22;
    (fewer[end + 8], fewer[end + 10]) = (1, 1);
    let error = fails(&fewer);
    assert!(matches!(&error, ImportError::ZipDamaged { .. }), "{error}");
    let mut bomb = contracts(&[&[]]);
    bomb.resize(24 << 20, b' ');
    assert!(matches!(fails(&zipped(&[("Compras.csv", &bomb)])), ImportError::ZipTooLarge { .. }));
}
