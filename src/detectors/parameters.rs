//! Values that a request gives to parameters in place of their defaults.

use super::header::{Header, Parameter};
use super::{Catalogue, Detector, DetectorError};
use crate::model::{ParameterOverride, Plan, Violation};

/// Digits before and after the point that a value may have.
pub(super) const WHOLE: usize = 16;
pub(super) const FRACTION: usize = 6;

/// A value in millionths; `None` unless it is digits with at most one point.
pub(super) fn millionths(value: &str) -> Option<i128> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let empty = whole.is_empty() || (fraction.is_empty() && value.contains('.'));
    if empty || whole.len() > WHOLE || fraction.len() > FRACTION || !digits(whole) || !digits(fraction) {
        return None;
    }
    format!("{whole}{fraction:0<FRACTION$}").parse().ok()
}

impl Parameter {
    /// A value in place of the default, written as the default is.
    ///
    /// # Errors
    /// The rule that it breaks: a law sets the parameter, it is no such number, or it makes no sense.
    pub fn accept(&self, value: &str) -> Result<String, String> {
        if !self.legal_basis.is_empty() {
            return Err(format!("must stay as the law sets it ({})", self.legal_basis));
        }
        let form = || {
            format!(
                "must be at most {WHOLE} digits, and at most {FRACTION} after a point, as in {}",
                self.default_value()
            )
        };
        let units = millionths(value).ok_or_else(form)?;
        let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
        let fraction = fraction.trim_end_matches('0');
        let places = match self.unit.as_str() {
            "count" | "days" => 0,
            "BRL" => 2,
            _ => FRACTION,
        };
        if fraction.len() > places {
            return Err(match places {
                0 => format!("must be a whole number ({})", self.unit),
                _ => format!("must have at most {places} decimals ({})", self.unit),
            });
        }
        let bound = |bound: &Option<String>| bound.as_deref().and_then(millionths);
        let (min, max) = (bound(&self.min), bound(&self.max));
        if min.is_some_and(|min| units < min) || max.is_some_and(|max| units > max) {
            return Err(match (&self.min, &self.max) {
                (Some(min), Some(max)) => format!("must be from {min} to {max}"),
                (Some(min), None) => format!("must not be below {min}"),
                (_, max) => format!("must not be above {}", max.as_deref().unwrap_or_default()),
            });
        }
        let whole = whole.trim_start_matches('0');
        let whole = if whole.is_empty() { "0" } else { whole };
        // As many decimals as the default has, so that equal values are written alike.
        let width = self.default_value().split_once('.').map_or(0, |(_, fraction)| fraction.len());
        Ok(if width == 0 && fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction:0<width$}") })
    }

    /// The value of the header's file.
    pub fn default_value(&self) -> &str {
        self.default.as_deref().unwrap_or(&self.value)
    }
}

impl Header {
    /// A parameter by its name.
    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|one| one.name == name)
    }

    /// Puts values in the place of defaults.
    ///
    /// # Errors
    /// The parameter, the rule and the value.
    pub(super) fn override_with(&mut self, values: &[&ParameterOverride]) -> Result<(), String> {
        for one in values {
            let Some(parameter) = self.parameters.iter_mut().find(|known| known.name == one.name) else {
                return Err(format!("has no parameter {:?}", one.name));
            };
            let value =
                parameter.accept(&one.value).map_err(|rule| format!("{} {rule}, got {:?}", one.name, one.value))?;
            if value != parameter.value {
                parameter.default = Some(std::mem::replace(&mut parameter.value, value));
            }
        }
        match self.order_fault() {
            Some((name, rule, value)) => Err(format!("{name} {rule}, got {value:?}")),
            None => Ok(()),
        }
    }

    /// The first parameter that is above one that it must not be above: its name, the rule and its value.
    pub(super) fn order_fault(&self) -> Option<(&str, String, &str)> {
        self.parameters.iter().find_map(|one| {
            let other = self.parameter(one.not_above.as_deref()?)?;
            let above = millionths(&one.value)? > millionths(&other.value)?;
            above.then(|| {
                (one.name.as_str(), format!("must not be above {} ({})", other.name, other.value), one.value.as_str())
            })
        })
    }

    /// The parameters that are not at their defaults.
    pub fn overridden(&self) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter().filter(|one| one.default.is_some())
    }
}

