use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use super::reference::{self, Contract, Judgement, Key};
use super::*;
use crate::model::{TaxIdCheck, TaxIdKind, check_tax_id, fold};

const TABLES: [&str; 8] = [
    "Compras",
    "ItemCompra",
    "TermoAditivo",
    "Apostilamento",
    "Licitação",
    "ItemLicitação",
    "ParticipantesLicitação",
    "EmpenhosRelacionados",
];
const LISTS: [&str; 5] = ["CEIS", "CNEP", "CEPIM", "Acordos", "Efeitos"];

fn sample(rows: u64, seed: u64) -> (tempfile::TempDir, SampleSummary) {
    let directory = tempfile::tempdir().unwrap();
    let options = SampleOptions { rows, seed, out: directory.path().to_owned() };
    let summary = generate(&options, &|_| ()).unwrap();
    (directory, summary)
}

fn judge(contracts: &[Contract]) -> BTreeMap<&'static str, Vec<Judgement>> {
    BTreeMap::from([
        ("amendment_cap", reference::amendment_cap(contracts)),
        ("splitting_sum", reference::splitting(contracts)),
        ("supplier_share_of_buyer", reference::share(contracts)),
        ("contract_value_outlier", reference::outlier(contracts)),
        ("high_value_direct_award", reference::direct_award(contracts)),
        ("invalid_tax_id", reference::tax_id(contracts)),
    ])
}

/// Every detector's plain definition, run on the files, fires on exactly what the labels say, with
/// the severity that they say, and answers every near miss as they say.
fn assert_labels_hold(rows: u64, seed: u64) {
    let (directory, summary) = sample(rows, seed);
    let (contracts, labels) = reference::read(directory.path());
    assert_eq!(contracts.len() as u64, rows);
    assert_eq!(summary.contracts, rows);
    // By detector, expectation and group: notes and contracts.
    type Subject<'a> = (BTreeSet<&'a str>, BTreeSet<Key>);
    let mut groups: BTreeMap<(&str, &str, &str), Subject<'_>> = BTreeMap::new();
    for label in &labels {
        let key = (label.detector.as_str(), label.expected.as_str(), label.group.as_str());
        let entry = groups.entry(key).or_default();
        entry.0.insert(&label.note);
        assert!(entry.1.insert(label.contract.clone()), "{} twice", label.group);
    }
    for (detector, judgements) in judge(&contracts) {
        let at = format!("{detector}, {rows} rows, seed {seed}");
        let fired: BTreeSet<(BTreeSet<Key>, String)> = judgements
            .iter()
            .filter(|judgement| judgement.outcome == "fired")
            .map(|judgement| (judgement.contracts.clone(), judgement.note.clone()))
            .collect();
        let of_detector = || groups.iter().filter(move |((name, ..), _)| *name == detector);
        let expected: BTreeSet<(BTreeSet<Key>, String)> = of_detector()
            .filter(|((_, expected, _), _)| *expected == "fired")
            .map(|(_, (notes, contracts))| (contracts.clone(), notes.iter().copied().collect()))
            .collect();
        let missed: Vec<_> = expected.difference(&fired).collect();
        let wrong: Vec<_> = fired.difference(&expected).collect();
        assert!(missed.is_empty() && wrong.is_empty(), "{at}: labelled only {missed:?}, fired only {wrong:?}");
        for ((_, outcome, group), (notes, contracts)) in of_detector() {
            let count = summary.labels[detector][*outcome];
            assert!(count.rows >= count.subjects && count.subjects > 0);
            match *outcome {
                "fired" => (),
                "not_evaluable" => {
                    let found = judgements.iter().any(|judgement| {
                        judgement.outcome == "not_evaluable"
                            && judgement.contracts == *contracts
                            && notes.contains(judgement.note.as_str())
                    });
                    assert!(found, "{at}: {group} {notes:?}");
                }
                _ => {
                    let other = judgements
                        .iter()
                        .find(|judgement| judgement.outcome != "clear" && !judgement.contracts.is_disjoint(contracts));
                    assert_eq!(other, None, "{at}: {group}");
                }
            }
        }
        // Near misses aside, nothing even comes near a share that fires.
        let near: BTreeSet<&Key> = of_detector().flat_map(|(_, (_, contracts))| contracts).collect();
        for judgement in judgements.iter().filter(|judgement| judgement.outcome == "clear") {
            if let Some(share) = judgement.note.strip_prefix("share=") {
                let labelled = judgement.contracts.iter().any(|contract| near.contains(contract));
                assert!(labelled || share.parse::<f64>().unwrap() < 0.25, "{at}: {judgement:?}");
            }
        }
        let subjects: u64 = summary.labels.get(detector).map_or(0, |by| by.values().map(|c| c.subjects).sum());
        assert_eq!(subjects, of_detector().count() as u64, "{at}");
    }
}

