//! Maps with names as keys.

use std::collections::HashMap;
use std::sync::Arc;

/// A map that is looked into for every bid: its hash is seeded at random, and much faster than the standard one.
pub(super) type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// Changes the value of a key, made if missing; the key is copied only then.
pub(super) fn at<V: Default>(map: &mut Map<Box<str>, V>, key: &str, change: impl FnOnce(&mut V)) {
    if let Some(value) = map.get_mut(key) {
        change(value);
    } else {
        let mut value = V::default();
        change(&mut value);
        map.insert(key.into(), value);
    }
}

/// Names that have a number each, and a value.
#[derive(Debug)]
pub(super) struct Names<V> {
    numbers: Map<Arc<str>, u32>,
    entries: Vec<(Arc<str>, V)>,
}

impl<V> Default for Names<V> {
    fn default() -> Self {
        Self { numbers: Map::default(), entries: Vec::new() }
    }
}

impl<V: Default> Names<V> {
    /// The number of a name, a new one if it is new.
    ///
    /// # Panics
    ///
    /// With more than four billion names, which no memory holds.
    pub(super) fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = u32::try_from(self.entries.len()).expect("fewer than four billion names");
        let name: Arc<str> = name.into();
        self.numbers.insert(name.clone(), number);
        self.entries.push((name, V::default()));
        number
    }

    pub(super) fn name(&self, number: u32) -> &str {
        &self.entries[number as usize].0
    }

    pub(super) fn of(&mut self, number: u32) -> &mut V {
        &mut self.entries[number as usize].1
    }

    /// All names and values, in the order of their numbers.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &V)> {
        self.entries.iter().map(|(name, value)| (&**name, value))
    }

    /// As [`Self::entries`]; the names are forgotten.
    pub(super) fn into_entries(self) -> impl Iterator<Item = (Arc<str>, V)> {
        self.entries.into_iter()
    }
}
