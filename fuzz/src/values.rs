//! Values as the sources write them: money, quantities, days, ids, and CPFs within a text.

use cidadao::model::{
    Money, TaxIdCheck, TaxIdKind, check_tax_id, cpf_check_digits, fold, mask_cpf, mask_every_run, mask_text, printable,
};
use cidadao::sources::fuzzing;

pub(crate) fn run(data: &[u8]) {
    let text = &*String::from_utf8_lossy(data);
    money(text);
    numbers(text);
    days(text);
    tax_ids(text);
    masks(text);
    let folded = fold(text);
    assert_eq!(fold(&folded), folded, "what is folded stays as it is");
    assert_eq!(printable(&printable(text)), printable(text));
}

fn money(text: &str) {
    for read in [Money::parse_comma(text), text.parse()].into_iter().flatten() {
        assert!(read.cents().abs() <= Money::MAX_CENTS);
        assert_eq!(read.to_string().parse(), Ok(read), "an amount reads as it was written");
        assert_eq!(Money::parse_comma(&read.to_string().replace('.', ",")), Ok(read));
        let digits: String = read.pt().chars().filter(|c| c.is_ascii_digit() || *c == '-').collect();
        assert_eq!(digits.parse(), Ok(read.cents()), "{}", read.pt());
    }
}

fn numbers(text: &str) {
    let read = fuzzing::values(text);
    if let Some((cents, rounded)) = read.cents {
        assert!(cents.abs() <= Money::MAX_CENTS);
        // Without an exponent both readers of decimals agree, but for what one rounds and the other refuses.
        if let (false, Ok(money)) = (rounded || text.contains(['e', 'E']), text.parse::<Money>()) {
            assert_eq!(money.cents(), cents, "{text:?}");
        }
    }
    if let Ok(money) = text.parse::<Money>()
        && text.trim() == text
        && text.len() < 300
    {
        assert_eq!(read.cents, Some((money.cents(), false)), "{text:?}");
    }
    if let Some((cents, _)) = read.plain.as_deref().and_then(|plain| fuzzing::values(plain).cents) {
        assert!(cents.abs() <= Money::MAX_CENTS);
        // What Brazilians write and the bulk files write alike is the same amount.
        if let Ok(money) = Money::parse_comma(text)
            && text.contains(',')
        {
            assert_eq!(money.cents(), cents, "{text:?}");
        }
    }
    if let Some(quantity) = read.quantity {
        let shown = format!(
            "{}{},{:04}",
            if quantity < 0 { "-" } else { "" },
            quantity.unsigned_abs() / 10_000,
            quantity.unsigned_abs() % 10_000
        );
        assert_eq!(fuzzing::values(&shown).quantity, Some(quantity), "{text:?}");
    }
}

fn days(text: &str) {
    let read = fuzzing::values(text);
    if let Some(day) = &read.day {
        assert_eq!(day, text);
        assert!(read.moment.is_some_and(|moment| moment.starts_with(day.as_str())), "a day is a moment");
    }
    if let Some(day) = &read.portal_day {
        assert_eq!(fuzzing::values(day).day.as_ref(), Some(day), "{text:?}");
        let turned: Vec<&str> = day.rsplit('-').collect();
        assert_eq!(turned.join("/"), text);
    }
    // A moment far away from ours is written with a sign that is not read again.
    if let Some(moment) = fuzzing::values(text).moment.filter(|moment| moment.starts_with(|c: char| c.is_ascii_digit()))
    {
        let again = fuzzing::values(&moment).moment;
        assert!(again.as_ref() == Some(&moment) || moment.starts_with("0000"), "{text:?} {moment:?} {again:?}");
    }
}

fn tax_ids(text: &str) {
    let (kind, normal, check) = check_tax_id(text);
    match kind {
        TaxIdKind::Secret => assert!(normal.is_empty()),
        TaxIdKind::Cnpj => assert_eq!(normal.len(), 14),
        TaxIdKind::Cpf if normal.contains('*') => assert_eq!(check, TaxIdCheck::NotApplicable),
        TaxIdKind::Cpf => {
            assert_eq!(normal.len(), 11);
            let masked = mask_cpf(&normal);
            assert!(masked.starts_with("***.") && masked.ends_with("-**") && !masked.contains(&normal));
            assert_eq!(check_tax_id(&masked).0, TaxIdKind::Cpf, "a mask stays an id of a person");
        }
        TaxIdKind::Foreign | TaxIdKind::Other => assert_eq!(check, TaxIdCheck::NotApplicable),
    }
    if kind != TaxIdKind::Secret {
        let again = check_tax_id(&normal);
        assert_eq!((again.0, &again.1, again.2), (kind, &normal, check), "{text:?}: what is normal stays as it is");
    }
}

fn masks(text: &str) {
    for masked in [mask_text(text), mask_every_run(text)] {
        assert_eq!(mask_text(&masked), masked, "{text:?}: what is masked stays as it is");
        let runs = masked.split(|c: char| !c.is_ascii_digit()).filter(|run| run.len() == 11);
        for run in runs {
            let right = cpf_check_digits(&run[..9]).is_some_and(|digits| run.as_bytes().ends_with(&digits));
            assert!(!right, "{text:?} still holds {run}");
        }
    }
}