#[test]
fn labels_hold_in_small_samples() {
    for (rows, seed) in [(0, 1), (1, 1), (9, 1), (39, 2), (40, 1), (41, 7), (77, 3), (150, 4), (200, 5), (333, 6)] {
        assert_labels_hold(rows, seed);
    }
}

#[test]
fn labels_hold_in_samples_of_a_thousand() {
    for (rows, seed) in [(999, 1), (1_000, 1), (1_000, 2), (1_000, u64::MAX), (1_999, 3), (2_000, 4)] {
        assert_labels_hold(rows, seed);
    }
}

#[test]
fn labels_hold_in_samples_of_five_thousand() {
    for seed in [1, 42, 2_024] {
        assert_labels_hold(5_000, seed);
    }
}

#[test]
fn labels_hold_in_a_sample_of_twenty_thousand() {
    assert_labels_hold(20_000, 7);
}

/// From 2,000 contracts on every kind of case is there, with every reason and every severity.
#[test]
fn every_kind_of_case_occurs() {
    let (directory, _) = sample(2_000, 8);
    let (_, labels) = reference::read(directory.path());
    let mut notes: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for label in &labels {
        notes.entry(&label.detector).or_default().insert(&label.note);
    }
    let expected = BTreeMap::from([
        (
            "amendment_cap",
            "severity=high severity=critical near_cap within_rounding renewal_mixed price_adjustment_mixed \
             no_amendment_published amendment_undisclosed reform_cap_may_apply amendment_type_unknown \
             reductions_may_hide_additions regime_not_covered no_initial_value ambiguous_amendments",
        ),
        (
            "splitting_sum",
            "severity=high severity=medium one_cent_below other_basis legal_basis_not_published different_lines \
             vehicle_maintenance term_beyond_year different_years at_ceiling_of_old_law public_supplier \
             line_of_business_unknown no_signature_date different_ceilings",
        ),
        (
            "supplier_share_of_buyer",
            "severity=high severity=medium 29_percent one_cent_below_30_percent buyer_below_minimum \
             secret_suppliers_decisive diluted_since",
        ),
        (
            "contract_value_outlier",
            "severity=high severity=medium no_value peer_group_too_small modality_not_informed category_unknown \
             below_fence",
        ),
        (
            "high_value_direct_award",
            "severity=critical severity=high severity=medium one_cent_below reduced_below small_emergency",
        ),
        ("invalid_tax_id", "severity=medium masked foreign supplier_secret other_id letters_and_valid"),
        ("amendment_count", "severity=low severity=medium"),
        ("direct_award_growth", "severity=high below_ceiling renewal_mixed"),
        ("new_company", "severity=high severity=medium severity=low opened_later small_contract"),
        ("inactive_company", "severity=high became_inactive_later active_since_later"),
        ("activity_mismatch", "severity=low_or_medium class_too_small"),
        ("capacity_mismatch", "severity=medium"),
        ("linked_bidders", "severity=high severity=medium accountant partner_since"),
        ("duplicates", "severity=low severity=medium 31_days_apart different_objects"),
        ("emergency_overrun", "severity=high severity=medium one_year 180_days regime_unknown"),
        (
            "just_below_threshold",
            "severity=high severity=medium one_below_the_band different_suppliers both_below_the_band",
        ),
        ("late_publication", "severity=low severity=medium in_time pncp_date_not_published"),
        ("decision_period", "severity=low"),
        ("few_bidders_for_market", "severity=low"),
        ("payments_exceed", "no_payment_published"),
        ("rotation_and_cobidding", "severity=high severity=medium wins_in_a_row"),
        (
            "sanctioned_supplier",
            "severity=critical severity=high severity=medium begins_later ended_before fine_only barred_from_a_town \
             suspension_scope_disputed open_ended judgment_not_final agreement_only",
        ),
        ("single_bid", "severity=medium_or_high direct_award"),
        ("value_jump", "severity=low severity=medium"),
        ("value_risk", "severity=high severity=critical"),
    ]);
    let expected: BTreeMap<&str, BTreeSet<&str>> =
        expected.into_iter().map(|(detector, notes)| (detector, notes.split_whitespace().collect())).collect();
    assert_eq!(notes, expected);
}

