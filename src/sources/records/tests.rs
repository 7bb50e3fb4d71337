//! Files of CSV as they are published, and damaged ones.

use proptest::prelude::*;

use super::*;

type Seen = Vec<Result<(i64, Vec<String>), (i64, Reason)>>;

/// Gives few bytes at a time, as a connection may.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let few = buffer.len().min(self.1);
        self.0.read(&mut buffer[..few])
    }
}

fn read(bytes: &[u8]) -> Seen {
    read_from(bytes)
}

fn read_from(input: impl Read) -> Seen {
    let mut seen = Vec::new();
    let Some(mut records) = Records::open(input).unwrap() else { return seen };
    while let Some(step) = records.step().unwrap() {
        seen.push(match step {
            Step::Record(line, fields) => Ok((line, fields.iter().map(ToOwned::to_owned).collect())),
            Step::Unreadable(line, reason, _) => Err((line, reason)),
        });
    }
    seen
}

fn record(line: i64, fields: &[&str]) -> Result<(i64, Vec<String>), (i64, Reason)> {
    Ok((line, fields.iter().map(|field| (*field).to_owned()).collect()))
}

#[test]
fn splits_quoted_fields() {
    let file = b"\"a\";\"b\"\r\n\"x;y\t\xbf\";\"\"\r\n\"say \"\"hi\"\"\";\"5\" pipe\"\r\n1;2";
    let expected = vec![record(2, &["x;y\t¿", ""]), record(3, &["say \"hi\"", "5\" pipe"]), record(4, &["1", "2"])];
    assert_eq!(read(file), expected);
}

#[test]
fn skips_blank_lines_repeated_headers_and_the_mark_of_utf8() {
    let file = "\u{feff}\r\n\"a\";\"é\"\n\n\"a\";\"é\"\n  \n\"1\";\"ç\"\n".as_bytes();
    assert_eq!(read(file), vec![record(6, &["1", "ç"])]);
    // The same without a mark: letters beyond ASCII in the header tell.
    assert_eq!(read(&file[3..]), vec![record(6, &["1", "ç"])]);
    assert_eq!(read(b"a;\xe9\n1;\xe7"), vec![record(2, &["1", "ç"])]);
    assert_eq!(read("a;é\n1;\u{e7}\n".as_bytes()), vec![record(2, &["1", "ç"])]);
    assert_eq!(read(b"a;\xc3\xa9\n1;\xe7\n2;3\n"), vec![Err((2, Reason::InvalidUtf8)), record(3, &["2", "3"])]);
    assert!(Records::open(&b"\n \r\n"[..]).unwrap().is_none());
}

#[test]
fn a_file_that_was_saved_again_has_commas_and_na() {
    let file = b"a,\"b;c\",d\n\"1,5\",NA,x;y\n\"NA\",2,\"say \"\"hi\"\"\"\n";
    assert_eq!(read(file), vec![record(2, &["1,5", "", "x;y"]), record(3, &["", "2", "say \"hi\""])]);
    // A comma in a header of one dialect or the other.
    assert_eq!(read(b"a, b;c\nNA;2\n"), vec![record(2, &["NA", "2"])]);
}

#[test]
fn rows_of_another_encoding_are_read_or_given_up() {
    let file = b"a;b\n\xe7;\xe3\n\xc3\xa7;\xc3\xa3\n";
    assert_eq!(read(file), vec![record(2, &["\u{e7}", "\u{e3}"]), record(3, &["\u{e7}", "\u{e3}"])]);
}

#[test]
fn a_field_may_hold_line_breaks() {
    let file = b"\"a\";\"b\"\r\n\"1\r\n2\n\";\"3\"\r\n\"4\";\"5\"\r\n";
    assert_eq!(read(file), vec![record(2, &["1\r\n2\n", "3"]), record(5, &["4", "5"])]);
}

#[test]
fn a_stray_quote_costs_one_row() {
    let file = b"a;b\n\"1\";\"2\n\"3\";\"4\"\n\"5\";\"6\n";
    let expected = vec![Err((2, Reason::UnclosedQuote)), record(3, &["3", "4"]), Err((4, Reason::UnclosedQuote))];
    assert_eq!(read(file), expected);
}

