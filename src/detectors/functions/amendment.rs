//! What an amendment does, read from its object.

use super::words::{after, before, near, stem, tokens};

/// What an amendment does. One amendment may do several things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AmendmentKind {
    /// Adds quantity, items or value (`acrescimo`).
    Addition,
    /// Takes some away (`supressao`).
    Reduction,
    /// Prolongs the term or the time of execution.
    Term,
    /// Changes prices: `reajuste`, `repactuacao`, `reequilibrio`, `revisao de precos`.
    Price,
    /// The source keeps the object secret.
    Undisclosed,
    /// None of these is stated.
    Other,
}

impl AmendmentKind {
    /// Name in SQL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Addition => "addition",
            Self::Reduction => "reduction",
            Self::Term => "term",
            Self::Price => "price",
            Self::Undisclosed => "undisclosed",
            Self::Other => "other",
        }
    }
}

const PROLONGING: [&str; 11] =
    ["alter", "estend", "extens", "ampli", "dilat", "acresc", "aditam", "aditiv", "elev", "aument", "prorr"];
const QUANTITIES: [&str; 13] = [
    "valor",
    "quantitativ",
    "quantidade",
    "item",
    "itens",
    "servico",
    "posto",
    "escopo",
    "objeto",
    "area",
    "vaga",
    "unidade",
    "acresc",
];

/// Kinds that the folded object of an amendment states, in order and once each; only
/// [`AmendmentKind::Other`] if none is.
///
/// Of the kinds that stand in the way of a judgement (term, price, undisclosed) the slightest sign
/// is enough; an addition has to be stated, and `sem acrescimo` is none.
pub fn amendment_kinds(object_folded: &str) -> Vec<AmendmentKind> {
    let words = tokens(object_folded);
    let any = |test: fn(&[&str], usize) -> bool| (0..words.len()).any(|at| test(&words, at));
    let mut kinds = Vec::with_capacity(2);
    if any(is_addition) {
        kinds.push(AmendmentKind::Addition);
    }
    if any(is_reduction) {
        kinds.push(AmendmentKind::Reduction);
    }
    if any(is_term) {
        kinds.push(AmendmentKind::Term);
    }
    if any(is_price) {
        kinds.push(AmendmentKind::Price);
    }
    if object_folded.contains("protegida por sigilo") || object_folded.contains("informacao sigilosa") {
        kinds.push(AmendmentKind::Undisclosed);
    }
    if kinds.is_empty() {
        kinds.push(AmendmentKind::Other);
    }
    kinds
}

fn is_addition(words: &[&str], at: usize) -> bool {
    let word = words[at];
    let denied = (1..=3).any(|back| matches!(before(words, at, back), "sem" | "nao" | "nem"));
    let stated = (stem(word, &["acresc", "majorac", "majorar", "suplement"]) && !is_of_time(words, at))
        || (stem(word, &["adiciona"])
            && stem(before(words, at, 1), &["servico", "valor", "recurso", "item", "itens", "posto"]))
        || (stem(word, &["aditament", "aditar", "aditiv", "aditand"])
            && near(words, at, 2, &["valor", "quantitativ", "quantidade"]))
        || (matches!(word, "inclusao" | "incluir" | "incluiu" | "incluira")
            && near(words, at, 4, &["item", "itens", "servico", "posto", "quantitativ", "vaga"]))
        || (stem(word, &["aument", "ampliac", "ampliar", "elevac"]) && near(words, at, 3, &QUANTITIES));
    stated && !denied
}

fn is_reduction(words: &[&str], at: usize) -> bool {
    let word = words[at];
    // `suprimentos` are goods, and what is `reduzido a termo` is written down.
    stem(word, &["suprim", "supress", "reduc", "reduz", "decresc", "diminu"])
        && !stem(word, &["supriment"])
        && !(after(words, at, 1) == "a" && after(words, at, 2) == "termo")
}

/// Whether what is added at a place is time: `acrescido de 45 (quarenta e cinco) dias`.
fn is_of_time(words: &[&str], at: usize) -> bool {
    let next = (1..=6).map(|ahead| after(words, at, ahead));
    let mut before_unit = next.take_while(|word| !is_money_word(word));
    before_unit.any(is_unit_of_time)
}

fn is_unit_of_time(word: &str) -> bool {
    matches!(word, "dia" | "dias" | "mes" | "meses" | "ano" | "anos")
}

fn is_money_word(word: &str) -> bool {
    stem(word, &["valor", "quantitativ", "quantidade", "item", "itens", "servic", "objeto"]) || word == "r"
}

fn is_term(words: &[&str], at: usize) -> bool {
    match words[at] {
        "mais" => before(words, at, 1) == "por" && near(words, at, 4, &["mes", "dia", "ano"]),
        // `por 12 (doze) meses`, `acrescentar 12 meses`.
        "mes" | "meses" | "ano" | "anos" | "dia" | "dias" => (1..=6).any(|back| {
            let word = before(words, at, back);
            (back <= 3 && word == "por") || (stem(word, &PROLONGING) && is_of_time(words, at - back))
        }),
        "prazo" | "prazos" | "vigencia" => {
            (1..=6).any(|back| stem(before(words, at, back), &PROLONGING))
                || (1..=12).any(|back| stem(before(words, at, back), &["clausula"]))
        }
        "novo" => stem(after(words, at, 1), &["prazo", "periodo", "exercicio"]),
        // The value of another year.
        "exercicio" | "exercicios" => {
            stem(after(words, at, 1), &["seguinte", "subsequente", "vindouro", "financeiro"])
                || stem(before(words, at, 1), &["proximo", "novo"])
        }
        word => stem(
            word,
            &[
                "prorrog",
                "prorog",
                "priorrog",
                "porrog",
                "dilac",
                "dilat",
                "prolong",
                "posterg",
                "renov",
                "continuidad",
            ],
        ),
    }
}