fn header(official: &str) -> Vec<u8> {
    let mut line: Vec<u8> = official.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    line.extend_from_slice(b"\r\n");
    line
}

#[test]
fn headers_are_those_of_the_official_files() {
    let (directory, _) = sample(50, 1);
    let compras = "\"Número do Contrato\";\"Objeto\";\"Fundamento Legal\";\"Modalidade Compra\";\"Situação Contrato\";\
        \"Código Órgão Superior\";\"Nome Órgão Superior\";\"Código Órgão\";\"Nome Órgão\";\"Código UG\";\"Nome UG\";\
        \"Data Assinatura Contrato\";\"Data Publicação DOU\";\"Data Início Vigência\";\"Data Fim Vigência\";\
        \"Código Contratado\";\"Nome Contratado\";\"Valor Inicial Compra\";\"Valor Final Compra\";\
        \"Número Licitação\";\"Código UG Licitação\";\"Nome UG Licitação\";\
        \"Código Modalidade Compra Licitação\";\"Modalidade Compra Licitação\"";
    let items = "\"Código Órgão\";\"Nome Órgão\";\"Código UG\";\"Nome UG\";\"Número Contrato\";\
        \"Código Item Compra\";\"Descrição Item Compra\";\"Descrição Complementar Item Compra\";\
        \"Quantidade Item\";\"Valor Item\"";
    let amendments = "\"Número Contrato\";\"Código Órgão Superior\";\"Nome Órgão Superior\";\"Código Órgão\";\
        \"Nome Órgão\";\"Código UG\";\"Nome UG\";\"Número Termo Aditivo\";\"Data Publicação\";\"Objeto\"";
    let endorsements = "\"Número Contrato\";\"Código Órgão Superior\";\"Nome Órgão Superior\";\"Código Órgão\";\
        \"Nome Órgão\";\"Código UG\";\"Nome UG\";\"Número Apostilamento\";\"Descrição Apostilamento\";\
        \"Valor Apostilamento\";\"Data de inclusão\";\"Situação Apostilamento\"";
    let read = |name: &str| std::fs::read(directory.path().join(name)).unwrap();
    assert!(read("202401_Compras.csv").starts_with(&header(compras)));
    assert!(read("202401_ItemCompra.csv").starts_with(&header(items)));
    assert!(read("202401_TermoAditivo.csv").starts_with(&header(amendments)));
    assert_eq!(read("202401_Apostilamento.csv"), header(endorsements));
}