impl Catalogue {
    /// A detector with the parameters of a plan; `None` for an unknown id.
    ///
    /// # Errors
    /// [`DetectorError::Definition`] if the plan sets what this version does not accept.
    pub fn of_plan(&self, plan: &Plan, id: &str) -> Option<Result<Detector, DetectorError>> {
        let detector = self.get(id)?;
        let values: Vec<_> = plan.parameters.iter().filter(|one| one.detector == id).collect();
        Some(detector.with(&values))
    }

    /// What is overridden for detectors that run, by detector and name: values written as their defaults are,
    /// with the default beside them. What equals its default, or is wrong, is left out.
    pub fn overridden(&self, asked: &[ParameterOverride], running: &[String]) -> Vec<ParameterOverride> {
        let settled = asked.iter().filter(|one| running.contains(&one.detector)).filter_map(|one| {
            let parameter = self.get(&one.detector)?.header.parameter(&one.name)?;
            let value = parameter.accept(&one.value).ok().filter(|value| value != parameter.default_value())?;
            Some(ParameterOverride { value, default: parameter.default_value().to_owned(), ..one.clone() })
        });
        let mut settled: Vec<_> = settled.collect();
        settled.sort();
        settled
    }

    /// Adds everything wrong with values of parameters, their fields named below `path`; `running` are the
    /// detectors that the request runs.
    pub fn parameter_violations(
        &self,
        asked: &[ParameterOverride],
        running: &[String],
        path: &str,
        found: &mut Vec<Violation>,
    ) {
        let before = found.len();
        for (at, one) in asked.iter().enumerate() {
            let field = |name: &str| format!("{path}[{at}].{name}");
            let Some(detector) = self.get(&one.detector) else {
                let rule = format!("must be one of {}", self.ids().join(", "));
                found.push(Violation::new(field("detector"), rule, &one.detector));
                continue;
            };
            if !running.contains(&one.detector) {
                found.push(Violation::new(
                    field("detector"),
                    "must be a detector that the request runs",
                    &one.detector,
                ));
            }
            match detector.header.parameter(&one.name) {
                None => {
                    let names: Vec<_> = detector.header.parameters.iter().map(|known| known.name.as_str()).collect();
                    let rule = match names.as_slice() {
                        [] => format!("must be empty: {} has no parameters", one.detector),
                        names => format!("must be one of {}", names.join(", ")),
                    };
                    found.push(Violation::new(field("name"), rule, &one.name));
                }
                Some(parameter) => {
                    if let Err(rule) = parameter.accept(&one.value) {
                        found.push(Violation::new(field("value"), rule, &one.value));
                    }
                }
            }
            if asked[..at].iter().any(|other| (&other.detector, &other.name) == (&one.detector, &one.name)) {
                found.push(Violation::new(field("name"), "must be given once", &one.name));
            }
        }
        if found.len() > before {
            return;
        }
        for (at, one) in asked.iter().enumerate() {
            let of_it: Vec<_> = asked.iter().filter(|other| other.detector == one.detector).collect();
            if asked[..at].iter().any(|other| other.detector == one.detector) {
                continue;
            }
            let Some(mut header) = self.get(&one.detector).map(|detector| detector.header.clone()) else { continue };
            if header.override_with(&of_it).is_ok() {
                continue;
            }
            if let Some((name, rule, value)) = header.order_fault() {
                // The lower one where it was given, else the one it is held against.
                let at =
                    asked.iter().position(|other| other.detector == one.detector && other.name == name).unwrap_or(at);
                found.push(Violation::new(format!("{path}[{at}].value"), format!("{name} {rule}"), value));
            }
        }
    }
}