fn is_price(words: &[&str], at: usize) -> bool {
    match words[at] {
        "revisao" | "revisar" | "atualizacao" | "atualizar" | "correcao" => {
            near(words, at, 3, &["preco", "valor", "monetari", "contratual", "tarif", "salari"])
        }
        "convencao" => after(words, at, 1) == "coletiva",
        "cct" | "dissidio" | "apostilamento" | "apostila" => true,
        "ipca" | "inpc" | "igpm" | "igp" | "incc" | "indice" | "indices" => true,
        // The law's own words: "restabelecer o equilíbrio econômico-financeiro inicial" (Lei 8.666/1993 art. 65 II d).
        word => {
            stem(word, &["reajust", "repactu", "reequilibr", "equilibr", "recomposic", "realinhament", "inflac"])
                || (stem(word, &["majorac", "majorar", "aument", "elevac", "acresc", "alterac", "varia"])
                    && near(words, at, 3, &["preco", "tarif", "salari", "piso"]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fold;

    fn kinds(object: &str) -> Vec<&'static str> {
        amendment_kinds(&fold(object)).into_iter().map(AmendmentKind::as_str).collect()
    }

    #[test]
    fn additions_and_reductions() {
        for object in [
            "OBJETIVO: Acréscimo de serviços.",
            "Acrescentar 24,91% do valor inicial atualizado do contrato, a partir da data de assinatura",
            "O objeto contratual fica acrescido na ordem de R$ 547.110,60, equivalente a 4,05%",
            "Execução dos serviços adicionais no valor de R$ 64.350,00",
            "Aditamento de valor ao contrato nº 18/2024",
            "Inclusão de novos itens ao contrato",
            "Acréscimo de área e serviços, com início de vigência da alteração na assinatura do presente termo",
            "O valor original do contrato fica suplementado em R$ 763.900,83",
            "Acrescer 01 (um) posto de serviço de copeiragem",
            "Ampliação do quantitativo de postos",
        ] {
            assert_eq!(kinds(object), ["addition"], "{object}");
        }
        assert_eq!(kinds("Suprimir em 14,29% o valor total do contrato"), ["reduction"]);
        assert_eq!(
            kinds("Suprimir o valor em 9,59%; acrescer o valor do contrato em 6,03%"),
            ["addition", "reduction"]
        );
        assert_eq!(
            kinds("Serviços adicionais e a supressão de serviços no valor de R$ 6.614,61"),
            ["addition", "reduction"]
        );
    }

    #[test]
    fn terms_and_prices() {
        for object in [
            "Prorrogação do prazo de vigência",
            "PRIORROGAÇÃO de prazos de vigência",
            "Prorrogarção da vigência do contrato",
            "A vigência do contrato original fica prorrogada por 90 (noventa) dias",
            "Vigência do contrato por mais 12 (doze) meses",
            "Alteração da vigência do contrato",
            "Dilação do prazo de execução",
            "Renovação do contrato",
        ] {
            assert_eq!(kinds(object), ["term"], "{object}");
        }
        for object in [
            "Acréscimo de 30 dias no prazo de execução",
            "O prazo de execução, inicialmente de 30 dias, será ACRESCIDO DE 45 (QUARENTA E CINCO) DIAS",
            "Acrescentar 12 (doze) meses ao contrato",
            "Alteração das cláusulas terceira, dos recursos financeiros, e sétima, da vigência e do prazo",
        ] {
            assert_eq!(kinds(object), ["term"], "{object}");
        }
        assert_eq!(kinds("Aditivo de valor para o exercício seguinte, por 12 meses"), ["addition", "term"]);
        assert_eq!(kinds("Acréscimo de valor para a continuidade dos serviços"), ["addition", "term"]);
        assert_eq!(
            kinds("Acréscimo de valor para restabelecer o equilíbrio econômico-financeiro"),
            ["addition", "price"]
        );
        assert_eq!(kinds("Majoração do preço unitário"), ["addition", "price"]);
        assert_eq!(kinds("Acréscimo conforme o índice IPCA acumulado"), ["addition", "price"]);
        assert_eq!(kinds("Prorrogação do prazo de vigência e o acréscimo de serviços"), ["addition", "term"]);
        assert_eq!(kinds("Reajustar e prorrogar o prazo de vigência"), ["term", "price"]);
        for object in [
            "Repactuação dos preços do contrato administrativo",
            "Revisão de preços do contrato em razão da adequação dos valores de EPI",
            "Reequilíbrio econômico-financeiro do contrato",
            "O contrato foi reequilibrado de acordo com CCT 2024",
            "Reajuste de preço a partir de 03/08/2024",
            "Atualização monetária",
        ] {
            assert_eq!(kinds(object), ["price"], "{object}");
        }
    }

    #[test]
    fn the_rest_is_not_guessed() {
        assert_eq!(kinds("Informação protegida por sigilo nos termos da legislação vigente"), ["undisclosed"]);
        for object in [
            "",
            "Alteração do sócio representante da contratada",
            "Remanejamento financeiro de rubricas referente ao projeto",
            "Alteração de marca sem acréscimo de valor",
            "Serviço de impressão, incluindo todos os serviços e o fornecimento de suprimentos",
            "O acordo entre as partes, reduzido a termo",
            "Readequação da planilha orçamentária contratual",
            "Inclusão da cláusula dezenove (LGPD)",
            "Alterar o contrato tendo por fundamento o art. 65, inciso I",
        ] {
            assert_eq!(kinds(object), ["other"], "{object}");
        }
        assert_eq!(kinds("Alteração do valor e da vigência da execução do projeto"), ["term"]);
    }
}