#[test]
fn tenders_and_sanctions_look_like_the_official_files() {
    let (directory, _) = sample(2_000, 11);
    let key = "Número Licitação;Código UG;Nome UG;Código Modalidade Compra;Modalidade Compra;Número Processo";
    let ceis = "CADASTRO;CÓDIGO DA SANÇÃO;TIPO DE PESSOA;CPF OU CNPJ DO SANCIONADO;NOME DO SANCIONADO;\
        NOME INFORMADO PELO ÓRGÃO SANCIONADOR;RAZÃO SOCIAL - CADASTRO RECEITA;NOME FANTASIA - CADASTRO RECEITA;\
        NÚMERO DO PROCESSO;CATEGORIA DA SANÇÃO";
    let dated = "DATA INÍCIO SANÇÃO;DATA FINAL SANÇÃO;DATA PUBLICAÇÃO;PUBLICAÇÃO;DETALHAMENTO DO MEIO DE PUBLICAÇÃO;\
        DATA DO TRÂNSITO EM JULGADO;ABRAGÊNCIA DA SANÇÃO;ÓRGÃO SANCIONADOR;UF ÓRGÃO SANCIONADOR;\
        ESFERA ÓRGÃO SANCIONADOR;FUNDAMENTAÇÃO LEGAL;DATA ORIGEM INFORMAÇÃO;ORIGEM INFORMAÇÕES;OBSERVAÇÕES";
    let files = [
        (
            "202306_Licitação",
            format!(
                "{key};Objeto;Situação Licitação;Código Órgão Superior;Nome Órgão Superior;Código Órgão;Nome Órgão;UF;\
                 Município;Data Resultado Compra;Data Abertura;Valor Licitação"
            ),
        ),
        (
            "202306_ItemLicitação",
            format!(
                "{key};Código Órgão;Nome Órgão;Código Item Compra;Descrição;Quantidade Item;Valor Item;Código Vencedor;\
                 Nome Vencedor"
            ),
        ),
        (
            "202306_ParticipantesLicitação",
            format!(
                "{key};Código Órgão;Nome Órgão;Código Item Compra;Descrição Item Compra;Código Participante;\
                 Nome Participante;Flag Vencedor"
            ),
        ),
        (
            "202306_EmpenhosRelacionados",
            format!("{key};Código Empenho;Data Emissão Empenho;Observação Empenho;Valor Empenho (R$)"),
        ),
        ("20240201_CEIS", format!("{ceis};{dated}")),
        ("20240201_CNEP", format!("{ceis};VALOR DA MULTA;{dated}")),
        (
            "20240201_CEPIM",
            "CNPJ ENTIDADE;NOME ENTIDADE;NÚMERO CONVÊNIO;ÓRGÃO CONCEDENTE;MOTIVO DO IMPEDIMENTO".to_owned(),
        ),
    ];
    for (name, columns) in files {
        let text = reference::latin1(&directory.path().join(format!("{name}.csv")));
        assert!(!text.contains('?') && text.ends_with("\"\r\n"), "{name}");
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "{name}");
        let mut lines = text.split_terminator("\r\n").map(|line| {
            let inner = line.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
            inner.split("\";\"").collect::<Vec<_>>()
        });
        let columns: Vec<&str> = columns.split(';').collect();
        assert_eq!(lines.next().unwrap(), columns, "{name}");
        let mut rows = 0;
        for line in lines {
            assert_eq!(line.len(), columns.len(), "{name}: {line:?}");
            columns.iter().zip(&line).for_each(|(column, value)| assert_field(column, value));
            rows += 1;
        }
        assert!(rows > 0, "{name}");
    }
}

/// A field holds what the official files hold there.
fn assert_field(name: &str, value: &str) {
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    let right = match name {
        "Número do Contrato" | "Número Contrato" | "Número Termo Aditivo" => digits(value, 9),
        "Número Licitação" => value == "-3" || digits(value, 9),
        "Flag Vencedor" => value == "SIM" || value == "NÃO",
        "UF" => value.len() == 2,
        "Código UG" => digits(value, 6),
        "Código Órgão" | "Código Órgão Superior" => digits(value, 5),
        "Código Item Compra" => value == "0" || digits(value, 22),
        "Quantidade Item" => value.parse::<u32>().unwrap() > 0,
        "Valor Inicial Compra" | "Valor Final Compra" => {
            let (whole, fraction) = value.split_once(',').unwrap();
            value == "0,00" || whole.parse::<u64>().unwrap() > 0 && digits(fraction, 4) && fraction.ends_with("00")
        }
        "Valor Item" => {
            let (whole, fraction) = value.split_once(',').unwrap();
            whole.parse::<u64>().is_ok() && digits(fraction, 2)
        }
        "Data Publicação DOU" => value.len() == 10 && (value.ends_with("/01/2024") || value.ends_with("/2023")),
        "Data Assinatura Contrato"
        | "Data Início Vigência"
        | "Data Fim Vigência"
        | "Data Publicação"
        | "Data Resultado Compra"
        | "Data Abertura"
        | "Data Emissão Empenho"
        | "DATA INÍCIO SANÇÃO"
        | "DATA FINAL SANÇÃO"
        | "DATA PUBLICAÇÃO" => {
            value.is_empty() || chrono::NaiveDate::parse_from_str(value, "%d/%m/%Y").is_ok() && value.len() == 10
        }
        "Nome UG" | "Nome Órgão" | "Nome Órgão Superior" => {
            let words = value.to_lowercase();
            (words.contains("sintétic")) && value.chars().count() <= 45
        }
        "Nome Contratado" => value == "Sigiloso" || value.contains("SINTÉTIC"),
        "Nome Participante" | "Nome Vencedor" | "NOME DO SANCIONADO" => value.contains("SINTÉTIC"),
        "CPF OU CNPJ DO SANCIONADO" | "CNPJ ENTIDADE" => check_tax_id(value).2 == TaxIdCheck::Valid,
        _ => true,
    };
    assert!(right, "{name}: {value:?}");
}

