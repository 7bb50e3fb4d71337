use super::{date, known, no_nul};
use crate::api::pb;
use crate::model::{Filters, Modality, Money, ParameterOverride, Plan, TaxIdKind, Violation, check_tax_id, mask_cpf};

/// Filters of a request; what is wrong is added to `found`, its fields named below `path`.
pub(crate) fn filters_from_pb(filters: pb::ContractFilters, path: &str, found: &mut Vec<Violation>) -> Filters {
    let field = |name: &str| format!("{path}.{name}");
    let min_value = filters.min_value.and_then(|value| money(value, &field("min_value"), found));
    let max_value = filters.max_value.and_then(|value| money(value, &field("max_value"), found));
    let mut categories = Vec::new();
    if !filters.category.is_empty() {
        no_nul(&filters.category, &field("category"), found);
        categories.push(filters.category);
    }
    for (at, category) in filters.categories.into_iter().enumerate() {
        no_nul(&category, &format!("{}[{at}]", field("categories")), found);
        if !categories.contains(&category) {
            categories.push(category);
        }
    }
    let mut modalities = Vec::new();
    for (at, number) in filters.modalidades.into_iter().enumerate() {
        let name = format!("{}[{at}]", field("modalidades"));
        match known(number, &name, found).map(modality_from_pb) {
            Some(Some(modality)) if !modalities.contains(&modality) => modalities.push(modality),
            Some(None) => found.push(Violation::new(name, "must be set", number)),
            Some(Some(_)) | None => {}
        }
    }
    let start_date = date(&filters.start_date, &field("start_date"), found);
    let end_date = date(&filters.end_date, &field("end_date"), found);
    let supplier_id = supplier_id(&filters.supplier_id, &field("supplier_id"), found);
    no_nul(&filters.buyer_id, &field("buyer_id"), found);
    let buyer_id = Some(filters.buyer_id.trim().to_owned()).filter(|id| !id.is_empty());
    Filters {
        min_value,
        max_value,
        categories,
        year: filters.year,
        modalities,
        start_date,
        end_date,
        supplier_id,
        buyer_id,
    }
}

/// An amount given as a double, through its shortest decimal text: 0.1 is ten cents, not a hair more.
fn money(value: f64, field: &str, found: &mut Vec<Violation>) -> Option<Money> {
    if !value.is_finite() {
        found.push(Violation::new(field, "must be a finite number", value));
        return None;
    }
    // `Display` gives the shortest text that reads back as the same double, without an exponent.
    match value.to_string().parse() {
        Ok(money) => Some(money),
        Err(error) => {
            let rule = match error {
                crate::model::MoneyError::SubCent(_) => "must have at most two decimals",
                crate::model::MoneyError::TooLarge(_) => "must be below 10,000,000,000,000,000",
                crate::model::MoneyError::Malformed(_) => "must be a number",
            };
            found.push(Violation::new(field, rule, value));
            None
        }
    }
}

fn supplier_id(text: &str, field: &str, found: &mut Vec<Violation>) -> Option<String> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    no_nul(text, field, found);
    let (kind, id, _) = check_tax_id(text);
    match kind {
        TaxIdKind::Cnpj | TaxIdKind::Foreign | TaxIdKind::Other => Some(id),
        TaxIdKind::Cpf if id.contains('*') => Some(id),
        // The lake holds masks only: a search by a whole number would answer for other persons too,
        // and store the number with the request.
        TaxIdKind::Cpf => {
            let rule = "must be a CNPJ, or a CPF masked as in ***.456.789-**";
            found.push(Violation::new(field, rule, mask_cpf(&id)));
            None
        }
        TaxIdKind::Secret => {
            found.push(Violation::new(field, "must be a CNPJ, not the mark of a secret supplier", text));
            None
        }
    }
}

