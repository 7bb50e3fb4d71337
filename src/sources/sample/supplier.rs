//! Ids and names of suppliers that do not exist.

use super::record::Supplier;
use crate::model::{Random, cnpj_check_digits};

/// Suppliers that sell to many buyers, by index from 0 to [`Pool::size`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Pool {
    size: u64,
}

/// One in so many suppliers of the pool has a CNPJ with letters.
const ALPHANUMERIC_EVERY: u64 = 40;
/// One in so many suppliers of the pool is foreign.
const FOREIGN_EVERY: u64 = 500;
/// Indexes from here on belong to planted suppliers, which no background contract uses.
const SPECIAL: u64 = 60_000_000;

impl Pool {
    /// A pool for so many contracts: large enough that no buyer goes round it, and no larger than the
    /// ids that there are.
    pub(super) fn new(contracts: u64) -> Self {
        Self { size: (contracts / 3).clamp(2_000, SPECIAL) }
    }

    /// How many there are.
    pub(super) const fn size(self) -> u64 {
        self.size
    }

    /// Supplier number `index`, counted round the pool.
    pub(super) fn supplier(self, index: u64) -> Supplier {
        let index = index % self.size;
        if index % FOREIGN_EVERY == 7 {
            foreign(index)
        } else {
            Supplier { id: cnpj(index, index % ALPHANUMERIC_EVERY == 11), name: name(index) }
        }
    }

    /// Whether a supplier is one of the pool's.
    pub(super) fn has(self, supplier: &Supplier) -> bool {
        // Its name ends in its index.
        let index = supplier.name.split_whitespace().find_map(|word| word.parse::<u64>().ok());
        index.is_some_and(|index| index < self.size && self.supplier(index) == *supplier)
    }

    /// So many suppliers from anywhere in the pool, none twice and none of those.
    pub(super) fn draw(self, random: &mut Random, many: u64, but: &[&Supplier]) -> Vec<Supplier> {
        let mut drawn: Vec<Supplier> = Vec::new();
        while (drawn.len() as u64) < many {
            let next = self.supplier(random.below(self.size));
            if !drawn.contains(&next) && !but.contains(&&next) {
                drawn.push(next);
            }
        }
        drawn
    }
}

fn name(index: u64) -> String {
    format!("EMPRESA SINTÉTICA {index:06} LTDA")
}

/// The first 12 characters of a CNPJ: distinct for distinct indexes below 10^8. The order of the
/// branch lies from 9900, which hardly any establishment has reached, so that no id is that of a
/// real one.
fn base(index: u64, letters: bool) -> String {
    // A factor without a divisor in common with 10^8 only shuffles the roots.
    let root = format!("{:08}", index * 7_368_787 % 100_000_000);
    let mut base = String::with_capacity(14);
    for (place, digit) in root.bytes().enumerate() {
        // The first stays a digit: an id that starts with "EX" would read as a foreign one.
        let letter = letters && (1..4).contains(&place);
        base.push(char::from(if letter { b'A' + (digit - b'0') } else { digit }));
    }
    base.push_str(&format!("99{:02}", index % 100));
    base
}

fn cnpj(index: u64, letters: bool) -> String {
    let mut id = base(index, letters);
    // `None` only for characters that `base` does not write.
    id.extend(cnpj_check_digits(&id).into_iter().flatten().map(char::from));
    id
}

/// Another establishment of a company with a CNPJ: the same root, an order of the branch that no other has.
pub(super) fn other_branch(of: &Supplier) -> Supplier {
    let mut id: String = of.id.chars().take(8).collect();
    id.push_str("9800");
    id.extend(cnpj_check_digits(&id).into_iter().flatten().map(char::from));
    Supplier { id, name: of.name.clone() }
}

/// Planted supplier with a valid CNPJ that has letters.
pub(super) fn with_letters(number: u64) -> Supplier {
    let index = SPECIAL + 10_000_000 + number;
    Supplier { id: cnpj(index, true), name: name(index) }
}

/// Planted supplier that is a municipality.
pub(super) fn municipality(number: u64) -> Supplier {
    let index = SPECIAL + 20_000_000 + number;
    Supplier { id: cnpj(index, false), name: format!("MUNICÍPIO SINTÉTICO {index:06}") }
}

/// Planted bidder, which no contract has for a supplier.
pub(super) fn bidder(number: u64) -> Supplier {
    let index = SPECIAL + 30_000_000 + number;
    Supplier { id: cnpj(index, false), name: name(index) }
}

/// Planted supplier whose CNPJ has one wrong check digit, the first or the second. Numbers of each
/// kind of planted supplier stay below 10,000,000.
pub(super) fn invalid(number: u64, letters: bool, first: bool) -> Supplier {
    let mut id = cnpj(SPECIAL + number, letters);
    let second = id.pop();
    let (kept, wrong) = if first { (second, id.pop()) } else { (None, second) };
    // One more, round to 0: never the digit that belongs there.
    id.extend(wrong.and_then(|digit| digit.to_digit(10)).and_then(|digit| char::from_digit((digit + 1) % 10, 10)));
    id.extend(kept);
    Supplier { id, name: name(SPECIAL + number) }
}

/// A natural person as the Portal shows one: no check digits to judge, and nobody behind it.
pub(super) fn masked(number: u64) -> Supplier {
    let [high, low] = [number / 1000 % 1000, number % 1000];
    Supplier { id: format!("***.{high:03}.{low:03}-**"), name: format!("PESSOA SINTÉTICA {number:06}") }
}

/// A supplier from abroad.
pub(super) fn foreign(number: u64) -> Supplier {
    Supplier { id: format!("EX9{number:08}"), name: format!("EMPRESA SINTÉTICA ESTRANGEIRA {number:06}") }
}

/// A supplier from abroad with a name in place of a code.
pub(super) fn foreign_by_name(number: u64) -> Supplier {
    let id = format!("ESTRANGEIRO_EMPRESA_SINTETICA_{number:06}");
    Supplier { id, name: format!("EMPRESA SINTÉTICA ESTRANGEIRA {number:06}") }
}

/// A supplier with the code of a unit of government for an id.
pub(super) fn unit(number: u64) -> Supplier {
    Supplier { id: format!("{:06}", 900_000 + number % 100_000), name: format!("UNIDADE SINTÉTICA {number:06}") }
}