#[test]
fn every_row_is_quoted_latin_1_with_carriage_returns() {
    let (directory, summary) = sample(2_000, 11);
    let rows = [("Compras", summary.contracts), ("ItemCompra", summary.items), ("TermoAditivo", summary.amendments)];
    for (name, rows) in rows {
        let texts: Vec<String> =
            reference::files(directory.path(), name).iter().map(|path| reference::latin1(path)).collect();
        let header = texts[0].lines().next().unwrap().to_owned() + "\r\n";
        assert!(texts.iter().all(|text| text.starts_with(&header) && text.ends_with("\"\r\n")));
        let text = header.clone() + &texts.iter().map(|text| &text[header.len()..]).collect::<String>();
        // A character outside Latin-1 would have become "?"; UTF-8 would read as pairs like "Ã§".
        assert!(!text.contains('?'));
        let pairs = text.chars().zip(text.chars().skip(1));
        assert_eq!(pairs.filter(|(first, second)| *first == 'Ã' && !second.is_ascii()).count(), 0);
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
        let mut lines = text.split_terminator("\r\n");
        let split = |line: &'_ str| -> Vec<String> {
            let inner = line.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
            inner.split("\";\"").map(str::to_owned).collect()
        };
        let names = split(lines.next().unwrap());
        let mut count = 0;
        for line in lines {
            let fields = split(line);
            assert_eq!(fields.len(), names.len(), "{line}");
            names.iter().zip(&fields).for_each(|(name, value)| assert_field(name, value));
            count += 1;
        }
        assert_eq!(count, rows);
    }
    let files = reference::files(directory.path(), "Compras");
    let text: String = files.iter().map(|path| reference::latin1(path)).collect();
    assert!(text.contains("AQUISIÇÃO DE "), "accents survive");
    assert!(text.contains("EDITAL E SEUS ANEXOS; GRUPO 1"), "a separator within a field");
}

#[test]
fn same_rows_and_seed_give_the_same_bytes() {
    let (first, summary) = sample(1_200, 5);
    let (second, again) = sample(1_200, 5);
    let (other, _) = sample(1_200, 6);
    assert_eq!(summary, again);
    let names = |directory: &Path| -> BTreeSet<String> {
        std::fs::read_dir(directory).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    };
    let expected = TABLES.iter().flat_map(|table| reference::files(Path::new(""), table));
    let expected = expected.map(|path| path.to_str().unwrap().to_owned());
    let lists = LISTS.map(|list| format!("20240201_{list}.csv"));
    let notes = ["README.txt".to_owned(), "labels.csv".to_owned()];
    let register = ["EMPRECSV", "ESTABELE", "SOCIOCSV"].map(|kind| format!("K3241.K03200Y0.D40214.{kind}"));
    let register =
        register.into_iter().chain(["F.K03200$W.SIMPLES.CSV.D40214", "F.K03200$Z.D40214.CNAECSV"].map(str::to_owned));
    let expected: BTreeSet<String> = expected.chain(lists).chain(notes).chain(register).collect();
    assert_eq!(names(first.path()), expected);
    let read = |directory: &Path, name: &str| std::fs::read(directory.join(name)).unwrap();
    for name in &expected {
        assert_eq!(read(first.path(), name), read(second.path(), name), "{name}");
    }
    assert_ne!(read(first.path(), "202401_Compras.csv"), read(other.path(), "202401_Compras.csv"));
}

