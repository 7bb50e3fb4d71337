//! What a contract buys, read from its object.

use super::words::{after, before, has_word, near, stem, tokens};
use crate::model::fold;

/// What a contract buys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectType {
    /// Works and engineering; maintenance of vehicles too, which art. 75 I of Lei 14.133/2021 puts beside them.
    Works,
    /// Other services.
    Services,
    /// Goods.
    Goods,
    /// The text does not say.
    Unknown,
}

impl ObjectType {
    /// Name in SQL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::Services => "services",
            Self::Goods => "goods",
            Self::Unknown => "unknown",
        }
    }
}

/// How far into an object its kind is looked for: what follows is boilerplate.
const REACH: usize = 40;

const VEHICLES: [&str; 12] = [
    "veiculo",
    "viatura",
    "frota",
    "automotiv",
    "automotor",
    "caminhao",
    "caminhoes",
    "onibus",
    "motociclet",
    "ambulancia",
    "automove",
    "micro onibus",
];
const UPKEEP: [&str; 8] = ["manutenc", "manutec", "conserto", "reparo", "revisao", "revisoes", "mecanica", "funilaria"];
const WORKS: [&str; 15] = [
    "reform",
    "paviment",
    "recapeament",
    "engenharia",
    "edificac",
    "terraplen",
    "dragagem",
    "drenagem",
    "duplicacao",
    "restauracao",
    "demolic",
    "empreitada",
    "retrofit",
    "urbanizac",
    "alvenaria",
];
const SERVICES: [&str; 23] = [
    "servico",
    "prestac",
    "locac",
    "aluguel",
    "manutenc",
    "consultori",
    "assessori",
    "treinament",
    "capacitac",
    "apoio",
    "apoia",
    "vigilancia",
    "limpeza",
    "transport",
    "seguro",
    "hospedagem",
    "publicidade",
    "credenciament",
    "suporte",
    "assinatura",
    "elaborac",
    "realizac",
    "terceirizac",
];
const BUYING: [&str; 4] = ["aquisic", "aquisc", "compra", "adquiri"];
/// Names of things, whole: a stem would take `materialização`, `produtores` and `gênero` for goods.
const GOODS: [&str; 41] = [
    "material",
    "materiais",
    "equipamento",
    "equipamentos",
    "medicamento",
    "medicamentos",
    "insumo",
    "insumos",
    "generos",
    "alimento",
    "alimentos",
    "mobiliario",
    "mobiliarios",
    "veiculo",
    "veiculos",
    "combustivel",
    "combustiveis",
    "peca",
    "pecas",
    "computador",
    "computadores",
    "notebook",
    "notebooks",
    "uniforme",
    "uniformes",
    "reagente",
    "reagentes",
    "vacina",
    "vacinas",
    "livro",
    "livros",
    "licenca",
    "licencas",
    "protese",
    "proteses",
    "ortese",
    "orteses",
    "kit",
    "kits",
    "produto",
    "produtos",
];
/// What is supplied without being a thing.
const SUPPLIED_SERVICES: [&str; 16] = [
    "mao",
    "energia",
    "agua",
    "link",
    "internet",
    "passage",
    "servico",
    "sinal",
    "acesso",
    "refeic",
    "diaria",
    "hospedagem",
    "transport",
    "solucao",
    "solucoes",
    "assinatura",
];

/// What is supplied in bottles, for all that its name begins like a service's (`agua mineral`, `solucoes parenterais`).
const BOTTLED: [&str; 13] = [
    "mineral",
    "minerais",
    "sanitaria",
    "destilada",
    "deionizada",
    "oxigenada",
    "purificada",
    "garraf",
    "envasad",
    "parentera",
    "fisiologic",
    "injetave",
    "desinfetante",
];

