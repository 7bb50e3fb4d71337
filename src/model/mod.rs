//! Plain domain types: what the parts of the house say to each other.
//!
//! Nothing here knows a protocol, a database or a query engine. Generated protobuf types stop in
//! `api`, diesel rows stop in `store`; between them are these.

mod filters;
mod finding;
mod identity;
mod job;
mod lake;
mod mask;
mod money;
mod quality;
mod random;
mod review;
mod tax_id;
mod text;
mod violation;

pub use filters::{Filters, Modality, ParameterOverride, Plan, PlanNote};
pub use finding::{
    AppliedLimit, DetectorRef, DetectorSummary, Evidence, EvidenceRow, EvidenceValue, Finding, Outcome, ReasonCount,
    Severity, Strength,
};
pub use identity::{ApiKey, Role, User};
pub use job::{AuditEntry, Counts, Event, EventKind, Job, JobError, JobKind, JobState, NewEvent, NewJob, Priority};
pub use lake::{ImportRecord, LakeFile, LakeVersion, QuarantinedRow, Table, official_page};
pub use mask::{holds_cpf, mask_every_run, mask_text};
pub use money::{Money, MoneyError, thousands};
pub use quality::{Coverage, PublishedColumn, QualityReport, TableQuality};
pub use random::Random;
pub use review::{Review, ReviewChange, ReviewState};
pub use tax_id::{TaxIdCheck, TaxIdKind, check_tax_id, cnpj_check_digits, cpf_check_digits, mask_cpf};
pub(crate) use text::trimmed;
pub use text::{MONTHS, counted, fold, is_control, printable};
pub use violation::Violation;