#[test]
fn cases_are_as_many_as_promised() {
    let first = [
        "amendment_cap",
        "contract_value_outlier",
        "high_value_direct_award",
        "invalid_tax_id",
        "just_below_threshold",
        "splitting_sum",
        "supplier_share_of_buyer",
    ];
    let rules = [
        "amendment_count",
        "direct_award_growth",
        "duplicates",
        "emergency_overrun",
        "late_publication",
        "value_jump",
        "value_risk",
    ];
    let among_peers = ["item_price_outlier", "market_concentration", "non_competitive_share", "year_end_spike"];
    for (rows, least) in [(300, 1), (1_000, 4), (8_000, 6), (20_000, 6)] {
        for seed in [1, 2] {
            let (_directory, summary) = sample(rows, seed);
            let cases = |detector: &str| {
                summary.labels.get(detector).and_then(|labels| labels.get("fired")).map_or(0, |count| count.subjects)
            };
            for detector in first {
                assert!(cases(detector) >= least, "{detector} of {rows}: {:?}", summary.labels);
            }
            for detector in rules {
                assert!(rows < 1_000 || cases(detector) >= 1, "{detector} of {rows}: {:?}", summary.labels);
            }
            for detector in among_peers {
                assert_eq!(cases(detector) >= 2, rows >= 20_000, "{detector} of {rows}: {:?}", summary.labels);
            }
        }
    }
    // Planted cases depend on the rows alone; the background adds awards, jumps and early amendments, and says which
    // contracts have a tender and a supplier that is on a list.
    let subjects = |seed| {
        let (_directory, mut summary) = sample(8_000, seed);
        let of_background = ["high_value_direct_award", "value_jump", "amendment_count", "value_risk"];
        let of_register = ["new_company", "inactive_company", "activity_mismatch", "capacity_mismatch"];
        let of_tenders = ["decision_period", "few_bidders_for_market", "single_bid", "payments_exceed"];
        for detector in of_background.into_iter().chain(of_tenders).chain(of_register).chain(["sanctioned_supplier"]) {
            summary.labels.remove(detector);
        }
        let counts = summary.labels.into_values().flat_map(BTreeMap::into_values);
        counts.map(|count| count.subjects).collect::<Vec<u64>>()
    };
    assert_eq!(subjects(3), subjects(4));
}

#[test]
fn ids_are_valid_unless_labelled() {
    let (directory, _) = sample(6_000, 9);
    let (contracts, labels) = reference::read(directory.path());
    let wrong: BTreeSet<&Key> = labels
        .iter()
        .filter(|label| label.detector == "invalid_tax_id" && label.expected == "fired")
        .map(|label| &label.contract)
        .collect();
    let mut kinds: HashMap<TaxIdKind, usize> = HashMap::new();
    let mut letters = 0;
    for contract in &contracts {
        let (kind, id, check) = check_tax_id(&contract.key.2);
        *kinds.entry(kind).or_default() += 1;
        letters += usize::from(kind == TaxIdKind::Cnpj && id.bytes().any(|b| b.is_ascii_uppercase()));
        let expected = match kind {
            TaxIdKind::Cnpj if wrong.contains(&contract.key) => TaxIdCheck::Invalid,
            TaxIdKind::Cnpj => TaxIdCheck::Valid,
            TaxIdKind::Cpf => {
                // No natural person has a number here.
                assert!(id.starts_with("***.") && id.ends_with("-**"), "{id}");
                TaxIdCheck::NotApplicable
            }
            TaxIdKind::Foreign | TaxIdKind::Secret | TaxIdKind::Other => TaxIdCheck::NotApplicable,
        };
        assert_eq!(check, expected, "{:?}", contract.key);
        // The order of the branch that no establishment has reached.
        assert!(kind != TaxIdKind::Cnpj || id[8..12].starts_with("99"), "{id}");
    }
    assert_eq!(kinds.len(), 5, "{:?}", kinds.values());
    assert!(letters > 50 && kinds[&TaxIdKind::Cnpj] > 5_800);
}

#[test]
fn a_supplier_has_one_name() {
    let (directory, _) = sample(6_000, 10);
    let (contracts, _) = reference::read(directory.path());
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    for contract in &contracts {
        let name = *names.entry(&contract.key.2).or_insert(&contract.supplier_name);
        assert_eq!(name, contract.supplier_name, "{:?}", contract.key);
    }
    assert!(names.len() > 1_000);
}

#[test]
fn items_add_up_and_the_main_one_comes_first() {
    let (directory, _) = sample(3_000, 12);
    let (contracts, _) = reference::read(directory.path());
    let mut numbers: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for contract in &contracts {
        *numbers.entry((&contract.key.0, &contract.key.1)).or_default() += 1;
    }
    let mut several = 0;
    for contract in contracts.iter().filter(|contract| numbers[&(&*contract.key.0, &*contract.key.1)] == 1) {
        let Some((first, rest)) = contract.items.split_first() else { continue };
        assert!(rest.len() < 6);
        several += usize::from(!rest.is_empty());
        assert_eq!(first.1 + rest.iter().map(|item| item.1).sum::<i128>(), contract.initial, "{:?}", contract.key);
        assert!(rest.iter().all(|item| item.1 < first.1), "{:?}", contract.key);
    }
    assert!(several > 1_000);
    // One number is shared on purpose, for an amendment that belongs to either.
    assert_eq!(numbers.values().filter(|count| **count > 1).count(), 1);
}