#[test]
fn a_line_inside_a_field_is_no_record() {
    let file = b"\"a\";\"b\"\n\"1\n\";\"2\"\n\"3\n\"\"x\"\" y\";\"4\"\n\"5\nz\";\"6\"\n";
    let expected = vec![record(2, &["1\n", "2"]), record(4, &["3\n\"x\" y", "4"]), record(6, &["5\nz", "6"])];
    assert_eq!(read(file), expected);
    assert!(is_whole(b"\"a\"\"\";\"\"\r\n", 2, true, b';') && is_whole(b"a;\n", 2, false, b';'));
    for line in [&b"a;b"[..], b"\"a\"", b"\"a\";\"b", b"\"a\";\"b\";\"c\"", b"\"a\"b;\"c\""] {
        assert!(!is_whole(line, 2, true, b';'), "{}", line.escape_ascii());
    }
}

#[test]
fn nul_bytes_and_long_lines_are_unreadable() {
    let mut file = b"a;b\n1;\0\n2;".to_vec();
    file.resize(file.len() + MAX_RECORD_BYTES, b'x');
    file.extend(b"\n3;4\n");
    assert_eq!(read(&file), vec![Err((2, Reason::NulByte)), Err((3, Reason::LineTooLong)), record(4, &["3", "4"])]);
    // Many short lines inside one quote are no way around the limit.
    let mut file = b"a;b\n\"1;\n".to_vec();
    for _ in 0..(MAX_RECORD_BYTES / 512 + 1) {
        file.extend([b'y'; 511]);
        file.push(b'\n');
    }
    let seen = read(&file);
    assert_eq!(seen[0], Err((2, Reason::LineTooLong)));
    assert!(seen.len() > 1);
}

#[test]
fn a_line_of_a_gigabyte_costs_its_row_and_no_memory() {
    let file = b"a;b\n1;2\n".chain(io::repeat(b'x').take(1 << 30)).chain(&b"\n3;4\n"[..]);
    let mut records = Records::open(file).unwrap().unwrap();
    let mut seen = Vec::new();
    let mut held = 0;
    while let Some(step) = records.step().unwrap() {
        seen.push(match step {
            Step::Record(line, _) => (line, 0),
            Step::Unreadable(line, reason, shown) => {
                assert_eq!(reason, Reason::LineTooLong);
                (line, shown.len())
            }
        });
        held = held.max(records.spare.capacity() + records.record.bytes.capacity());
    }
    assert_eq!(seen, [(2, 0), (3, SHOWN_BYTES), (4, 0)]);
    assert!(held <= 4 * MAX_RECORD_BYTES, "{held}");
}

proptest! {
    #[test]
    fn any_bytes_give_the_same_records_however_they_come(bytes in proptest::collection::vec(
        prop_oneof![Just(b'"'), Just(b';'), Just(b'\n'), Just(b'\r'), any::<u8>()], 0..400,
    )) {
        let seen = read(&bytes);
        let lines = seen.iter().map(|one| match one {
            Ok((line, _)) | Err((line, _)) => *line,
        });
        prop_assert!(lines.is_sorted_by(|one, next| one < next));
        prop_assert_eq!(seen, read_from(Pieces(&bytes, 7)));
    }

    #[test]
    fn well_formed_files_read_as_the_csv_crate_reads_them(
        rows in proptest::collection::vec(proptest::collection::vec("[a-zA-Z0-9 ;\"\n\té]{0,12}", 3), 1..12),
    ) {
        let mut writer = csv::WriterBuilder::new()
            .delimiter(b';').quote_style(csv::QuoteStyle::Always).has_headers(false).from_writer(Vec::new());
        writer.write_record(["h1", "h2", "é"]).unwrap();
        for row in &rows {
            writer.write_record(row).unwrap();
        }
        let bytes = writer.into_inner().unwrap();
        let seen: Vec<Vec<String>> = read(&bytes).into_iter().map(|row| row.unwrap().1).collect();
        prop_assert_eq!(seen, rows);
    }
}
