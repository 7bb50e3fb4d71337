//! What the fuzz targets call of the splitter and of the merge.

use super::json::Scratch;
use super::merge::{self, Release};
use super::stream::{self, SIZES, Sizes, Unit};

/// Line or place of a release or record, and its text.
type Place = (i64, Vec<u8>);

/// Releases and records of a text with their lines or places, read in blocks of a size; first whether the first block
/// says that it is of lines. `None` if one of them is too long, which it is by the size of what is read at once.
pub fn units(text: &[u8], block: usize) -> Option<(bool, Vec<Place>)> {
    let (mut units, mut too_long) = (Vec::new(), false);
    let sizes = Sizes { block: block.max(1), ..SIZES };
    let read = stream::blocks_of(sizes, 0, &mut &*text, &mut |block| {
        block.units(&mut |place, unit| match unit {
            Unit::Text(text) => units.push((place, text.to_vec())),
            Unit::TooLong(_) => too_long = true,
        });
        true
    });
    // As many blocks as a byte order mark takes are looked at.
    let looked_at = 3_usize.div_ceil(sizes.block) * sizes.block;
    let head = &text[..text.len().min(looked_at)];
    let bare = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    (read.is_ok() && !too_long).then(|| (stream::is_lines(bare, head.len() < looked_at), units))
}

/// Compiles releases of one process; also whether each has a date of its own. `None` if one is no object.
pub fn compile(releases: &[&[u8]]) -> Option<(Vec<u8>, bool)> {
    let read = |text: &&[u8]| Release::of(Scratch::default().parse(text).ok()?.root(), false, (0, 1));
    let releases: Vec<Release> = releases.iter().map(read).collect::<Option<_>>()?;
    let mut dates: Vec<_> = releases.iter().map(|release| release.date).collect();
    dates.sort_unstable();
    let apart = dates.windows(2).all(|two| two[0] != two[1]);
    Some((merge::compile(releases), apart))
}
