//! Random contracts, their amendments and items: years of everything, or a busy year of small purchases.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::super::{Amendment, BRANCH, CNPJ, Contract, Data, Item, OTHER_CNPJ, Tender, day};

pub(in super::super) fn random_contracts(rng: &mut StdRng) -> Data {
    let pick = |rng: &mut StdRng, from: &[&str]| (*from.choose(rng).unwrap()).to_owned();
    let mut data = Data::default();
    data.tenders.push(Tender { situation: Some("Revogada".to_owned()), ..Tender::new("t3") });
    let suppliers =
        [CNPJ, OTHER_CNPJ, "00000000000192", "52998224724", "EX123", "115406", "", "***.982.247-**", BRANCH];
    let many = rng.random_range(40..140);
    // Either years of everything, or one busy year of small purchases.
    let busy = rng.random_bool(0.5);
    let (first, span) = if busy { (day("2023-10-01"), 400) } else { (day("2019-11-01"), 1900) };
    for at in 0..many {
        let mut contract = Contract::new(&format!("c{at:03}"));
        contract.number = format!("{:02}", if rng.random_bool(0.1) { rng.random_range(0..20) } else { at });
        contract.status = if rng.random_bool(0.95) { "current" } else { "superseded" };
        contract.object = pick(
            rng,
            &[
                "Aquisição de material",
                "Prestação de serviços",
                "Reforma do prédio",
                "Contratação emergencial de serviços",
                "Manutenção de veículos",
                "Conforme edital",
                "Conforme o processo",
                "",
                "Aquisição de material de expediente para a sede da unidade",
                "Aquisição de material de expediente para a sede da unidade e anexos",
            ],
        );
        if contract.object.ends_with("processo") {
            // A text that few contracts share.
            contract.object = format!("{} {}", contract.object, rng.random_range(0..40));
        }
        contract.legal_basis = match rng.random_range(0..if busy { 18 } else { 10 }) {
            0 => None,
            1 => Some(String::new()),
            2 => Some("Lei 13.303/2016".to_owned()),
            3 => Some("Art. 24, II, da Lei 8.666/93".to_owned()),
            4 => Some("Lei 14.133/2021, Art. 75, I".to_owned()),
            5 => Some("Lei 14.133/2021, Art. 75, VIII".to_owned()),
            6 => Some("Art. 24, IV, da Lei 8.666/93".to_owned()),
            7 => Some("Lei 14.133/2021, Art. 28, I".to_owned()),
            8 if !busy => Some("Lei 13.979/2020, art. 4".to_owned()),
            _ => Some("Lei 14.133/2021, Art. 75, II".to_owned()),
        };
        contract.modality = ["dispensa_licitacao", "dispensa_licitacao", "pregao", "inexigibilidade", "not_informed"]
            .choose(rng)
            .unwrap();
        contract.situation = match rng.random_range(0..30) {
            0 => Some("Fechado"),
            1 => Some("Rescindido"),
            2 => Some("Anulado"),
            3 => Some("Cancelado"),
            _ => None,
        };
        contract.sphere = rng.random_bool(0.8).then(|| "federal".to_owned());
        contract.buyer = pick(rng, &["1", "1", "2"]);
        contract.buyer_name =
            if contract.buyer == "2" { "CONSÓRCIO PÚBLICO".to_owned() } else { "UNIDADE".to_owned() };
        contract.signed = rng.random_bool(0.95).then(|| first + chrono::Days::new(rng.random_range(0..span)));
        contract.published = contract
            .signed
            .filter(|_| rng.random_bool(0.9))
            .map(|signed| signed + chrono::TimeDelta::days(rng.random_range(-2..150) * rng.random_range(1..4)));
        if rng.random_bool(0.2) {
            contract.source = "pncp:contratos";
        }
        contract.start = contract.signed.filter(|_| rng.random_bool(0.5));
        contract.end = contract
            .signed
            .filter(|_| rng.random_bool(0.7))
            .map(|signed| signed + chrono::Days::new(rng.random_range(0..400)));
        contract.supplier = pick(rng, &suppliers);
        if rng.random_bool(0.05) {
            contract.supplier_name = "PREFEITURA DE SANTOS".to_owned();
        }
        let worth = [
            0,
            -5,
            100_000,
            1_760_000,
            2_500_000,
            2_995_301,
            5_800_000,
            5_900_000,
            5_990_601,
            100_000_000,
            250_000_000,
        ];
        contract.initial = rng
            .random_bool(0.95)
            .then(|| if rng.random_bool(0.3) { *worth.choose(rng).unwrap() } else { rng.random_range(100..6_000_000) });
        let grown = |initial: i128, rng: &mut StdRng| {
            let share = *[100, 100, 120, 125, 126, 150, 151, 250].choose(rng).unwrap();
            initial * share / 100 + rng.random_range(0..3) * 60
        };
        contract.current = contract.initial.filter(|_| rng.random_bool(0.95)).map(|initial| grown(initial, rng));
        if let Some(signed) = contract.signed {
            // Published at once or a month or two later; no file of March 2022 was taken in.
            let published = signed + chrono::Months::new(rng.random_range(0..3));
            let month = published.format("%Y%m").to_string().replace("202203", "202204");
            contract.file = format!("{month}_Compras.csv");
        }
        contract.tender =
            rng.random_bool(0.4).then(|| pick(rng, &["t1", "t2", "t1", "t2", "t1", "t2", "t1", "t2", "t3"]));
        match rng.random_range(0..40) {
            0 => contract.currency = Some("USD"),
            1 => (contract.currency, contract.source) = (None, "ocds:test"),
            2 => contract.currency = None,
            _ => {}
        }
        contract.category = match rng.random_range(0..20) {
            0 => Some("goods"),
            1 => Some("services"),
            _ => None,
        };
        if rng.random_bool(0.6) {
            for number in 1..=rng.random_range(1..5) {
                let object = pick(
                    rng,
                    &[
                        "Acréscimo",
                        "Acréscimo",
                        "Acréscimo",
                        "Acréscimo e supressão",
                        "Prorrogação",
                        "Reajuste",
                        "Informação protegida por sigilo",
                        "Alteração",
                    ],
                );
                let mut amendment = Amendment::of(&contract, number, &object);
                amendment.id = format!("{}-{number}", contract.id);
                amendment.published =
                    contract.signed.map(|signed| signed + chrono::TimeDelta::days(rng.random_range(-5..400)));
                data.amendments.push(amendment);
            }
        }
        if rng.random_bool(0.05) {
            data.amendments.push(Amendment::apostille(&contract));
        }
        for at in 0..rng.random_range(if busy { 1 } else { 0 }..3) {
            let text = pick(rng, &["PAPEL", "PAPEL", "PAPEL", "SERVIÇO DE FRETE", "undefined"]);
            data.items.push(Item {
                id: format!("{}-{at}", contract.id),
                quantity: rng.random_bool(0.9).then(|| rng.random_range(-1..4) * 10_000),
                price: rng.random_bool(0.9).then(|| rng.random_range(1..4)),
                ..Item::of(&contract, &text)
            });
        }
        if let Some(last) = data.contracts.last().filter(|_| rng.random_bool(0.08)) {
            // Much like the one before.
            contract.object = "Aquisição de material de expediente para a sede da unidade".to_owned();
            contract.buyer.clone_from(&last.buyer);
            contract.buyer_name.clone_from(&last.buyer_name);
            contract.supplier.clone_from(&last.supplier);
            contract.initial = last.initial;
            contract.signed = last.signed.map(|signed| signed + chrono::Days::new(rng.random_range(0..40)));
            data.items.retain(|item| !item.id.starts_with(&contract.id));
            data.amendments.retain(|amendment| !amendment.id.starts_with(&contract.id));
        }
        data.contracts.push(contract);
    }
    data
}