/// Reads what a contract buys from its folded object and, where that is silent, from its folded
/// main item.
///
/// In this order: (1) upkeep of vehicles is works; (2) a text whose first telling word is one of
/// buying (`aquisicao`, `compra`, `fornecimento de <thing>`) is goods; (3) a word of works
/// (`obra` but not `mao de obra`, `construcao` but not `material de construcao`, `reforma`,
/// `engenharia`, …) is works; (4) a word of services is services; (5) the name of a thing is goods.
///
/// (5) is weak: where the object has no more than the name of a thing, a main item that says more
/// decides.
pub fn object_type(object_folded: Option<&str>, main_item_folded: Option<&str>) -> ObjectType {
    let said = [object_folded, main_item_folded].map(|text| text.and_then(telling));
    let named = || [object_folded, main_item_folded].into_iter().flatten().any(names_goods);
    let goods = || if named() { ObjectType::Goods } else { ObjectType::Unknown };
    said.into_iter().flatten().next().unwrap_or_else(goods)
}

/// What the first telling word says; `None` without one.
fn telling(text: &str) -> Option<ObjectType> {
    let words = reach(text);
    if upkeep_of_vehicles(&words) {
        return Some(ObjectType::Works);
    }
    let first = (0..words.len()).find_map(|at| {
        if is_buying(&words, at) {
            Some(ObjectType::Goods)
        } else if is_works(&words, at) {
            Some(ObjectType::Works)
        } else if stem(words[at], &SERVICES) || supplies_service(&words, at) {
            Some(ObjectType::Services)
        } else {
            None
        }
    });
    match first {
        Some(ObjectType::Services) if (0..words.len()).any(|at| is_works(&words, at)) => Some(ObjectType::Works),
        first => first,
    }
}

fn names_goods(text: &str) -> bool {
    reach(text).iter().any(|word| GOODS.contains(word))
}

fn reach(text: &str) -> Vec<&str> {
    let mut words = tokens(text);
    words.truncate(REACH);
    words
}

fn is_buying(words: &[&str], at: usize) -> bool {
    let with = matches!(before(words, at, 1), "com" | "incluindo" | "inclusive" | "o" | "e");
    match words[at] {
        "fornecimento" | "fornecimentos" => !with && !supplies_service(words, at),
        // "compras" also names the department that buys.
        word => stem(word, &BUYING) && !matches!(before(words, at, 1), "com" | "e") && !supplies_service(words, at),
    }
}

/// `fornecimento de energia`, `de link de dados`, `compra de energia`: nothing that is kept.
fn supplies_service(words: &[&str], at: usize) -> bool {
    (stem(words[at], &["fornecimento", "abasteciment"])
        && near(words, at, 4, &SUPPLIED_SERVICES)
        && !near(words, at, 6, &BOTTLED))
        || (stem(words[at], &BUYING) && near(words, at, 2, &["energia"]))
}

fn is_works(words: &[&str], at: usize) -> bool {
    match words[at] {
        "obra" | "obras" => {
            let labour = before(words, at, 1) == "de" && matches!(before(words, at, 2), "mao" | "maos");
            let art =
                matches!(after(words, at, 1), "literaria" | "literarias" | "artistica" | "artisticas" | "musicais")
                    || (after(words, at, 1) == "de"
                        && after(words, at, 2) == "arte"
                        && !stem(after(words, at, 3), &["especia"]));
            !labour && !art
        }
        "construcao" | "construcoes" => {
            let material =
                matches!(before(words, at, 1), "de" | "para") && near(words, at.saturating_sub(4), 3, &["materia"]);
            !material && !near(words, at, 2, &["conheciment", "coletiv", "saber"])
        }
        "ampliacao" => near(words, at, 4, &["predio", "edific", "escola", "hospital", "rede", "campus", "sede"]),
        "reforma" => {
            !stem(after(words, at, 1), &["agraria", "tributaria", "administrativa", "previdenciaria", "psiquiatrica"])
        }
        word => stem(word, &WORKS),
    }
}

