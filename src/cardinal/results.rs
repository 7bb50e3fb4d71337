//! From what was noted to what is printed.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::fold::{Notes, Share, code};
use super::names::Map;
use super::quantile::{Quartiles, Sorted};
use super::settings::{Settings, Threshold};

/// Values by indicator; a value that is no number is printed as `null`.
pub type Codes = BTreeMap<&'static str, f64>;

/// What the indicators found. Printed as JSON: groups, `Meta` and `Maps`, keys sorted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Results {
    /// Values by process.
    #[serde(rename = "OCID", skip_serializing_if = "BTreeMap::is_empty")]
    pub processes: BTreeMap<Box<str>, Codes>,
    /// Values by buyer.
    #[serde(rename = "Buyer", skip_serializing_if = "BTreeMap::is_empty")]
    pub buyers: BTreeMap<Box<str>, Codes>,
    /// Values by procuring entity.
    #[serde(rename = "ProcuringEntity", skip_serializing_if = "BTreeMap::is_empty")]
    pub procuring_entities: BTreeMap<Box<str>, Codes>,
    /// Values by tenderer.
    #[serde(rename = "Tenderer", skip_serializing_if = "BTreeMap::is_empty")]
    pub tenderers: BTreeMap<Box<str>, Codes>,
    /// Quartiles and fences by indicator, to four decimals.
    #[serde(rename = "Meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<BTreeMap<&'static str, BTreeMap<String, f64>>>,
    /// From processes to organizations, where it was asked for.
    #[serde(rename = "Maps", skip_serializing_if = "Option::is_none")]
    pub maps: Option<Maps>,
}

/// From processes to organizations.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Maps {
    ocid_buyer_r038: BTreeMap<Box<str>, Box<str>>,
    ocid_procuringentity_r038: BTreeMap<Box<str>, Box<str>>,
    ocid_tenderer: Ids,
    ocid_tenderer_r024: Ids,
    ocid_tenderer_r028: Ids,
    ocid_tenderer_r030: Ids,
    ocid_tenderer_r035: Ids,
    ocid_tenderer_r058: Ids,
}

type Ids = BTreeMap<Box<str>, BTreeSet<Box<str>>>;

impl Results {
    /// The number of results by group, groups without any left out.
    #[must_use]
    pub fn counts(&self) -> Vec<(&'static str, usize)> {
        let groups = [
            ("OCID", &self.processes),
            ("Buyer", &self.buyers),
            ("ProcuringEntity", &self.procuring_entities),
            ("Tenderer", &self.tenderers),
        ];
        groups.into_iter().map(|(name, group)| (name, group.len())).filter(|(_, count)| *count > 0).collect()
    }