fn modality_from_pb(modality: pb::Modality) -> Option<Modality> {
    Some(match modality {
        pb::Modality::Unspecified => return None,
        // The bulk files do not tell an electronic pregão from another.
        pb::Modality::Pregao | pb::Modality::PregaoEletronico => Modality::Pregao,
        pb::Modality::PregaoRegistroPreco => Modality::PregaoRegistroPreco,
        pb::Modality::Concorrencia => Modality::Concorrencia,
        pb::Modality::TomadaDePrecos => Modality::TomadaDePrecos,
        pb::Modality::Convite => Modality::Convite,
        pb::Modality::DispensaLicitacao => Modality::DispensaLicitacao,
        pb::Modality::Inexigibilidade => Modality::Inexigibilidade,
        pb::Modality::NotInformed => Modality::NotInformed,
    })
}

/// A modality as the API names it.
pub(super) const fn modality(modality: Modality) -> pb::Modality {
    match modality {
        Modality::Pregao => pb::Modality::Pregao,
        Modality::PregaoRegistroPreco => pb::Modality::PregaoRegistroPreco,
        Modality::Concorrencia => pb::Modality::Concorrencia,
        Modality::TomadaDePrecos => pb::Modality::TomadaDePrecos,
        Modality::Convite => pb::Modality::Convite,
        Modality::DispensaLicitacao => pb::Modality::DispensaLicitacao,
        Modality::Inexigibilidade => pb::Modality::Inexigibilidade,
        Modality::NotInformed => pb::Modality::NotInformed,
    }
}

/// Filters as the API shows them: one category stands in `category`, several in `categories`.
pub(crate) fn filters_to_pb(filters: &Filters) -> pb::ContractFilters {
    let day = |date: Option<chrono::NaiveDate>| date.map(|date| date.to_string()).unwrap_or_default();
    let (category, categories) = match filters.categories.as_slice() {
        [one] => (one.clone(), Vec::new()),
        many => (String::new(), many.to_vec()),
    };
    pb::ContractFilters {
        min_value: filters.min_value.map(double),
        max_value: filters.max_value.map(double),
        category,
        year: filters.year,
        modalidades: filters.modalities.iter().map(|one| modality(*one) as i32).collect(),
        start_date: day(filters.start_date),
        end_date: day(filters.end_date),
        supplier_id: filters.supplier_id.clone().unwrap_or_default(),
        buyer_id: filters.buyer_id.clone().unwrap_or_default(),
        categories,
    }
}

/// The double next to an amount; it reads back as the same amount up to 15 digits.
fn double(money: Money) -> f64 {
    money.cents() as f64 / 100.0
}

/// A parameter that a request sets.
pub(crate) fn parameter_from_pb(parameter: pb::ParameterOverride) -> ParameterOverride {
    let pb::ParameterOverride { detector, name, value } = parameter;
    ParameterOverride { detector, name, value, default: String::new() }
}

/// A parameter that a request sets, as the API shows it.
pub(crate) fn parameter_to_pb(parameter: ParameterOverride) -> pb::ParameterOverride {
    let ParameterOverride { detector, name, value, default: _ } = parameter;
    pb::ParameterOverride { detector, name, value }
}