fn upkeep_of_vehicles(words: &[&str]) -> bool {
    (0..words.len()).any(|at| {
        stem(words[at], &UPKEEP)
            && !matches!(before(words, at, 1), "com" | "e" | "sem")
            && near(words, at, 8, &VEHICLES)
    })
}

/// Whether an object is upkeep of vehicles, parts included (Lei 14.133/2021 art. 75 §7).
pub fn is_vehicle_maintenance(object_folded: &str) -> bool {
    upkeep_of_vehicles(&reach(object_folded))
}

/// Whether an object is the reform of a building or of equipment, for which additions may reach
/// 50 % (Lei 14.133/2021 art. 125; Lei 8.666/1993 art. 65 §1).
pub fn is_reform(object_folded: &str) -> bool {
    let words = tokens(object_folded);
    (0..words.len()).any(|at| match words[at] {
        "reforma" | "reformas" => {
            !stem(after(&words, at, 1), &["agraria", "tributaria", "administrativa", "previdenciaria", "psiquiatrica"])
        }
        word => stem(word, &["reforma", "retrofit"]),
    })
}

/// What is granted or sold against payment, in folded texts.
const INCOME: [&str; 15] = [
    "concessao de uso",
    "concessao onerosa",
    "concessao remunerada",
    "permissao de uso",
    "permissao onerosa",
    "permissao remunerada",
    "cessao onerosa",
    "cessao de uso de espaco",
    "cessao de uso de area",
    "alienacao de",
    "venda de bens",
    "maior lance",
    "maior oferta",
    "maior valor ofertado",
    "outorga onerosa",
];