    pub(super) fn of(mut notes: Notes, settings: &Settings, map: bool) -> Self {
        let maps = map.then(|| Maps {
            ocid_buyer_r038: std::mem::take(&mut notes.map_buyer_r038)
                .into_iter()
                .map(|(k, (_, id))| (k, id))
                .collect(),
            ocid_procuringentity_r038: std::mem::take(&mut notes.map_entity_r038)
                .into_iter()
                .map(|(ocid, (_, id))| (ocid, id))
                .collect(),
            ocid_tenderer: std::mem::take(&mut notes.map_tenderer).into_iter().collect(),
            ocid_tenderer_r028: std::mem::take(&mut notes.map_tenderer_r028).into_iter().collect(),
            ocid_tenderer_r030: std::mem::take(&mut notes.map_tenderer_r030).into_iter().collect(),
            ocid_tenderer_r035: std::mem::take(&mut notes.map_tenderer_r035).into_iter().collect(),
            ..Maps::default()
        });
        let mut results = Self {
            processes: BTreeMap::new(),
            buyers: BTreeMap::new(),
            procuring_entities: BTreeMap::new(),
            tenderers: BTreeMap::new(),
            meta: Some(BTreeMap::new()),
            maps,
        };
        results.decided(&notes);
        if let Some(threshold) = settings.r024 {
            results.r024(&notes, threshold);
        }
        if let Some(setting) = &settings.r025 {
            results.r025(&notes, setting.percentile, setting.threshold);
        }
        if let Some(setting) = &settings.r038 {
            let threshold = setting.threshold;
            results.r038("Buyer", shares(&notes.disqualified_by_buyer), setting.processes, threshold);
            results.r038("ProcuringEntity", shares(&notes.disqualified_by_entity), setting.processes, threshold);
            let tenderers = notes.tenderers.entries().map(|(id, noted)| (id, noted.disqualified));
            results.r038("Tenderer", tenderers.filter(|(_, share)| share.of > 0), setting.bids, threshold);
        }
        if let Some(setting) = &settings.r048 {
            let supplied = notes.tenderers.entries().filter_map(|(id, noted)| Some((id, noted.supplied.as_ref()?)));
            let supplied = supplied.filter(|(_, supplied)| supplied.processes >= setting.processes);
            let lengths = supplied.map(|(id, supplied)| (id, supplied.codes.len() as f64)).collect();
            results.r048(lengths, setting.threshold);
        }
        if let Some(threshold) = settings.r058 {
            results.r058(&notes, threshold);
        }
        results
    }

    /// What one release alone decides.
    fn decided(&mut self, notes: &Notes) {
        for (ocid, flags) in &notes.processes {
            let codes = self.processes.entry(ocid.clone()).or_default();
            for (bit, name) in [
                (code::R003, "R003"),
                (code::R018, "R018"),
                (code::R028, "R028"),
                (code::R030, "R030"),
                (code::R036, "R036"),
            ] {
                if flags.codes & bit != 0 {
                    codes.insert(name, 1.0);
                }
            }
            if flags.codes & code::R035 != 0 {
                codes.insert("R035", flags.r035.1 as f64);
            }
        }
        for (id, noted) in notes.tenderers.entries() {
            for (bit, name, value) in [(code::R028, "R028", 1.0), (code::R030, "R030", 1.0), (code::R035, "R035", 0.0)]
            {
                if noted.codes & bit != 0 {
                    insert(&mut self.tenderers, id, name, value);
                }
            }
        }
    }

    fn meta(&mut self, code: &'static str, key: impl Into<String>, value: f64) {
        let rounded = (value * 10_000.0).round() / 10_000.0;
        self.meta.get_or_insert_default().entry(code).or_default().insert(key.into(), rounded);
    }

    fn quartiles(&mut self, code: &'static str, prefix: &str, values: impl Iterator<Item = f64>) -> Quartiles {
        let quartiles = Sorted::of(values).quartiles();
        self.meta(code, format!("{prefix}q1"), quartiles.q1);
        self.meta(code, format!("{prefix}q3"), quartiles.q3);
        quartiles
    }

    /// The fence below which values are flagged; none where most values are zero, since most would be flagged.
    fn lower_fence(
        &mut self,
        code: &'static str,
        threshold: Threshold,
        values: impl Iterator<Item = f64>,
    ) -> Option<f64> {
        let (fence, q1) = match threshold {
            Some(threshold) => (threshold, f64::INFINITY),
            None => {
                let quartiles = self.quartiles(code, "", values);
                (quartiles.lower_fence(), quartiles.q1)
            }
        };
        self.meta(code, "lower_fence", fence);
        (q1 > 0.0 && fence > 0.0).then_some(fence)
    }

    fn r024(&mut self, notes: &Notes, threshold: Threshold) {
        let fence = self.lower_fence("R024", threshold, notes.gaps.values().map(|gap| gap.ratio));
        let Some(fence) = fence else { return };
        for (ocid, gap) in notes.gaps.iter().filter(|(_, gap)| gap.ratio <= fence) {
            insert(&mut self.processes, ocid, "R024", gap.ratio);
            for who in [gap.winner, gap.runner_up] {
                let id = notes.tenderers.name(who);
                insert(&mut self.tenderers, id, "R024", 0.0);
                if let Some(maps) = &mut self.maps {
                    maps.ocid_tenderer_r024.entry(ocid.clone()).or_default().insert(id.into());
                }
            }
        }
    }