/// A plan as the API shows it.
pub(crate) fn plan(plan: &Plan) -> pb::Plan {
    pb::Plan {
        filters: Some(filters_to_pb(&plan.filters)),
        detectors: plan.detectors.clone(),
        parameters: plan
            .parameters
            .iter()
            .map(|one| pb::PlanParameter {
                detector: one.detector.clone(),
                name: one.name.clone(),
                value: one.value.clone(),
                default_value: one.default.clone(),
            })
            .collect(),
        terms: plan.terms.clone(),
        emergency_only: plan.emergency_only,
        understood: plan
            .understood
            .iter()
            .map(|note| pb::PlanNote {
                text: note.text.clone(),
                meaning: note.meaning_pt.clone(),
                meaning_en: note.meaning_en.clone(),
            })
            .collect(),
        not_understood: plan.not_understood.clone(),
        lake_version: plan.lake_version,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(filters: pb::ContractFilters) -> (Filters, Vec<Violation>) {
        let mut found = Vec::new();
        let filters = filters_from_pb(filters, "filters", &mut found);
        (filters, found)
    }

    #[test]
    fn doubles_are_read_exactly_or_refused() {
        for (value, cents) in [(0.1, 10), (1e6, 100_000_000), (1234567.89, 123_456_789), (-0.0, 0), (-5.0, -500)] {
            let (filters, found) = read(pb::ContractFilters { min_value: Some(value), ..Default::default() });
            assert_eq!(filters.min_value, Some(Money::from_cents(cents)), "{value}");
            assert!(found.is_empty());
        }
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.001, 1e-7, 1e300, f64::MAX, f64::MIN_POSITIVE] {
            let (filters, found) = read(pb::ContractFilters { max_value: Some(value), ..Default::default() });
            assert_eq!(filters.max_value, None, "{value}");
            assert_eq!(found.len(), 1, "{value}");
            assert_eq!(found[0].field, "filters.max_value");
        }
    }

    #[test]
    fn everything_wrong_is_named() {
        let (_, found) = read(pb::ContractFilters {
            min_value: Some(f64::NAN),
            modalidades: vec![1, 0, 77],
            start_date: "yesterday".to_owned(),
            supplier_id: "529.982.247-25".to_owned(),
            category: "a\0b".to_owned(),
            ..Default::default()
        });
        let fields: Vec<_> = found.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "filters.min_value",
                "filters.category",
                "filters.modalidades[1]",
                "filters.modalidades[2]",
                "filters.start_date",
                "filters.supplier_id"
            ]
        );
        assert_eq!(found[3].value, "77");
        assert_eq!(found[5].value, "***.982.247-**", "the number of a person is not repeated");
    }

    #[test]
    fn equal_questions_give_equal_filters() {
        let (filters, found) = read(pb::ContractFilters {
            category: "obra".to_owned(),
            categories: vec!["obra".to_owned(), "ponte".to_owned()],
            modalidades: vec![pb::Modality::PregaoEletronico as i32, pb::Modality::Pregao as i32],
            supplier_id: "12.abc.345/01de-35".to_owned(),
            ..Default::default()
        });
        assert!(found.is_empty());
        assert_eq!(filters.categories, ["obra", "ponte"]);
        assert_eq!(filters.modalities, [Modality::Pregao]);
        assert_eq!(filters.supplier_id.as_deref(), Some("12ABC34501DE35"));
        let masked = "***.456.789-**".to_owned();
        let (filters, found) = read(pb::ContractFilters { supplier_id: masked.clone(), ..Default::default() });
        assert_eq!((filters.supplier_id, found), (Some(masked), Vec::new()));
    }

    proptest! {
        #[test]
        fn filters_survive_the_way_out_and_back(
            min in prop::option::of(0i128..999_999_999_999_999),
            year in prop::option::of(1990..2100),
            days in prop::option::of(0u64..20_000),
            categories in prop::collection::hash_set("[a-z]{1,8}", 0..3),
            modalities in prop::sample::subsequence(Modality::ALL.to_vec(), 0..8),
            buyer in prop::option::of("[0-9]{6}"),
        ) {
            let filters = Filters {
                min_value: min.map(Money::from_cents),
                max_value: min.map(|cents| Money::from_cents(cents + 1)),
                categories: categories.into_iter().collect(),
                year,
                modalities,
                start_date: days.and_then(|days| chrono::NaiveDate::from_ymd_opt(1990, 1, 1)?.checked_add_days(chrono::Days::new(days))),
                end_date: None,
                supplier_id: Some("12ABC34501DE35".to_owned()),
                buyer_id: buyer,
            };
            let (back, found) = read(filters_to_pb(&filters));
            prop_assert_eq!(back, filters);
            prop_assert!(found.is_empty());
        }
    }
}