/// Whether a tender brings in money, so that the highest bid wins: by its folded object, or by its criterion (`maior lance`
/// of Lei 14.133/2021 art. 33 V, `maior oferta`).
pub fn brings_income(object_folded: Option<&str>, criterion: Option<&str>) -> bool {
    let criterion = fold(criterion.unwrap_or_default());
    ["maior lance", "maior oferta", "lance ou oferta"].iter().any(|phrase| has_word(&criterion, phrase))
        || object_folded.is_some_and(|object| INCOME.iter().any(|phrase| has_word(object, phrase)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(object: &str) -> &'static str {
        object_type(Some(&fold(object)), None).as_str()
    }

    #[test]
    fn goods() {
        for object in [
            "Objeto: Aquisição de equipamentos, conforme condições estabelecidas no Termo de Referência",
            "AQUISIÇÃO EMERGENCIAL DE PRODUTOS PARA SAÚDE DO TIPO SISTEMA DE DERIVAÇÃO",
            "Objeto: Fornecimento de peças para manutenção.",
            "OBJETO: Aquisição, pela CONTRATANTE, de Partes e Peças para Terminais Multifunções",
            "Compra de material de construção",
            "Aquisição de material de construção para obras do campus",
            "Gêneros alimentícios da agricultura familiar",
            "Aquisição de mobiliários com montagem",
            "Aquisição de veículos",
            "Fornecimento de água mineral em garrafões de 20 litros",
            "Fornecimento de água sanitária",
            "Registro de preços para fornecimento de soluções parenterais de grande volume",
        ] {
            assert_eq!(kind(object), "goods", "{object}");
        }
    }

    #[test]
    fn services() {
        for object in [
            "OBJETO: Prestação de serviços de limpeza e conservação, com fornecimento de insumos necessários",
            "Objeto: serviço continuado de apoio administrativo com dedicação exclusiva de mão de obra",
            "OBJETO: Fornecimento de link de dados de 100 Mbps de acesso à internet",
            "Contrato de locação de imóvel de terceiros",
            "Manutenção de ar condicionado e bebedouros.",
            "Fornecimento de energia elétrica",
            "Fornecimento de água e coleta de esgoto",
            "Contratação emergencial de serviços de cozinheiro(a) com fornecimento de materiais",
        ] {
            assert_eq!(kind(object), "services", "{object}");
        }
    }

    #[test]
    fn works() {
        for object in [
            "Execução de obras de pavimentação asfáltica",
            "Contratação de empresa para reforma do prédio da reitoria",
            "Prestação de serviços de engenharia para manutenção predial",
            "Objeto: prestação de serviços de manutenção preventiva e corretiva de veículos da frota",
            "Contratação de empresa especializada para construção de quadra poliesportiva",
            "Execução de serviços emergenciais de dragagem",
            "Elaboração de projetos e execução de obras de arte especiais",
        ] {
            assert_eq!(kind(object), "works", "{object}");
        }
    }

    #[test]
    fn unknown_and_main_item() {
        assert_eq!(kind(""), "unknown");
        assert_eq!(kind("Informação protegida por sigilo nos termos da legislação vigente"), "unknown");
        assert_eq!(object_type(Some("conforme edital"), Some("servico de vigilancia")), ObjectType::Services);
        assert_eq!(object_type(None, Some("medicamento")), ObjectType::Goods);
        assert_eq!(object_type(Some("aquisicao de livros"), Some("servico de frete")), ObjectType::Goods);
        assert_eq!(object_type(None, None), ObjectType::Unknown);
    }

    #[test]
    fn what_brings_in_money() {
        for object in [
            "Concessão onerosa de uso de espaço físico para cantina",
            "Permissão de uso de área",
            "Alienação de bens móveis inservíveis",
            "Gestão da folha de pagamento, pela maior oferta",
        ] {
            assert!(brings_income(Some(&fold(object)), None), "{object}");
        }
        for object in ["Cessão de direito de uso de licenças", "Concessão de bolsas", "Aquisição de material"] {
            assert!(!brings_income(Some(&fold(object)), Some("Menor preço")), "{object}");
            assert!(brings_income(Some(&fold(object)), Some("Maior Lance ou Oferta")), "{object}");
        }
        assert!(!brings_income(None, None));
    }

    #[test]
    fn vehicles_and_reforms() {
        assert!(is_vehicle_maintenance(&fold("Manutenção de veículos oficiais, com peças")));
        assert!(is_vehicle_maintenance(&fold("Serviço de conserto da viatura placa ABC1D23")));
        assert!(!is_vehicle_maintenance(&fold("Aquisição de veículos com manutenção")));
        assert!(!is_vehicle_maintenance(&fold("Manutenção de elevadores")));
        assert!(is_reform(&fold("Reforma das instalações elétricas e pintura do templo")));
        assert!(is_reform(&fold("serviços para reformar o telhado")));
        assert!(!is_reform(&fold("Assentamentos da reforma agrária")));
        assert!(!is_reform(&fold("Plataforma de ensino")));
    }

    #[test]
    fn the_name_of_a_thing_is_a_whole_word_and_weak() {
        let services = Some("prestacao de servicos de apoio administrativo");
        for object in [
            "materializacao de politicas publicas com perspectiva de genero",
            "projeto de pesquisa com produtores rurais",
            "kit de ferramentas e materiais para a pesquisa",
        ] {
            assert_eq!(object_type(Some(object), services), ObjectType::Services, "{object}");
        }
        assert_eq!(object_type(Some("materializacao de politicas de genero"), None), ObjectType::Unknown);
        assert_eq!(object_type(Some("apoiar o projeto de pesquisa com materiais"), None), ObjectType::Services);
        assert_eq!(object_type(Some("medicamentos e insumos"), None), ObjectType::Goods);
        assert_eq!(object_type(Some("medicamentos e insumos"), Some("dipirona")), ObjectType::Goods);
        for object in ["compra de energia eletrica", "aquisicao de energia", "abastecimento de agua e energia"] {
            assert_eq!(object_type(Some(object), None), ObjectType::Services, "{object}");
        }
    }
}