    fn r025(&mut self, notes: &Notes, percentile: usize, threshold: Threshold) {
        let all = || notes.tenderers.entries().map(|(id, noted)| (id, noted.wins)).filter(|(_, wins)| wins.of > 0);
        let top = Sorted::of(all().map(|(_, wins)| wins.of as f64)).quantile(percentile as f64 / 100.0);
        self.meta("R025", "upper_fence", top);
        let fence = self.lower_fence("R025", threshold, all().map(|(_, wins)| wins.ratio()));
        let Some(fence) = fence else { return };
        for (id, wins) in all() {
            if wins.of as f64 >= top && wins.ratio() <= fence {
                insert(&mut self.tenderers, id, "R025", wins.ratio());
            }
        }
    }

    fn r038<'n>(
        &mut self,
        group: &str,
        shares: impl Iterator<Item = (&'n str, Share)>,
        minimum: u64,
        threshold: Threshold,
    ) {
        // Cardinal holds the number of bids against the minimum, of processes too.
        let ratios = shares.filter(|(_, share)| share.of >= minimum).map(|(id, share)| (id, share.ratio()));
        let ratios: Vec<(&str, f64)> = ratios.collect();
        if ratios.is_empty() {
            return;
        }
        let fence = threshold.unwrap_or_else(|| {
            self.quartiles("R038", &format!("{group}_"), ratios.iter().map(|(_, ratio)| *ratio)).upper_fence()
        });
        self.meta("R038", format!("{group}_upper_fence"), fence);
        if fence > 0.0 {
            let results = match group {
                "Buyer" => &mut self.buyers,
                "ProcuringEntity" => &mut self.procuring_entities,
                _ => &mut self.tenderers,
            };
            for (id, ratio) in ratios {
                if ratio >= fence {
                    insert(results, id, "R038", ratio);
                }
            }
        }
    }

    fn r048(&mut self, lengths: Vec<(&str, f64)>, threshold: Option<u64>) {
        let fence = match threshold {
            Some(threshold) => threshold as f64,
            None => self.quartiles("R048", "", lengths.iter().map(|(_, length)| *length)).upper_fence(),
        };
        self.meta("R048", "upper_fence", fence);
        for (id, length) in lengths {
            if length >= fence {
                insert(&mut self.tenderers, id, "R048", length);
            }
        }
    }

    fn r058(&mut self, notes: &Notes, threshold: Threshold) {
        let fence = threshold
            .unwrap_or_else(|| self.quartiles("R058", "", notes.gaps.values().map(|gap| gap.ratio)).upper_fence());
        self.meta("R058", "upper_fence", fence);
        if fence > 0.0 {
            for (ocid, gap) in notes.gaps.iter().filter(|(_, gap)| gap.ratio >= fence) {
                let winner = notes.tenderers.name(gap.winner);
                insert(&mut self.processes, ocid, "R058", gap.ratio);
                insert(&mut self.tenderers, winner, "R058", 0.0);
                if let Some(maps) = &mut self.maps {
                    maps.ocid_tenderer_r058.entry(ocid.clone()).or_default().insert(winner.into());
                }
            }
        }
    }
}

fn insert(results: &mut BTreeMap<Box<str>, Codes>, id: &str, code: &'static str, value: f64) {
    match results.get_mut(id) {
        Some(codes) => codes,
        None => results.entry(id.into()).or_default(),
    }
    .insert(code, value);
}

fn shares(by_id: &Map<Box<str>, Share>) -> impl Iterator<Item = (&str, Share)> {
    by_id.iter().map(|(id, share)| (&**id, *share))
}
