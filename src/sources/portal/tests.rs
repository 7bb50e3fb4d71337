use super::*;

#[test]
fn names_say_kind_and_dataset() {
    assert_eq!(Kind::of_name("202401_Compras.csv"), Some(Kind::Contracts));
    assert_eq!(Kind::of_name("TERMOADITIVO.CSV"), Some(Kind::Amendments));
    assert_eq!(Kind::of_name("202413_Compras.csv"), None);
    assert_eq!(Kind::of_name("labels.csv"), None);
    assert_eq!(Kind::of_name("Compras"), None);
    assert_eq!(dataset(Kind::Contracts, "202401_Compras.csv"), "portal:compras/202401");
    assert_eq!(dataset(Kind::Items, "meus itens.csv"), "portal:itens/meus itens");
    assert_eq!(dataset(Kind::Items, "20240_1.csv"), "portal:itens/20240_1");
    assert_eq!(Kind::of_name("202401_ParticipantesLicitação.csv"), Some(Kind::Participants));
    assert_eq!(Kind::of_name("202401_Licitacao.csv"), Some(Kind::Tenders));
    assert_eq!(Kind::of_name("20260706_CEIS.csv"), Some(Kind::Ceis));
    assert_eq!(Kind::of_name("20261306_CEIS.csv"), None);
    assert_eq!(dataset(Kind::Tenders, "202401_Licitação.csv"), "portal:licitacoes/202401");
    assert_eq!(dataset(Kind::Ceis, "20260706_CEIS.csv"), "portal:ceis");
    assert_eq!(snapshot_day("20260706_CEIS.csv"), Some("20260706"));
    assert_eq!(snapshot_day("cnep.csv"), None);
}

#[test]
fn the_word_object_is_dropped_once() {
    assert_eq!(fold_object("Objeto: Aquisição de café"), "aquisicao de cafe");
    assert_eq!(fold_object("OBJETIVO: PRORROGAÇÃO"), "prorrogacao");
    assert_eq!(fold_object("Objetos de arte"), "objetos de arte");
    assert_eq!(fold_object("Objeto:"), "");
}

#[test]
fn digests_tell_parts_apart() {
    assert_ne!(digest(["ab", "c"]), digest(["a", "bc"]));
    assert_eq!(slug("12/2024 é"), "12-2024--");
}