#[test]
fn publication_follows_signature() {
    let (directory, _) = sample(3_000, 13);
    let (contracts, _) = reference::read(directory.path());
    let mut undated = 0;
    for contract in &contracts {
        match contract.signed {
            Some(signed) => assert!(signed <= contract.published, "{:?}", contract.key),
            None => undated += 1,
        }
        assert!(
            contract.key.1.ends_with("2022") || contract.key.1.ends_with("2023") || contract.key.1.ends_with("2024")
        );
    }
    assert_eq!(undated, 1);
}

#[test]
fn texts_speak_of_one_kind_and_of_no_emergency() {
    let of = |lines: &[vocabulary::Line], kind: record::Kind, name: &str| {
        for line in lines {
            for ending in vocabulary::ENDINGS {
                let object = fold(&kind.object(line.thing, ending));
                assert_eq!(reference::kinds(&object), [name], "{object}");
                assert!(!object.contains("emergenc") && !object.contains("reforma"), "{object}");
            }
            let item = fold(line.item);
            assert!(reference::kinds(&item).iter().all(|kind| *kind == name), "{item}");
        }
    };
    of(&vocabulary::GOODS, record::Kind::Goods, "goods");
    of(&vocabulary::PLANTED_GOODS, record::Kind::Goods, "goods");
    of(&vocabulary::SERVICES, record::Kind::Services, "services");
    of(&vocabulary::PLANTED_SERVICES, record::Kind::Services, "services");
    of(&vocabulary::WORKS, record::Kind::Works, "works");
    of(&vocabulary::PLANTED_WORKS, record::Kind::Works, "works");
    let mut lines: Vec<String> = Vec::new();
    for list in [&vocabulary::GOODS[..], &vocabulary::SERVICES, &vocabulary::WORKS] {
        lines.extend(list.iter().map(|line| fold(line.item)));
    }
    for list in [&vocabulary::PLANTED_GOODS[..], &vocabulary::PLANTED_SERVICES, &vocabulary::PLANTED_WORKS] {
        lines.extend(list.iter().map(|line| fold(line.item)));
    }
    let distinct: BTreeSet<&String> = lines.iter().collect();
    assert_eq!(distinct.len(), lines.len(), "two lines of business would add up");
}

/// The arithmetic of the fence, on the values alone: half a band above the largest.
#[test]
fn fence_lies_above_the_band() {
    let mut random = crate::model::Random::new(3, 3);
    let mut values = values::Values::new(&mut random);
    for group in 0..values::GROUPS.len() {
        for count in [30, 60, 1_000] {
            let mut logs: Vec<f64> = (0..count).map(|_| (values.next(group) as f64).log10()).collect();
            logs.sort_by(f64::total_cmp);
            let (low, high) = ((values::at(group, 0.0) as f64).log10(), (values::at(group, 1.0) as f64).log10());
            let (q1, q3) = (reference::quantile8(&logs, 0.25), reference::quantile8(&logs, 0.75));
            let fence = (q3 + 1.5 * (q3 - q1) - low) / (high - low);
            assert!((fence - 1.5).abs() < 0.2, "group {group}, {count} values: {fence}");
            assert!(logs[count - 1] <= high && logs[0] >= low);
        }
    }
}

#[test]
fn progress_ends_with_all_rows() {
    let directory = tempfile::tempdir().unwrap();
    let seen = std::cell::RefCell::new(Vec::new());
    let options = SampleOptions { rows: 1_500, seed: 1, out: directory.path().join("new/dir") };
    generate(&options, &|rows| seen.borrow_mut().push(rows)).unwrap();
    let seen = seen.into_inner();
    assert!(seen.is_sorted() && seen.len() > 5);
    assert_eq!(seen.last(), Some(&1_500));
}

#[test]
fn errors_name_what_is_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let options = |rows| SampleOptions { rows, seed: 1, out: file.clone() };
    let error = generate(&options(10), &|_| ()).unwrap_err().to_string();
    assert!(error.contains(file.to_str().unwrap()), "{error}");
    let error = generate(&options(MAX_ROWS + 1), &|_| ()).unwrap_err();
    assert!(matches!(error, SampleError::TooManyRows { rows: 100_000_001, max: MAX_ROWS }), "{error}");
}
